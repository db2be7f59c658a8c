"""From a file to checked fields: read it, extract, look again where a check failed.

from chatvlmllm.fields import extract
paper = extract("invoice.pdf")
print(paper.form, paper.value("total"), paper.outcome)
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm import forms, models, questions, routing
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
            return _extract(list(document.pages(pages)), form, options, host, folders)
    finally:
        if document is not source:
            document.close()


def _extract(
    pages: Sequence[Page], form: str, options: Options, host: Host, folders: Sequence[Path]
) -> forms.Extraction:
    """Where a model will be asked for the fields, the pages are read by those that know the places of words."""
    asked = questions.model(pages[0], options, host) if pages else None
    readings = _placed(pages, options, host) if asked else [r for _, r in read_pages(pages, options, host)]
    return understood(list(zip(pages, readings, strict=True)), form, options, host, folders)


def understood(
    read: Sequence[tuple[Page, Reading]], form: str, options: Options, host: Host, folders: Sequence[Path] = ()
) -> forms.Extraction:
    """The fields of pages that were read. A vision-language model, where there is one, is asked for them as well.

    What a model read is checked against a reader that knows the places of words.
    """
    pages, readings = [page for page, _ in read], [reading for _, reading in read]
    asked = questions.model(pages[0], options, host) if pages else None
    guessed = any(reading.answered and models.find(reading.answered).generative for reading in readings)
    placed = _placed(pages, options, host) if guessed else readings
    base = placed if asked else readings
    look = looker({page.number: (page, reading) for page, reading in zip(pages, base, strict=True)}, options, host)
    aids = forms.Aids(look=look, folders=folders, witness=placed if guessed and not asked else ())
    if asked is None:
        return forms.extract(base, form, aids)
    known = forms.extract(base, form, replace(aids, look=None))
    if known.form == forms.OTHER:
        return known
    said = questions.ask(pages, forms.find(known.form, folders), asked, options, host)
    found = forms.extract(base, known.form, replace(aids, answer=said.values))
    return replace(found, detection=known.detection, asked=asked.key, notices=said.notices)


def _placed(pages: Sequence[Page], options: Options, host: Host) -> list[Reading]:
    """The pages by readers that give every word its place: the text of the PDF, else the reader in this program."""
    by_reader: dict[str, list[Page]] = {}
    for page in pages:
        chain, _ = routing.candidates(page, replace(options, model=routing.AUTO, settings={}, draft=""))
        by_reader.setdefault(chain[0].model.key, []).append(page)
    found: dict[int, Reading] = {}
    for key, group in by_reader.items():
        wanted = replace(options, model=key, settings={}, draft="")
        found |= {page.number: reading for page, reading in read_pages(group, wanted, host)}
    return [found[page.number] for page in pages]


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
    chain, _ = routing.candidates(page, replace(options, model=routing.AUTO, task=Task.TEXT, draft=""))
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
