"""Tables that go on over a page break: found and marked, nothing thrown away.

A pure function over the pages' readings. A table goes on when it is the last thing of its page but for footers, the
next page begins with one of as many columns, and their columns lie at the same places of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chatvlmllm.geometry import Size
from chatvlmllm.reading import Block, Cell, Kind, Reading, Table


@dataclass(frozen=True, slots=True)
class Join:
    """`table` is the whole of the parts, each named by its page number and its place among that page's blocks.

    `repeated` is the number of header rows that the later parts repeat and the whole shows once.
    """

    parts: tuple[tuple[int, int], ...]
    table: Table
    repeated: int


_MARGINAL = (Kind.HEADER, Kind.FOOTER, Kind.PAGE_NUMBER, Kind.FOOTNOTE)
#: How far column edges may differ, as a share of the page's width.
_SHIFT = 0.03


def joins(readings: Sequence[Reading]) -> list[Join]:
    """Every table of more than one page, in the order of the document."""
    found: list[Join] = []
    for upper, lower in pairwise(readings):
        last, first = _edge(upper, -1), _edge(lower, 0)
        if last is None or first is None or not _same_columns((last[1], upper.size), (first[1], lower.size)):
            continue
        place, following = (upper.page, last[0]), (lower.page, first[0])
        previous = found.pop() if found and found[-1].parts[-1] == place else None
        above = previous.table if previous else last[1].table
        below = first[1].table
        if above is None or below is None:
            continue
        table, repeated = _stacked(above, below)
        parts = previous.parts if previous else (place,)
        found.append(Join((*parts, following), table, max(repeated, previous.repeated if previous else 0)))
    return found


def _edge(reading: Reading, end: int) -> tuple[int, Block] | None:
    """The first (0) or last (-1) block that is no margin text, if it is a table."""
    body = [(place, block) for place, block in enumerate(reading.blocks) if block.kind not in _MARGINAL]
    return body[end] if body and body[end][1].table is not None else None


def _same_columns(upper: tuple[Block, Size], lower: tuple[Block, Size]) -> bool:
    tables = upper[0].table, lower[0].table
    if tables[0] is None or tables[1] is None or tables[0].columns != tables[1].columns:
        return False
    edges = [_edges(table, size) for table, (_, size) in zip(tables, (upper, lower), strict=True) if table is not None]
    return all(abs(edges[0][column] - edges[1][column]) < _SHIFT for column in edges[0].keys() & edges[1].keys())


def _edges(table: Table, size: Size) -> dict[int, float]:
    """Left edges of the columns, as shares of the page's width."""
    return {cell.column: cell.box.x1 / size.width for cell in reversed(table.cells) if cell.box is not None}


def _stacked(upper: Table, lower: Table) -> tuple[Table, int]:
    """`lower` under `upper`, without the header rows that it repeats."""
    repeated = 0
    for above, below in zip(upper.grid(), lower.grid(), strict=False):
        if above != below or not any(above):
            break
        repeated += 1
    if repeated == lower.rows or any(cell.row < repeated < cell.row + cell.rows for cell in lower.cells):
        repeated = 0
    shift = upper.rows - repeated
    moved = [
        Cell(cell.row + shift, cell.column, cell.text, cell.rows, cell.columns)
        for cell in lower.cells
        if cell.row >= repeated
    ]
    return Table(shift + lower.rows, upper.columns, (*upper.cells, *moved)), repeated
