"""Readings as data for the picture and the text of `static`; pure. Boxes are in pixels of the upright page."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chatvlmllm.export import doubts as marks
from chatvlmllm.reading import Block, Doubt, Format, Kind, Reading

#: Every category has its colour; all stand out from white paper with a contrast of at least 4.5.
COLOURS = {
    Kind.TITLE: "#b3261e",
    Kind.HEADING: "#a13d00",
    Kind.TEXT: "#1d5fbf",
    Kind.LIST: "#00677d",
    Kind.TABLE: "#1b7a3d",
    Kind.PICTURE: "#7b3fb5",
    Kind.FORMULA: "#a4167c",
    Kind.CAPTION: "#6b5b00",
    Kind.FOOTNOTE: "#5f6368",
    Kind.HEADER: "#4a5568",
    Kind.FOOTER: "#3d5a6c",
    Kind.PAGE_NUMBER: "#6a4c3b",
    Kind.STAMP: "#4338ca",
    Kind.SIGNATURE: "#0b6e4f",
}

#: A sentence by its key, in the session's language.
Say = Callable[[str], str]


def boxes(reading: Reading, say: Say) -> list[dict[str, Any]]:
    """The blocks that have a place, the large ones first so that a small one inside can still be hit."""
    found = [
        {
            "index": index,
            "kind": block.kind.value,
            "title": say(f"kinds.{block.kind.value}"),
            "colour": COLOURS[block.kind],
            "x": block.box.x1,
            "y": block.box.y1,
            "width": max(1.0, block.box.width),
            "height": max(1.0, block.box.height),
            "text": readable(block),
        }
        for index, block in enumerate(reading.blocks)
        if block.box is not None
    ]
    return sorted(found, key=lambda box: -float(str(box["width"])) * float(str(box["height"])))


def kinds(reading: Reading, say: Say) -> list[dict[str, Any]]:
    """The legend: every category that has a box on the page, with how many."""
    counts: dict[Kind, int] = {}
    for block in reading.blocks:
        if block.box is not None:
            counts[block.kind] = counts.get(block.kind, 0) + 1
    return [
        {"key": kind.value, "title": say(f"kinds.{kind.value}"), "colour": COLOURS[kind], "count": count}
        for kind, count in counts.items()
    ]


def blocks(reading: Reading, say: Say, language: str) -> list[dict[str, Any]]:
    """The page's text: one entry per block, cut into pieces where a doubt begins or ends."""
    return [
        _block(index, block, doubts, say, language)
        for index, (block, doubts) in enumerate(marks.by_block(reading))
        if block.text or block.table is not None
    ]


def _block(index: int, block: Block, doubts: Sequence[Doubt], say: Say, language: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "index": index,
        "kind": "latex" if block.format is Format.LATEX else block.kind.value,
        "title": say(f"kinds.{block.kind.value}"),
        "colour": COLOURS[block.kind],
        "pieces": list(pieces(block.text, doubts, language)),
    }
    if block.table is not None:
        entry["cells"] = [
            {"row": c.row, "rows": c.rows, "columns": c.columns, "header": c.header, "text": c.text}
            for c in block.table.cells
        ]
    return entry


def pieces(text: str, doubts: Sequence[Doubt], language: str) -> Iterator[dict[str, str]]:
    """`text` in pieces; one that is doubtful says `why`. Overlapping doubts make one piece."""
    done = 0
    for doubt in sorted(doubts, key=lambda doubt: (doubt.start, -doubt.end)):
        if doubt.start < done:
            continue
        if doubt.start > done:
            yield {"text": text[done : doubt.start]}
        yield {"text": text[doubt.start : doubt.end], "why": marks.sentence(doubt, language)}
        done = doubt.end
    if text[done:]:
        yield {"text": text[done:]}


def readable(block: Block) -> str:
    """A block's text without the notation of tables."""
    if block.table is None:
        return block.text
    return "\n".join(" | ".join(" ".join(cell.split()) for cell in row) for row in block.table.grid())
