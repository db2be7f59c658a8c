"""Text with location tags.

`deepseek` reads DeepSeek-OCR: `<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2], …]<|/det|>` in 0…999 of the page without
padding, where the label is a category followed by the text, or the text itself; and Unlimited-OCR's shorter
`<|det|>type [x1, y1, x2, y2]<|/det|>text`. `spans` reads Qwen2-VL: `<|object_ref_start|>name<|object_ref_end|>
<|box_start|>(x1,y1),(x2,y2)<|box_end|>` in 0…1000, and MinerU's `<|box_start|>x1 y1 x2 y2<|box_end|><|ref_start|>type
<|ref_end|>`. Coordinates are read as numbers; nothing is evaluated. Source: model cards and code of these projects.
"""

import re
from dataclasses import dataclass, field

from chatvlmllm.decode import Decoded, Decoder, markdown
from chatvlmllm.decode.blocks import build, kind_of, known, spotted
from chatvlmllm.decode.boxes import Grid, below_thousand, numbers, place, thousand
from chatvlmllm.decode.tally import Tally
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Block, Kind

_TAG = re.compile(
    r"<\|(?:(?P<ref>ref|object_ref_start|ref_start)|(?P<ref_end>/ref|object_ref_end|ref_end)"
    r"|(?P<box>det|box_start|quad_start)|(?P<box_end>/det|box_end|quad_end)"
    r"|(?:grounding|rotate_\w{1,10}|im_end|endoftext))\|>"
    r"|<｜[^<>｜]{1,40}｜>"
)
_CUT_TAG = re.compile(r"<(?:\|[\w/]*\|?|｜[^<>｜]{0,40})?\Z")
_COORDINATES = re.compile(r"\A[\s\d\[\](),.-]+")
_TYPED_BOX = re.compile(r"\s*([A-Za-z][A-Za-z _-]{0,40}?)\s*(?=[\[(])")


@dataclass(slots=True)
class _Segment:
    """A label, its coordinates and the text that follows; `label` and `box` are None where no tag came."""

    label: str | None = None
    box: list[float] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def content(self) -> str:
        return "".join(self.said).strip()


def deepseek(grid: Grid = below_thousand) -> Decoder:
    """Blocks with categories where the reply has them, located lines otherwise."""
    return _decoder(grid)


def spans(grid: Grid = thousand) -> Decoder:
    """Located phrases, or located categories; by default in Qwen's and MinerU's grid."""
    return _decoder(grid)


def _decoder(grid: Grid) -> Decoder:
    def decode(reply: Reply, request: Request) -> Decoded:
        tally = Tally()
        segments = _segments(reply.text, tally)
        labelled = [segment for segment in segments if segment.label is not None]
        categories = any(s.content for s in labelled) or all(known(s.label or "") for s in labelled)
        blocks: list[Block] = []
        for segment in segments:
            box = _place(segment, grid, request, tally)
            blocks += _blocks(segment, box, tally, categories=categories)
        if blocks and not labelled and not any(segment.box for segment in segments):
            tally.add("layout_missing")
        return Decoded(tuple(blocks), tally.notices())

    return decode


def _segments(text: str, tally: Tally) -> list[_Segment]:
    """The reply cut at its tags; a tag pair that the end of the text cuts gives no coordinates and no category."""
    whole = _CUT_TAG.sub("", text[-60:])
    text = text[: len(text) - len(text[-60:])] + whole
    segments = [_Segment()]
    inside, at = "", 0
    for tag in _TAG.finditer(text):
        _take(segments, inside, text[at : tag.start()], closed=bool(tag["ref_end"] or tag["box_end"]))
        inside = "ref" if tag["ref"] else "box" if tag["box"] else ""
        at = tag.end()
    _take(segments, inside, text[at:], closed=False)
    tally.add("reply_cut", int(bool(inside)))
    return segments


def _take(segments: list[_Segment], inside: str, text: str, *, closed: bool) -> None:
    """Puts what stands before a tag into the segment that it belongs to."""
    last = segments[-1]
    if inside and closed:
        if getattr(last, "label" if inside == "ref" else "box") is not None or last.content:
            last = _Segment()
            segments.append(last)
        if inside == "ref":
            last.label = text.strip()
            return
        typed = _TYPED_BOX.match(text)
        if typed and last.label is None:
            last.label = typed[1]
        last.box = numbers(text)
    elif inside:  # never closed: what was said inside is text, nobody knows of what sort or where
        segments.append(_Segment(said=[text if inside == "ref" else _COORDINATES.sub("", text)]))
    else:
        last.said.append(text)


def _place(segment: _Segment, grid: Grid, request: Request, tally: Tally) -> Box | None:
    """The box around all boxes of a segment."""
    if segment.box is None:
        return None
    quads = [segment.box[i : i + 4] for i in range(0, len(segment.box), 4)] or [[]]
    placed = [box for quad in quads if (box := place(quad, grid, request, tally)) is not None]
    return union(placed) if placed else None


def _blocks(segment: _Segment, box: Box | None, tally: Tally, *, categories: bool) -> list[Block]:
    label, content = segment.label, segment.content
    if label is None:
        if box is not None and content:
            return [build(Kind.TEXT, content, box, tally)]
        return markdown.blocks(content, tally)
    if not categories:
        return [spotted(label, box), *markdown.blocks(content, tally)] if label else []
    kind = kind_of(label, tally)
    if not content and (box is None or kind is Kind.TEXT):
        return [build(kind, "", box, tally)] if box is not None else []
    return [build(kind, content, box, tally)]
