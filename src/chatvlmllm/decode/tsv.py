"""Tesseract's TSV: twelve tab-separated columns, one row per page, block, paragraph, line or word.

Columns: level, page, block, paragraph, line, word, left, top, width, height, confidence (0…100, -1 for none), text.
Boxes are in pixels of the sent image.
"""

from collections.abc import Iterator
from itertools import groupby

from chatvlmllm.decode import Decoded
from chatvlmllm.decode.records import block, line
from chatvlmllm.errors import UndecodableReply
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Kind, Word

_WORD_LEVEL = "5"
_COLUMNS = 12

#: Block, paragraph and line number of a word: where it stands.
Place = tuple[str, str, str]


def decode(reply: Reply, request: Request) -> Decoded:
    """One block per paragraph, in Tesseract's order."""
    placed = list(_words(reply, request))
    paragraphs = groupby(placed, key=lambda item: item[0][:2])
    return Decoded(tuple(_paragraph(list(group)) for _, group in paragraphs))


def _paragraph(placed: list[tuple[Place, Word]]) -> Block:
    rows = groupby(placed, key=lambda item: item[0])
    return block(Kind.TEXT, [line([word for _, word in row]) for _, row in rows])


def _words(reply: Reply, request: Request) -> Iterator[tuple[Place, Word]]:
    for row in reply.text.splitlines():
        cells = row.split("\t", _COLUMNS - 1)
        if cells[0] != _WORD_LEVEL:
            continue
        if len(cells) != _COLUMNS:
            raise UndecodableReply(model=reply.model, reason=f"a TSV row of {len(cells)} cells")
        text = cells[11].strip()
        if text:
            left, top, width, height = (float(cell) for cell in cells[6:10])
            box = request.to_page(Box(left, top, left + width, top + height))
            yield (cells[2], cells[3], cells[4]), Word(text, box, _confidence(cells[10]))


def _confidence(cell: str) -> float | None:
    value = float(cell)
    return round(value / 100, 4) if value >= 0 else None
