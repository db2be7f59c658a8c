"""Grids of cells: the reader's own tables, or columns found from headers and the white space between words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatvlmllm.forms.labels import hits
from chatvlmllm.forms.sections import best_cut
from chatvlmllm.forms.sheet import Segment, Sheet
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Table, Word

#: A header may wrap over this many visual rows.
_HEADER_ROWS = 10
#: A gap wider than this share of the text height parts two header cells.
_CELL_GAP = 0.7
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


def grids(sheet: Sheet, headers: Sequence[str], stops: Stops = ((), ())) -> Iterator[Grid]:
    """The reader's tables, then (given header words) a grid found by white space."""
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
        inside = tuple(word for word in words if cell.box is not None and _within(word.box, cell.box))
        one = GridCell(" ".join(cell.text.split()), inside, cell.box)
        for row in range(cell.row, min(cell.row + cell.rows, table.rows)):
            for column in range(cell.column, min(cell.column + cell.columns, table.columns)):
                rows[row][column] = one
    return Grid(tuple(map(tuple, rows)))


def _within(word: Box, cell: Box) -> bool:
    return cell.x1 <= (word.x1 + word.x2) / 2 < cell.x2 and cell.y1 <= (word.y1 + word.y2) / 2 < cell.y2


def _by_space(sheet: Sheet, headers: Sequence[str], stops: Stops) -> Grid | None:
    """Columns cut at the emptiest places between header texts; records gathered from the rows below."""
    band = _band(sheet, headers)
    if band is None:
        return None
    first, last = band
    end = _end(sheet, last, stops[0])
    passed = {hit.segment.row for hit in hits(stops[1], sheet.segments) if hit.first}
    heads = _head_cells([segment for row in sheet.rows[first : last + 1] for segment in row])
    if len(heads) < 2:
        return None
    rows = range(first, end)
    cuts = [best_cut(sheet, rows, left[-1], right[0]) for left, right in _middles(heads)]
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
    for column in range(grid.columns - 2, -1, -1):
        if len(rows) > 1 and not any(row[column].text for row in rows[1:]) and rows[0][column + 1].text:
            for row in rows:
                left, right = row[column], row.pop(column + 1)
                words = (*left.words, *right.words)
                row[column] = GridCell(f"{left.text} {right.text}".strip(), words, _around(words))
    return Grid(tuple(map(tuple, rows)))


def _around(words: Sequence[Word]) -> Box | None:
    return union([word.box for word in words]) if words else None


def _band(sheet: Sheet, headers: Sequence[str]) -> tuple[int, int] | None:
    """The rows, at most five together, on which the most different headers stand."""
    found = hits(headers, sheet.segments)
    best: tuple[int, int, int] | None = None
    for start in sorted({hit.segment.row for hit in found}):
        inside = [hit for hit in found if start <= hit.segment.row < start + _HEADER_ROWS]
        kinds = {hit.label for hit in inside}
        tight = _tight(sheet, start, max(hit.segment.row for hit in inside))
        inside = [hit for hit in inside if hit.segment.row <= tight]
        kinds = {hit.label for hit in inside}
        if len(kinds) >= 2 and (best is None or len(kinds) > best[0]):
            best = len(kinds), start, max(hit.segment.row for hit in inside)
    return (best[1], best[2]) if best else None


def _tight(sheet: Sheet, first: int, last: int) -> int:
    """The last row up to `last` that follows without a gap."""
    for row in range(first, last):
        gap = min(s.box.y1 for s in sheet.rows[row + 1]) - max(s.box.y2 for s in sheet.rows[row])
        if gap > 1.5 * sheet.height:
            return row
    return last


def _end(sheet: Sheet, last: int, until: Sequence[str]) -> int:
    """The first row with a run that an end word opens, or after a wide gap, or the end of the page."""
    ends = {hit.segment.row for hit in hits(until, sheet.segments) if hit.first}
    for row in range(last + 1, len(sheet.rows)):
        if row in ends:
            return row
        gap = min(s.box.y1 for s in sheet.rows[row]) - max(s.box.y2 for s in sheet.rows[row - 1])
        if gap > _END_GAP * sheet.height:
            return row
    return len(sheet.rows)


def _head_cells(segments: Sequence[Segment]) -> list[tuple[float, float]]:
    """Horizontal extents of header cells: words that stand over each other or close beside each other.

    A text over several narrower ones is a heading of theirs and no cell of its own.
    """
    pieces = sorted((piece for segment in segments for piece in _pieces(segment)), key=lambda piece: piece[1] - piece[0])
    cells: list[tuple[float, float]] = []
    for left, right in pieces:
        under = [cell for cell in cells if left < cell[1] and cell[0] < right]
        if len(under) == 1:
            cells.remove(under[0])
            cells.append((min(left, under[0][0]), max(right, under[0][1])))
        elif not under:
            cells.append((left, right))
    return sorted(cells)


def _pieces(segment: Segment) -> Iterator[tuple[float, float]]:
    """A header run parted at gaps wider than a space."""
    start, previous = segment.words[0], segment.words[0]
    for word in segment.words[1:]:
        if word.box.x1 - previous.box.x2 > _CELL_GAP * segment.height:
            yield start.box.x1, previous.box.x2
            start = word
        previous = word
    yield start.box.x1, previous.box.x2


def _middles(heads: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Neighbouring header cells as (middle…right edge) and (left edge…middle): where a cut may lie."""
    found = []
    for left, right in zip(heads, heads[1:], strict=False):
        found.append((((left[0] + left[1]) / 2, left[1]), (right[0], (right[0] + right[1]) / 2)))
    return found


def _row_of(words: Sequence[Word], edges: Sequence[float]) -> tuple[GridCell, ...]:
    cells: list[list[Word]] = [[] for _ in edges[1:]]
    for word in words:
        middle = (word.box.x1 + word.box.x2) / 2
        cells[next(i for i, edge in enumerate(edges[1:]) if middle < edge)].append(word)
    return tuple(
        GridCell(" ".join(w.text for w in cell), tuple(cell), _around(cell)) for cell in cells
    )


def _records(sheet: Sheet, rows: Sequence[int], edges: Sequence[float]) -> list[list[Word]]:
    """Visual rows gathered into records: a row with a number in a column of its own opens one.

    A row of text alone belongs to the record above it, unless it stands nearer to the one below.
    """
    records: list[list[Word]] = []
    waiting: list[Word] = []
    for index in rows:
        words = [word for segment in sheet.rows[index] for word in segment.words]
        filled = sum(bool(cell.text) for cell in _row_of(words, edges))
        opens = filled >= max(2, (len(edges) - 1) // 2)
        if opens:
            records.append([*waiting, *words])
            waiting = []
        elif not records or _nearer_below(sheet, index, rows[-1] + 1):
            waiting += words
        else:
            records[-1] += words
    if waiting:
        records.append(waiting)
    return records


def _nearer_below(sheet: Sheet, row: int, stop: int) -> bool:
    if row + 1 >= stop:
        return False
    here, above, below = (sheet.rows[index] for index in (row, row - 1, row + 1))
    up = min(s.box.y1 for s in here) - max(s.box.y2 for s in above)
    down = min(s.box.y1 for s in below) - max(s.box.y2 for s in here)
    return down < up - 0.35 * sheet.height
