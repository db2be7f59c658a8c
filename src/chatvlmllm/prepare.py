"""A page and a model's recipe become a request. Pure but for decoding the page's pixels."""

from typing import TYPE_CHECKING

from chatvlmllm.document import Page
from chatvlmllm.errors import TaskNotSupported
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.geometry import Box, Size, whole
from chatvlmllm.models.card import Model, Recipe
from chatvlmllm.trust.looks import Look

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pixels of paper around a line that is shown on its own.
_PAPER = 10


def recipe(model: Model, task: Task) -> Recipe:
    """How `model` does `task`; raises TaskNotSupported that lists what it can do."""
    if task not in model.recipes:
        raise TaskNotSupported(model=model.key, task=task, tasks=", ".join(model.recipes))
    return model.recipes[task]


def prepare(page: Page, model: Model, task: Task, languages: tuple[str, ...], seconds: float) -> Request:
    """What is sent for one whole page, resized by the model's own rules."""
    chosen = recipe(model, task)
    limits = Limits(chosen.limits.tokens, min(chosen.limits.seconds, seconds))
    image = None
    if chosen.needs_image:
        image = page.image()
        wanted = model.image.fit(page.size)
        if (wanted.width, wanted.height) != image.size:
            image = image.resize((wanted.width, wanted.height), resample=3)  # 3 is bicubic
    return Request(
        model=model.key,
        task=task,
        page=page.size,
        region=whole(page.size),
        image=image,
        text_layer=None if chosen.needs_image else page.text_layer(),
        prompt=chosen.prompt,
        languages=languages,
        limits=limits,
    )


def prepare_look(page: "Image", model: Model, look: Look, seconds: float) -> Request:
    """A part of the page's picture for the second witness, at the size that the look asks for.

    White is put around a line, since recognisers expect paper at its ends.
    """
    from PIL import ImageOps

    chosen = recipe(model, Task.TEXT)
    region = Box(*(round(edge) for edge in (look.region.x1, look.region.y1, look.region.x2, look.region.y2)))
    image = page.crop((int(region.x1), int(region.y1), int(region.x2), int(region.y2)))
    wanted = Size(*image.size).scaled(look.scale) if look.layout == "line" else model.image.fit(Size(*image.size))
    if (wanted.width, wanted.height) != image.size:
        image = image.resize((wanted.width, wanted.height), resample=3)
    if look.layout == "line":
        border = round(_PAPER / look.scale)
        image = ImageOps.expand(image, _PAPER, fill="white")
        region = Box(region.x1 - border, region.y1 - border, region.x2 + border, region.y2 + border)
    return Request(
        model=model.key,
        task=Task.TEXT,
        page=Size(*page.size),
        region=region,
        image=image,
        languages=look.languages,
        limits=Limits(chosen.limits.tokens, min(chosen.limits.seconds, seconds)),
        options={} if look.layout == "page" else {"layout": look.layout},
    )
