"""Grids of cells: the reader's own tables, or columns found from headers and the white space between words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from chatvlmllm.forms.labels import Hit, hits
from chatvlmllm.forms.sections import best_cut
from chatvlmllm.forms.sheet import Segment, Sheet
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Table, Word

#: A header may wrap over this many visual rows.
_HEADER_ROWS = 10
#: A gap wider than this share of the text height parts two header cells.
_CELL_GAP = 0.7
#: Two header words further apart than this are two headers; words of the body nearer than this are one text.
_WIDE_SPACE, _SPACE = 1.5, 0.45
#: A row of data has at least so many texts.
_FULL = 4
#: A run of more words is a sentence, not a line of a header.
_LONG_HEADER = 6
_NUMBER = re.compile(r"[\d\s.,]+$")
#: The number of the page, alone on its last line.
_FOLIO = re.compile(r"(?:стр\.?|страница|page)?\W*\d{1,3}\W*(?:(?:/|из|of)\s*\d{1,3})?\W*$", re.IGNORECASE)
#: A column number has at most this many characters.
_SHORT = 3
#: A gap wider than this many text heights ends a table that no ruling bounds.
_END_GAP = 4.0


@dataclass(frozen=True)
class GridCell:
    """A cell's text with its words, if the reader located them, and its box in page pixels."""

    text: str
    words: tuple[Word, ...] = ()
    box: Box | None = None


@dataclass(frozen=True)
class Grid:
    """Rows of equally many cells; a spanning cell stands in every place it covers."""

    rows: tuple[tuple[GridCell, ...], ...]

    @property
    def columns(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    def at(self, row: int, column: int) -> GridCell | None:
        """The cell, or None outside the grid."""
        return self.rows[row][column] if row < len(self.rows) and column < self.columns else None


#: Words that end a group, and words of rows to pass over.
Stops = tuple[Sequence[str], Sequence[str]]


def grids(sheet: Sheet, headers: Mapping[str, str], stops: Stops = ((), ())) -> Iterator[Grid]:
    """The reader's tables, then (given header words by the column they name) a grid found by white space."""
    for table in sheet.tables:
        yield _of_table(table, sheet)
    if headers:
        found = _by_space(sheet, headers, stops)
        if found is not None:
            yield found


def _of_table(table: Table, sheet: Sheet) -> Grid:
    empty = GridCell("")
    rows = [[empty] * table.columns for _ in range(table.rows)]
    words = [word for segment in sheet.segments for word in segment.words] if sheet.located else []
    for cell in table.cells:
        inside = _said([word for word in words if cell.box is not None and _within(word.box, cell.box)], cell.text)
        one = GridCell(" ".join(cell.text.split()), inside, cell.box)
        for row in range(cell.row, min(cell.row + cell.rows, table.rows)):
            for column in range(cell.column, min(cell.column + cell.columns, table.columns)):
                rows[row][column] = one
    return Grid(tuple(map(tuple, rows)))


def _said(inside: Sequence[Word], text: str) -> tuple[Word, ...]:
    """The words of a cell in its own order: boxes of cells on a tilted page overlap, and so catch strangers."""
    left = list(inside)
    found: list[Word] = []
    for token in text.split():
        word = next((word for word in left if word.text in {token, token.strip("|¦[]{}")}), None)
        if word is not None:
            left.remove(word)
            found.append(word)
    return tuple(found) if found else tuple(inside)


def _within(word: Box, cell: Box) -> bool:
    return cell.x1 <= (word.x1 + word.x2) / 2 < cell.x2 and cell.y1 <= (word.y1 + word.y2) / 2 < cell.y2


def _by_space(sheet: Sheet, headers: Mapping[str, str], stops: Stops) -> Grid | None:
    """Columns cut at the emptiest places between header texts; records gathered from the rows below."""
    band = _band(sheet, headers)
    if band is None:
        return None
    first, last = band
    end = _end(sheet, last, stops[0], len(_head_cells([s for row in sheet.rows[first : last + 1] for s in row])))
    passed = {hit.segment.row for hit in hits([*stops[0], *stops[1]], sheet.segments) if hit.first}
    heads = _head_cells([segment for row in sheet.rows[first : last + 1] for segment in row])
    heads = _unsplit(heads, sheet, range(last + 1, end))
    if len(heads) < 2:
        return None
    boxes = _bodies(sheet, range(first, end))
    cuts = [best_cut(boxes, *_between(left, right)) for left, right in pairwise(heads)]
    edges = [-1e9, *cuts, 1e9]
    header = _row_of([word for row in sheet.rows[first : last + 1] for s in row for word in s.words], edges)
    data = [row for row in range(last + 1, end) if row not in passed]
    body = [_row_of(words, edges) for words in _records(sheet, data, edges)]
    if end < len(sheet.rows):
        body.append(_row_of([word for segment in sheet.rows[end] for word in segment.words], edges))
    return _without_empty(Grid((header, *body)))


def _without_empty(grid: Grid) -> Grid:
    """A header cut in two leaves a column without data: it is joined to the one on its right."""
    rows = [list(row) for row in grid.rows]
    first = [cell.text for cell in rows[1] if cell.text] if len(rows) > 1 else []
    numbered = len(first) >= 3 and all(len(text) <= _SHORT for text in first)
    for column in range(grid.columns - 2, -1, -1):
        data = [row[column].text for row in rows[2 if numbered else 1 :]]
        if data and not any(data) and any(row[column + 1].text for row in rows[1:]) and rows[0][column + 1].text:
            for row in rows:
                words = _by_lines((*row[column].words, *row.pop(column + 1).words))
                row[column] = GridCell(" ".join(word.text for word in words), words, _around(words))
    return Grid(tuple(map(tuple, rows)))


def _by_lines(words: Sequence[Word]) -> tuple[Word, ...]:
    """Words of one cell line by line."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.box.y1 + word.box.y2):
        if lines and lines[-1][-1].box.y2 - word.box.y1 > 0.5 * word.box.height:
            lines[-1].append(word)
        else:
            lines.append([word])
    return tuple(word for line in lines for word in sorted(line, key=lambda word: word.box.x1))


def _around(words: Sequence[Word]) -> Box | None:
    return union([word.box for word in words]) if words else None


def _band(sheet: Sheet, headers: Mapping[str, str]) -> tuple[int, int] | None:
    """The rows close together on which headers of the most different columns stand."""
    found = [hit for hit in hits(headers, sheet.segments) if _heads_cell(hit)]
    found = [hit for hit in found if not _in_prose(hit, found)]
    best: tuple[int, int, int] | None = None
    for start in sorted({hit.segment.row for hit in found}):
        inside = [hit for hit in found if start <= hit.segment.row < start + _HEADER_ROWS]
        bottom = _tight(sheet, start, max(hit.segment.row for hit in inside))
        named: set[str] = set()
        last = start
        for hit in sorted(inside, key=lambda hit: hit.segment.row):
            if hit.segment.row <= bottom and headers[hit.label] not in named:
                named.add(headers[hit.label])
                last = max([last, hit.segment.row, *(one.row for one in hit.tail)])
        if len(named) >= 2 and (best is None or len(named) > best[0]):
            best = len(named), start, last
    return (_led(sheet, best[1]), _wrapped(sheet, best[2])) if best else None


def _heads_cell(hit: Hit) -> bool:
    """Whether a header word begins a cell: words in the middle of a sentence do not."""
    words = hit.segment.words
    place = words.index(hit.segment.at(hit.start, hit.end)[0])
    return place == 0 or words[place].box.x1 - words[place - 1].box.x2 > _CELL_GAP * hit.segment.height


def _in_prose(hit: Hit, found: Sequence[Hit]) -> bool:
    """Whether headers make up little of a long run of words."""
    said = sum(other.end - other.start for other in found if other.segment is hit.segment)
    return len(hit.segment.words) > _LONG_HEADER and said < 0.4 * len(hit.segment.text)


def _led(sheet: Sheet, first: int) -> int:
    """The first line of headers that began before their first known words."""
    for row in range(first - 1, max(first - 4, -1), -1):
        gap = min(s.box.y1 for s in sheet.rows[row + 1]) - max(s.box.y2 for s in sheet.rows[row])
        if gap > 0.3 * sheet.height or any(len(s.words) > _LONG_HEADER for s in sheet.rows[row]):
            return row + 1
    return max(first - 3, 0)


def _wrapped(sheet: Sheet, last: int) -> int:
    """The last line of headers that go on after their first words: close lines without a number of their own."""
    for row in range(last + 1, min(last + 5, len(sheet.rows))):
        gap = min(s.box.y1 for s in sheet.rows[row]) - max(s.box.y2 for s in sheet.rows[row - 1])
        if gap > 0.55 * sheet.height or _has_data(sheet.rows[row]):
            return row - 1
    return min(last + 4, len(sheet.rows) - 1)


def _has_data(row: Sequence[Segment]) -> bool:
    """Whether a row has a number of its own; a row of small ones only belongs to the headers (№ over 1)."""
    numbers = [one.text for one in row if _NUMBER.match(one.text)]
    return (len(numbers) < len(row) and bool(numbers)) or any(len(text) > _SHORT for text in numbers)


def _tight(sheet: Sheet, first: int, last: int) -> int:
    """The last row up to `last` that follows without a gap and before any data."""
    for row in range(first, last):
        gap = min(s.box.y1 for s in sheet.rows[row + 1]) - max(s.box.y2 for s in sheet.rows[row])
        if gap > 1.5 * sheet.height or _has_data(sheet.rows[row + 1]):
            return row
    return last


def _end(sheet: Sheet, last: int, until: Sequence[str], width: int) -> int:
    """The first row with a run that an end word opens, or after a wide gap, or the end of the page.

    After the subtotal of a part, rows of as many texts as there are headers go on.
    """
    ends = {hit.segment.row for hit in hits(until, sheet.segments) if hit.first}
    for row in range(last + 1, len(sheet.rows)):
        if (row in ends and not _resumes(sheet.rows[row + 1 : row + 4], width)) or (
            row == len(sheet.rows) - 1 and _FOLIO.match(sheet.rows[row][0].text)
        ):
            return row
        gap = min(s.box.y1 for s in sheet.rows[row]) - max(s.box.y2 for s in sheet.rows[row - 1])
        if gap > _END_GAP * sheet.height:
            return row
    return len(sheet.rows)


def _resumes(rows: Sequence[Sequence[Segment]], width: int) -> bool:
    """Whether one of these rows has a text for nearly every column, a number at its end."""
    full = max(_FULL, width - 1)
    return any(len(row) >= full and any(sign.isdigit() for sign in row[-1].text) for row in rows)


def _head_cells(segments: Sequence[Segment]) -> list[tuple[float, float]]:
    """Horizontal extents of header cells: words that stand over each other or close beside each other.

    A text over several narrower ones is a heading of theirs and no cell of its own.
    """
    pieces = sorted(
        (piece for segment in segments for piece in _pieces(segment)), key=lambda piece: piece[1] - piece[0]
    )
    cells: list[tuple[float, float]] = []
    for left, right in pieces:
        under = [cell for cell in cells if left < cell[1] and cell[0] < right]
        if len(under) == 1:
            cells.remove(under[0])
            cells.append((min(left, under[0][0]), max(right, under[0][1])))
        elif not under:
            cells.append((left, right))
    return sorted(cells)


def _unsplit(heads: Sequence[tuple[float, float]], sheet: Sheet, body: range) -> list[tuple[float, float]]:
    """Widely set words of one header put together again: the text under them runs on from one to the next."""
    runs = [list(_tight_runs(row)) for row in sheet.rows[body.start : body.stop]]
    kept = list(heads[:1])
    for head in heads[1:]:
        left = kept[-1]
        under = [[run for run in row if run[0] < head[1] and left[0] < run[1]] for row in runs]
        boxes = [Box(start, 0, stop, 1) for row in under for start, stop in row]
        cut = best_cut(boxes, *_between(left, head))
        across = sum(any(start < cut < stop for start, stop in row) for row in under)
        said = sum(bool(row) for row in under)
        if head[0] - left[1] < _WIDE_SPACE * sheet.height and across > 0.5 * said:
            kept[-1] = (left[0], head[1])
        else:
            kept.append(head)
    return kept


def _tight_runs(row: Sequence[Segment]) -> Iterator[tuple[float, float]]:
    """Horizontal extents of words of a row with no more than a space between them."""
    words = sorted((word for segment in row for word in segment.words), key=lambda word: word.box.x1)
    start = stop = words[0].box.x1
    for word in words:
        if word.box.x1 - stop > _SPACE * word.box.height:
            yield start, stop
            start = word.box.x1
        stop = max(stop, word.box.x2)
    yield start, stop


def _pieces(segment: Segment) -> Iterator[tuple[float, float]]:
    """A header run parted at gaps wider than a space."""
    start, previous = segment.words[0], segment.words[0]
    tall = max(word.box.height for word in segment.words)  # words like «налога» are half as high as their font
    for word in segment.words[1:]:
        if word.box.x1 - previous.box.x2 > _CELL_GAP * tall:
            yield start.box.x1, previous.box.x2
            start = word
        previous = word
    yield start.box.x1, previous.box.x2


def _between(left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
    """Where a cut between two neighbouring header cells may lie: from the edge of the one to that of the other."""
    return left[1], right[0]


def _bodies(sheet: Sheet, rows: range) -> list[Box]:
    """Boxes that no column may cut: words, and numbers whose digits stand in groups."""
    boxes: list[Box] = []
    for segment in (one for row in sheet.rows[rows.start : rows.stop] for one in row):
        previous: Word | None = None
        for word in segment.words:
            near = previous is not None and word.box.x1 - previous.box.x2 < 0.8 * segment.height
            if near and previous is not None and previous.text.isdigit() and re.match(r"\d{3}\b", word.text):
                boxes[-1] = union([boxes[-1], word.box])
            else:
                boxes.append(word.box)
            previous = word
    return boxes


def _row_of(words: Sequence[Word], edges: Sequence[float]) -> tuple[GridCell, ...]:
    cells: list[list[Word]] = [[] for _ in edges[1:]]
    for word in words:
        middle = (word.box.x1 + word.box.x2) / 2
        cells[next(i for i, edge in enumerate(edges[1:]) if middle < edge)].append(word)
    return tuple(GridCell(" ".join(w.text for w in cell), tuple(cell), _around(cell)) for cell in cells)


def _records(sheet: Sheet, rows: Sequence[int], edges: Sequence[float]) -> list[list[Word]]:
    """Visual rows gathered into records: each has one row with texts in most columns.

    Other lines belong to the record on their side of the widest gap; texts may be set at the top or in the middle.
    """
    lines = [[word for segment in sheet.rows[index] for word in segment.words] for index in rows]
    full = max(2, (len(edges) - 1) // 2)
    openers = [i for i, line in enumerate(lines) if sum(bool(cell.text) for cell in _row_of(line, edges)) >= full]
    middles = [median((word.box.y1 + word.box.y2) / 2 for word in line) for line in lines]
    bounds = [0, *(_widest(middles, pair, 0.15 * sheet.height) for pair in pairwise(openers)), len(lines)]
    return [[word for line in lines[a:b] for word in line] for a, b in pairwise(bounds) if a < b]


def _widest(middles: Sequence[float], openers: tuple[int, int], slack: float) -> int:
    """The line that begins the second of two records: after the widest gap between them, the last of equals."""
    gaps = [(middles[i] - middles[i - 1], i) for i in range(openers[0] + 1, openers[1] + 1)]
    widest = max(gap for gap, _ in gaps)
    return max(i for gap, i in gaps if gap >= widest - slack)
