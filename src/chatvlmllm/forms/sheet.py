"""A page as extraction sees it: segments of text on visual rows, and streams of text that know their words.

A segment is a run of words without a column gap. Rows are built across the reader's own blocks, so that a value stands
on the row of its label even when the reader put them into different blocks. Boxes stay in page pixels; a tilt of the
page is measured from its lines and taken into account only to tell rows.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from statistics import linear_regression, median

from chatvlmllm.geometry import Box, Size, union
from chatvlmllm.reading import Block, Reading, Table, Word

#: A gap wider than this share of the text height parts two segments.
_COLUMN_GAP = 1.6
_RULES = re.compile(r"^[|¦\[\]{}_‗—–\-=~.]*[|¦\[\]{}_‗][|¦\[\]{}_‗—–\-=~.]*$")
#: Only lines this many text heights long tell the tilt, and only this many of them together: letters differ in height.
_LONG, _MANY = 18, 4
#: A smaller slope than this (a sixth of a degree) is taken for level.
_LEVEL = 0.003
#: Where no line is long, words beside each other must cover so many text heights, this share of them at one slope.
_WIDE, _AGREED = 20, 0.6
#: Synthetic geometry for readings without places: one character cell in pixels.
_CELL_WIDTH, _CELL_HEIGHT = 10.0, 20.0


@dataclass(frozen=True)
class Stream:
    """Text that knows which word each character came from."""

    words: tuple[Word, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        found, place = [], 0
        for word in self.words:
            found.append(place)
            place += len(word.text) + 1
        return tuple(found)

    @cached_property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def at(self, start: int, end: int) -> tuple[Word, ...]:
        """The words that the characters start…end touch."""
        if end <= start:
            return ()
        first = max(0, bisect_right(self.starts, start) - 1)
        last = max(0, bisect_right(self.starts, end - 1) - 1)
        return self.words[first : last + 1]


@dataclass(frozen=True)
class Segment(Stream):
    """A run of words on visual row `row` (from 0) of page `page`."""

    page: int = 1
    row: int = 0

    @cached_property
    def box(self) -> Box:
        return union([word.box for word in self.words])

    @cached_property
    def height(self) -> float:
        """The usual word height, in pixels."""
        return median([word.box.height for word in self.words])


@dataclass(frozen=True)
class Sheet:
    """One page: `rows` of segments from left to right; `reading` is the same text in the reader's own order.

    `located` is false when the reader gave no boxes; then all geometry is synthetic and must not be shown.
    `slope` is the rise of the lines in pixels per pixel.
    """

    page: int
    size: Size
    rows: tuple[tuple[Segment, ...], ...]
    reading: Stream
    tables: tuple[Table, ...] = ()
    located: bool = True
    slope: float = 0.0
    _index: dict[int, Segment] = field(default_factory=dict)

    @property
    def segments(self) -> Iterator[Segment]:
        """All segments, row by row."""
        for row in self.rows:
            yield from row

    @cached_property
    def height(self) -> float:
        """The usual text height of the page, in pixels."""
        return median([segment.height for segment in self.segments] or [_CELL_HEIGHT])


def sheet(reading: Reading) -> Sheet:
    """The page of a reading."""
    lines, located = _lines(reading.blocks)
    tables = tuple(block.table for block in reading.blocks if block.table is not None)
    slope = _slope(lines, tables)
    runs = [run for line in lines for run in _split(line)]
    rows = _rows(runs, slope)
    placed = tuple(tuple(Segment(tuple(run), reading.page, index) for run in row) for index, row in enumerate(rows))
    flow = Stream(tuple(word for line in lines for word in line))
    return Sheet(reading.page, reading.size, placed, flow, tables, located, slope)


def _lines(blocks: Sequence[Block]) -> tuple[list[list[Word]], bool]:
    """Lines of words without ruling debris, and whether their boxes are real."""
    lines = [[w for w in map(_bare, line.words) if w is not None] for block in blocks for line in block.lines]
    lines = [line for line in lines if line]
    if lines:
        return lines, True
    texts = [row for block in blocks for row in _plain(block)]
    return [_typed(text, index) for index, text in enumerate(texts) if text.strip()], False


def _bare(word: Word) -> Word | None:
    """The word without bars that are ruling lines read as letters; None when nothing else is left."""
    if _RULES.match(word.text):
        return None
    text = word.text.strip("|¦[]{}" if word.text[-1:] in "|¦]}[{" or word.text[:1] in "|¦[{" else "|¦")
    return Word(text, word.box, word.confidence) if text else None


def _plain(block: Block) -> list[str]:
    """The lines of a block that has no words: table rows with wide gaps, other text without markup signs."""
    if block.table is not None:
        return ["    ".join(cell for cell in row if cell) for row in block.table.grid()]
    return [re.sub(r"<[^>]{1,40}>", " ", re.sub(r"[*#`]+|^\s*[-•]\s", "", row)) for row in block.text.splitlines()]


def _typed(text: str, index: int) -> list[Word]:
    """Words of a line set as on a typewriter."""
    top = index * _CELL_HEIGHT * 1.4
    return [
        Word(m.group(), Box(m.start() * _CELL_WIDTH, top, m.end() * _CELL_WIDTH, top + _CELL_HEIGHT))
        for m in re.finditer(r"\S+", text)
    ]


def _slope(lines: Sequence[Sequence[Word]], tables: Iterable[Table]) -> float:
    """The median rise of long straight lines and rows of tables, pixels per pixel; 0 for few of them or no tilt."""
    found = [rise for line in lines if (rise := _rise(line)) is not None]
    found += [rise for table in tables for rise in _table_rises(table)]
    tilt = median(found) if len(found) >= _MANY else _drift(lines)
    return tilt if abs(tilt) > _LEVEL else 0.0


def _drift(lines: Sequence[Sequence[Word]]) -> float:
    """The tilt of a page without long lines: the median slope from word to next word, the further apart the weightier.

    0 where words beside each other are few, or do not agree: tall letters and tails alone make small slopes of any
    sign.
    """
    pairs = [
        ((right.y1 + right.y2 - left.y1 - left.y2) / (right.x1 + right.x2 - left.x1 - left.x2), right.x1 - left.x1)
        for line in lines
        for left, right in pairwise([word.box for word in line if word.box.width > word.box.height])
        # A label and its value, further apart, may be set in different sizes.
        if 0 <= right.x1 - left.x2 <= _COLUMN_GAP * left.height
    ]
    total = sum(weight for _, weight in pairs)
    if total < _WIDE * median([word.box.height for line in lines for word in line] or [1.0]):
        return 0.0
    sums = accumulate(weight for _, weight in sorted(pairs))
    middle = next(slope for (slope, _), sum_ in zip(sorted(pairs), sums, strict=True) if sum_ >= total / 2)
    agreed = sum(weight for slope, weight in pairs if abs(slope - middle) < 0.5 * abs(middle))
    return middle if agreed > _AGREED * total else 0.0


def _table_rises(table: Table) -> Iterator[float]:
    """The slope of each row of a table, from the middles of its cells."""
    for row in range(table.rows):
        boxes = [cell.box for cell in table.cells if cell.row == row and cell.rows == 1 and cell.box is not None]
        xs = [(box.x1 + box.x2) / 2 for box in boxes]
        if len(boxes) >= _MANY and max(xs) > min(xs):
            yield linear_regression(xs, [(box.y1 + box.y2) / 2 for box in boxes])[0]


def _rise(line: Sequence[Word]) -> float | None:
    """The slope of the least-squares line through the words' middles; None for short lines and for crooked ones."""
    height = median([word.box.height for word in line])
    if len(line) < 4 or line[-1].box.x2 - line[0].box.x1 < _LONG * height:
        return None
    xs = [(word.box.x1 + word.box.x2) / 2 for word in line]
    ys = [(word.box.y1 + word.box.y2) / 2 for word in line]
    rise, start = linear_regression(xs, ys)
    off = max(abs(y - start - rise * x) for x, y in zip(xs, ys, strict=True))
    return rise if off < 0.35 * height else None


def _split(line: Sequence[Word]) -> list[list[Word]]:
    """A line parted at column gaps."""
    height = median([word.box.height for word in line])
    runs: list[list[Word]] = []
    for word in line:
        if runs and word.box.x1 - runs[-1][-1].box.x2 <= _COLUMN_GAP * height and word.box.x2 > runs[-1][-1].box.x1:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _rows(runs: list[list[Word]], slope: float) -> list[list[list[Word]]]:
    """Runs gathered into visual rows from top to bottom, each from left to right."""

    def middle(run: Sequence[Word]) -> float:
        box = union([word.box for word in run])
        return (box.y1 + box.y2) / 2 - slope * (box.x1 + box.x2) / 2

    usual = median([word.box.height for run in runs for word in run] or [_CELL_HEIGHT])
    rows: list[tuple[float, float, list[list[Word]]]] = []
    for run in sorted(runs, key=middle):
        # A dash is no measure of a line's height, nor is one large letter.
        place, height = middle(run), max(0.7 * usual, median([word.box.height for word in run]))
        if rows and place - rows[-1][0] <= 0.5 * min(height, rows[-1][1]):
            mean, tall, members = rows[-1]
            rows[-1] = ((mean * len(members) + place) / (len(members) + 1), max(height, tall), [*members, run])
        else:
            rows.append((place, height, [run]))
    return [sorted(members, key=lambda run: run[0].box.x1) for _, _, members in rows]
