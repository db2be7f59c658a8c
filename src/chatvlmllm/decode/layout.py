"""Layout as JSON: a list of objects with a box, a category and a text.

`dots` reads dots.ocr and dots.mocr: `[{"bbox": [x1, y1, x2, y2], "category": "Table", "text": "<table>…"}, …]`, boxes
in pixels of the image as sent, which therefore has to be resized by the model's own rule before it is sent; the same
without `text` for layout only. `spotting` reads the Qwen family: `[{"bbox_2d": […], "text_content": "…"}, …]`, boxes in
0…1000 of the image unless told otherwise. Source: prompts and cookbooks of both projects.
"""

from collections.abc import Iterator, Mapping, Sequence

from chatvlmllm.decode import Decoded, Decoder, markdown
from chatvlmllm.decode.blocks import build, kind_of, spotted
from chatvlmllm.decode.boxes import Grid, numbers, pixels, place, thousand
from chatvlmllm.decode.salvage import Bare, Json, Salvaged, objects, salvage
from chatvlmllm.decode.tally import Tally
from chatvlmllm.errors import UndecodableReply
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Kind

_BOX = ("bbox", "bbox_2d", "box", "box_2d", "rec_polys", "points")
_TEXT = ("text", "text_content", "content", "transcription", "html", "latex")
_CATEGORY = ("category", "type", "category_type", "class")
#: Name of an object's box, or of its text where it has no other: "label" is a category in one prompt, text in another.
_LABEL = "label"

Element = Mapping[str, Json]


def dots(grid: Grid = pixels) -> Decoder:
    """Layout elements with categories; one block each."""

    def decode(reply: Reply, request: Request) -> Decoded:
        return _decode(reply, request, grid, plain=False)

    return decode


def spotting(grid: Grid = thousand) -> Decoder:
    """Located lines or words of text; one block with one line each."""

    def decode(reply: Reply, request: Request) -> Decoded:
        return _decode(reply, request, grid, plain=True)

    return decode


def _decode(reply: Reply, request: Request, grid: Grid, *, plain: bool) -> Decoded:
    tally = Tally()
    saved = salvage(reply.text)
    elements = [found for found in objects(saved.values) if _is_element(found)]
    _account(saved, tally)
    if not elements:
        return _without_elements(reply, saved, tally)
    blocks: list[Block] = []
    for element in _distinct(elements, tally):
        box = _place(element, grid, request, tally)
        blocks += _spotted(element, box) if plain else _blocks(element, box, tally)
    return Decoded(tuple(blocks), tally.notices())


def _is_element(found: Element) -> bool:
    return _first(found, _BOX) is not None or bool(_leaves(_first(found, _TEXT)))


def _account(saved: Salvaged, tally: Tally) -> None:
    tally.add("reply_cut", int(saved.cut))
    tally.add("json_repaired", saved.repairs)
    tally.add("json_skipped", saved.skipped)
    tally.add("text_outside_json", saved.prose)


def _without_elements(reply: Reply, saved: Salvaged, tally: Tally) -> Decoded:
    """An empty list is an empty page; prose is text that has no layout; anything else is no answer."""
    if not reply.text.strip() or (saved.values and not any(saved.values) and not saved.cut):
        return Decoded(notices=tally.notices())
    if saved.values or markdown.unfence(reply.text).lstrip().startswith(("{", "[")):
        raise UndecodableReply(model=reply.model, reason="no element with a box or a text")
    prose = Tally()
    prose.add("layout_missing")
    blocks = markdown.blocks(reply.text, prose)
    return Decoded(tuple(blocks), prose.notices())


def _distinct(elements: Sequence[Element], tally: Tally) -> Iterator[Element]:
    """Elements without exact repetitions: models that lose their place say whole elements again."""
    seen: set[str] = set()
    for element in elements:
        key = repr(sorted(element.items(), key=lambda item: item[0])) if _first(element, _BOX) else ""
        if key and key in seen:
            tally.add("duplicates_dropped")
            continue
        seen.add(key)
        yield element


def _place(element: Element, grid: Grid, request: Request, tally: Tally) -> Box | None:
    value = _first(element, _BOX)
    if value is None:
        tally.add("boxes_missing")
        return None
    return place(_coordinates(value), grid, request, tally)


def _coordinates(value: Json) -> list[float]:
    """Numbers of a box written as a list, as a list of points, or as a string of either."""
    found: list[float] = []
    for leaf in _leaves(value):
        found += [float(leaf)] if isinstance(leaf, Bare) else numbers(leaf)
    return found


def _blocks(element: Element, box: Box | None, tally: Tally) -> list[Block]:
    texts = _leaves(_first(element, _TEXT))
    named = _first(element, _CATEGORY) or element.get(_LABEL)
    kind = kind_of(named, tally) if isinstance(named, str) else Kind.TEXT
    if not texts and box is not None:
        return [build(kind, "", box, tally)]
    return [build(kind, text, box, tally) for text in texts]


def _spotted(element: Element, box: Box | None) -> list[Block]:
    texts = _leaves(_first(element, _TEXT) or element.get(_LABEL))
    return [spotted(text, box) for text in texts if text.strip()]


def _first(element: Element, names: tuple[str, ...]) -> Json:
    """The first of the named members that is there and not null."""
    return next((element[name] for name in names if element.get(name) is not None), None)


def _leaves(value: Json) -> list[str]:
    """Every string and number within a value, objects inside it left out: they are elements of their own."""
    waiting, found = [value], list[str]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            waiting.extend(reversed(item))
    return found
