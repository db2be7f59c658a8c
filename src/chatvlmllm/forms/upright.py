"""Pages that lie on their side: geometry is done with the lines level, places are given on the page as it is.

A reader that turned the page for itself gives boxes of the page as it lies; there a line of text is a column.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from chatvlmllm.forms.nouns import Extraction, Field, Group, Source
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Line, Reading, Table

#: Lines of so many words tell the direction of reading, and so many lines decide.
_WORDS, _LINES = 3, 3


def quarters(reading: Reading) -> int:
    """How many quarter turns clockwise bring the lines level and upright, 0…3."""
    steps = [
        ((last.x1 + last.x2 - first.x1 - first.x2) / 2, (last.y1 + last.y2 - first.y1 - first.y2) / 2)
        for block in reading.blocks
        for line in block.lines
        if len(line.words) >= _WORDS
        for first, last in ((line.words[0].box, line.words[-1].box),)
    ]
    if len(steps) < _LINES:
        return 0
    across, down = median(x for x, _ in steps), median(y for _, y in steps)
    if abs(across) >= abs(down):
        return 0 if across >= 0 else 2
    return 3 if down > 0 else 1


def turned(box: Box, size: Size, times: int) -> Box:
    """A box of a page of `size` after so many quarter turns clockwise of the page."""
    for _ in range(times % 4):
        box, size = Box(size.height - box.y2, box.x1, size.height - box.y1, box.x2), Size(size.height, size.width)
    return box


def level(reading: Reading, times: int) -> Reading:
    """The reading with every box turned with the page."""
    if not times:
        return reading
    size = Size(reading.size.height, reading.size.width) if times % 2 else reading.size
    return replace(reading, size=size, blocks=tuple(_block(block, reading.size, times) for block in reading.blocks))


def _block(block: Block, size: Size, times: int) -> Block:
    return replace(
        block,
        box=turned(block.box, size, times) if block.box else None,
        lines=tuple(_line(line, size, times) for line in block.lines),
        table=_table(block.table, size, times) if block.table else None,
    )


def _line(line: Line, size: Size, times: int) -> Line:
    words = tuple(replace(word, box=turned(word.box, size, times)) for word in line.words)
    return replace(line, box=turned(line.box, size, times), words=words)


def _table(table: Table, size: Size, times: int) -> Table:
    cells = tuple(replace(c, box=turned(c.box, size, times) if c.box else None) for c in table.cells)
    return replace(table, cells=cells)


def as_it_lies(found: Extraction, readings: Sequence[Reading], turns: Sequence[int]) -> Extraction:
    """The extraction with its places on the pages as they were given. `turns` are those that levelled them."""
    pages = {reading.page: (level(reading, times).size, -times) for reading, times in zip(readings, turns, strict=True)}

    def box(page: int, one: Box) -> Box:
        return turned(one, *pages[page]) if page in pages else one

    def source(one: Source) -> Source:
        return replace(one, box=box(one.page, one.box) if one.box is not None else None)

    def field(one: Field) -> Field:
        return replace(
            one,
            source=source(one.source) if one.source is not None else None,
            candidates=tuple(replace(other, source=source(other.source)) for other in one.candidates),
            rereads=tuple(replace(other, box=box(other.page, other.box)) for other in one.rereads),
        )

    return replace(
        found,
        fields=tuple(field(one) for one in found.fields),
        groups=tuple(
            Group(g.key, tuple({k: field(c) for k, c in row.items()} for row in g.rows)) for g in found.groups
        ),
    )
