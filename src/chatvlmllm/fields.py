"""From a file to checked fields: read it, extract, look again where a check failed.

from chatvlmllm.fields import extract
paper = extract("invoice.pdf")
print(paper.form, paper.value("total"), paper.outcome)
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm import forms, models, routing
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Reply, Request, Task
from chatvlmllm.geometry import Box, Size
from chatvlmllm.models.card import Model
from chatvlmllm.pipeline import read_pages
from chatvlmllm.prepare import recipe
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Options

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

_DEFAULTS = Options()
#: Letters of a crop are brought to about this height, in pixels; recognisers are surest there.
_LETTER = 60.0
_MOST = 4.0


def extract(
    source: str | Path | bytes | Document,
    form: str = forms.AUTO,
    *,
    options: Options = _DEFAULTS,
    pages: Iterable[int] | None = None,
    folders: Sequence[Path] = (),
    settings: "Settings | None" = None,
) -> forms.Extraction:
    """Read a document and extract its checked fields; doubtful places are read a second time.

    Raises what `recognize` raises, and UnknownForm or FormInvalid before anything is read.
    """
    if settings is None:
        from chatvlmllm.config import load

        settings = load()
    if form != forms.AUTO:
        forms.find(form, folders)
    document = source if isinstance(source, Document) else open_document(source, limits=settings.limits)
    try:
        with Host(settings) as host:
            found = list(read_pages(document.pages(pages), options, host))
            look = looker({page.number: (page, reading) for page, reading in found}, options, host)
            return forms.extract([reading for _, reading in found], form, forms.Aids(look=look, folders=folders))
    finally:
        if document is not source:
            document.close()


def looker(pages: dict[int, tuple[Page, Reading]], options: Options, host: Host) -> Callable[[int, Box], Reading]:
    """A function that reads a rectangle of a page again: enlarged, by another model where there is one."""

    def look(number: int, box: Box) -> Reading:
        page, reading = pages[number]
        model = _other(page, reading, options)
        request = _crop(page, model, box, options)
        try:
            return _read(request, model, number, host)
        except ChatVLMLLMError:
            # A second look is a favour: when it fails, the first one stands.
            return Reading(page=number, size=page.size, verdict=Verdict.FAILED, asked=model.key)

    return look


def _other(page: Page, reading: Reading, options: Options) -> Model:
    """A model that sees the picture, rather not the one that has already read it."""
    chain, _ = routing.candidates(page, replace(options, model=routing.AUTO, task=Task.TEXT))
    seeing = [one.model for one in chain if one.model.recipes[Task.TEXT].needs_image]
    other = [model for model in seeing if model.key != reading.answered]
    return (other or seeing or [models.find(reading.answered or options.model)])[0]


def _crop(page: Page, model: Model, box: Box, options: Options) -> Request:
    from PIL import ImageOps

    edge = box.clip(page.size)
    corners = (int(edge.x1), int(edge.y1), int(edge.x2) + 1, int(edge.y2) + 1)
    image = page.image().crop(corners)
    factor = min(_MOST, max(1.0, _LETTER / max(1.0, edge.height)))
    size = Size(*image.size).scaled(factor)
    # Recognisers expect paper around text.
    margin = 20
    picture = ImageOps.expand(image.resize((size.width, size.height)), border=margin, fill="white")
    pad = margin / factor
    region = Box(corners[0] - pad, corners[1] - pad, corners[2] + pad, corners[3] + pad)
    return Request(
        model=model.key,
        task=Task.TEXT,
        page=page.size,
        region=region,
        image=picture,
        languages=options.languages,
        limits=recipe(model, Task.TEXT).limits,
    )


def _read(request: Request, model: Model, number: int, host: Host) -> Reading:
    with host.ensure(model) as engine:
        reply = next(item for item in engine.stream(request) if isinstance(item, Reply))
    decoded = recipe(model, Task.TEXT).decode(reply, request)
    return Reading(
        page=number,
        size=request.page,
        verdict=Verdict.OK if decoded.blocks else Verdict.BLANK,
        asked=model.key,
        answered=reply.model,
        blocks=decoded.blocks,
        reply=reply,
    )
