"""A page and a model's recipe become a request. Pure but for decoding the page's pixels."""

from chatvlmllm.document import Page
from chatvlmllm.errors import TaskNotSupported
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.geometry import whole
from chatvlmllm.models.card import Model, Recipe


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
