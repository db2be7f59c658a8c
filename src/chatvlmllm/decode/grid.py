"""Cells laid out on a grid so that no two overlap, whatever spans a model claims.

`flow` puts each cell into the next free place of its row, as HTML does; `fixed` gets cells whose column is already
counted, as LaTeX and OTSL do. Absurd spans count as one; no cell's text is ever lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chatvlmllm.decode.tally import Tally
from chatvlmllm.reading import Cell, Table

#: No table on a page is wider or deeper; what claims to be is a misread digit or a loop.
WIDEST_SPAN = 200
#: Columns beyond which no span is believed.
WIDEST_TABLE = 1000
#: More places than this are a loop, not a table: they would only fill memory.
MOST_PLACES = 250_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A cell before it has its place; `column` counts from 0 and is None where the row's order decides."""

    text: str
    rows: int = 1
    columns: int = 1
    header: bool = False
    column: int | None = None


def flow(rows: Sequence[Sequence[Draft]], tally: Tally) -> Table | None:
    """Rows of cells in HTML's manner: each goes to the first column that no span from above covers."""
    layout = _Layout(len(rows), tally)
    for number, row in enumerate(rows):
        at = 0
        for draft in row:
            at = layout.first_free(number, at)
            at += layout.put(number, at, draft)
    return layout.table()


def fixed(rows: Sequence[Sequence[Draft]], tally: Tally) -> Table | None:
    """Rows of cells with their columns. An empty cell under a span is its filler; a full one ends the span."""
    layout = _Layout(len(rows), tally)
    for number, row in enumerate(rows):
        for draft in row:
            column = draft.column or 0
            if layout.is_free(number, column):
                layout.put(number, column, draft)
            elif draft.text:
                layout.end_span(number, column)
                layout.put(number, column, draft)
    return layout.table()


class _Layout:
    def __init__(self, rows: int, tally: Tally) -> None:
        self.rows = rows
        self.tally = tally
        self.free_from: list[int] = []  # per column, the first row that nothing covers
        self.owner: list[int] = []  # per column, the cell that covers it last
        self.cells: list[Cell] = []

    def is_free(self, row: int, column: int) -> bool:
        return column >= len(self.free_from) or self.free_from[column] <= row

    def first_free(self, row: int, column: int) -> int:
        while not self.is_free(row, column):
            column += 1
        return column

    def put(self, row: int, column: int, draft: Draft) -> int:
        """Places `draft` and returns how many columns it took."""
        wanted, deep = max(1, draft.columns), max(1, draft.rows)
        absurd = max(wanted, deep) > WIDEST_SPAN or (wanted > 1 and column > WIDEST_TABLE)
        width = 1
        while width < (1 if absurd else wanted) and self.is_free(row, column + width):
            width += 1
        height = min(deep, WIDEST_SPAN, self.rows - row)
        self._grow(column + width)
        for covered in range(column, column + width):
            self.free_from[covered] = row + height
            self.owner[covered] = len(self.cells)
        self.tally.add("spans_cut", int(absurd))
        self.cells.append(Cell(row, column, draft.text, height, width, draft.header))
        return width

    def end_span(self, row: int, column: int) -> None:
        """Lets the cell above end before `row`, or before `column` where it begins in the same row."""
        number = self.owner[column]
        cell = self.cells[number]
        if cell.row < row:
            self.cells[number] = replace(cell, rows=row - cell.row)
            first, last, free = cell.column, cell.column + cell.columns, row
        else:
            self.cells[number] = replace(cell, columns=column - cell.column)
            first, last, free = column, cell.column + cell.columns, row
        for covered in range(first, last):
            if self.owner[covered] == number:
                self.free_from[covered] = free

    def table(self) -> Table | None:
        """The finished grid; None, with a notice, when it is empty or too large to be a table."""
        columns = len(self.free_from)
        if not self.cells:
            return None
        if self.rows * columns > MOST_PLACES:
            self.tally.add("table_too_large")
            return None
        return Table(self.rows, columns, tuple(sorted(self.cells, key=lambda cell: (cell.row, cell.column))))

    def _grow(self, columns: int) -> None:
        missing = columns - len(self.free_from)
        self.free_from += [0] * missing
        self.owner += [0] * missing
