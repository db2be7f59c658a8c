"""Grids filled with lines: tables with spans, or forms that are read row by row.

A grid that frames a page or holds next to nothing is neither: its lines go back to the rest of the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatvlmllm.geometry import Box, union
from chatvlmllm.page.grid import Grid, GridCell
from chatvlmllm.page.order import Item, rows
from chatvlmllm.reading import Cell, Line, Table


@dataclass(frozen=True, slots=True)
class Filled:
    """A grid, its lines by row and column, and its text where that is not simply cell by cell: a form's."""

    box: Box
    table: Table
    cells: Mapping[tuple[int, int], tuple[Line, ...]]
    text: str = ""


#: Share of a line's width that must lie in the cell that holds it.
_INSIDE = 0.6
#: A grid this empty, whose first row is not full either, is a frame.
_FILLED = 0.34


def fill(grids: Sequence[Grid], lines: Sequence[Line]) -> tuple[list[Filled], list[Line]]:
    """The grids that hold tables or forms, and the lines outside them in their given order."""
    filled: list[Filled] = []
    rest = list(lines)
    for ruled in grids:
        found, crossing = _place(ruled, rest)
        grid, placed = _divided(ruled, found)
        kind = _kind(grid, placed, crossing)
        if kind == "frame":
            continue
        taken = {id(line) for inside in placed.values() for line in inside}
        rest = [line for line in rest if id(line) not in taken]
        filled.append(_table(grid, placed, _form(grid, placed) if kind == "form" else ""))
    return filled, rest


def _place(grid: Grid, lines: Sequence[Line]) -> tuple[dict[GridCell, list[Line]], int]:
    """Lines by cell, and how many stick out of the grid sideways."""
    placed: dict[GridCell, list[Line]] = {}
    crossing = 0
    outer = grid.box
    for line in lines:
        middle = (line.box.y1 + line.box.y2) / 2
        if not outer.y1 < middle < outer.y2 or line.box.x2 < outer.x1 or line.box.x1 > outer.x2:
            continue
        best = max(grid.cells, key=lambda cell: _held(line.box, cell.box))
        if _held(line.box, best.box) >= _INSIDE:
            placed.setdefault(best, []).append(line)
        elif min(line.box.x2, outer.x2) - max(line.box.x1, outer.x1) > 0.2 * line.box.width:
            crossing += 1
    return placed, crossing


def _divided(grid: Grid, placed: Mapping[GridCell, list[Line]]) -> tuple[Grid, dict[GridCell, list[Line]]]:
    """Cells without a side ruling that hold one line for each row they span become a cell a row: rows of totals."""
    cells: list[GridCell] = []
    divided: dict[GridCell, list[Line]] = {}
    for cell in grid.cells:
        inside = sorted(placed.get(cell, ()), key=lambda line: line.box.y1)
        places = [_row_at(grid, line.box) for line in inside]
        if not (cell.open and cell.rows > 1 and places == list(range(cell.row, cell.row + cell.rows))):
            cells.append(cell)
            if inside:
                divided[cell] = inside
            continue
        for row, line in zip(places, inside, strict=True):
            box = Box(cell.box.x1, grid.ys[row], cell.box.x2, grid.ys[row + 1])
            part = GridCell(row, cell.column, 1, cell.columns, box, open=True)
            cells.append(part)
            divided[part] = [line]
    cells.sort(key=lambda cell: (cell.row, cell.column))
    return Grid(grid.xs, grid.ys, tuple(cells)), divided


def _held(line: Box, cell: Box) -> float:
    """Share of the line's width inside the cell, 0 when its middle is above or below."""
    if not cell.y1 <= (line.y1 + line.y2) / 2 <= cell.y2:
        return 0.0
    return max(0.0, min(line.x2, cell.x2) - max(line.x1, cell.x1)) / max(line.width, 1e-6)


def _kind(grid: Grid, placed: Mapping[GridCell, list[Line]], crossing: int) -> str:
    if grid.rows < 2 or grid.columns < 2 or len(placed) < 3:
        return "frame"
    count = sum(len(inside) for inside in placed.values())
    heaviest = max(placed, key=lambda cell: len(placed[cell]))
    if len(placed[heaviest]) > 8 and len(placed[heaviest]) > 0.7 * count:
        return "frame"
    if crossing > 0.15 * count:
        return "frame"
    first = [cell for cell in grid.cells if cell.row == 0]
    headed = len(first) > 1 and all(cell in placed for cell in first)
    if len(placed) < _FILLED * len(grid.cells) and not headed:
        return "frame"
    spanning = [inside for cell, inside in placed.items() if cell.rows > 1 and len(inside) > 1]
    return "form" if any(len(_groups(inside)) > 1 for inside in spanning) else "table"


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines of a cell from the top, parted where another line would fit between."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda it: it.box.y1):
        if groups and line.box.y1 - max(other.box.y2 for other in groups[-1]) < 0.45 * line.box.height:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _table(grid: Grid, placed: Mapping[GridCell, list[Line]], text: str) -> Filled:
    depth = max((cell.rows for cell in grid.cells if cell.row == 0), default=1)
    cells, lines = [], {}
    for cell in grid.cells:
        inside = in_rows(placed.get(cell, ()))
        lines[cell.row, cell.column] = inside
        inner = "\n".join(line.text for line in inside)
        header = cell.row < depth < grid.rows
        cells.append(Cell(cell.row, cell.column, inner, cell.rows, cell.columns, header, cell.box))
    return Filled(grid.box, Table(grid.rows, grid.columns, tuple(cells)), lines, text)


def in_rows(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines row by row, pieces that stand beside each other joined to one line."""
    found = rows([Item(number, line.box, line.text) for number, line in enumerate(lines)])
    return tuple(joined([lines[item.index] for item in row]) for row in found)


def joined(pieces: Sequence[Line]) -> Line:
    """Pieces from left to right as one line."""
    if len(pieces) == 1:
        return pieces[0]
    words = tuple(word for piece in pieces for word in piece.words)
    x1, y1 = min(p.box.x1 for p in pieces), min(p.box.y1 for p in pieces)
    x2, y2 = max(p.box.x2 for p in pieces), max(p.box.y2 for p in pieces)
    known = [p.confidence for p in pieces if p.confidence is not None]
    mean = sum(known) / len(known) if known else None
    return Line(" ".join(p.text for p in pieces), Box(x1, y1, x2, y2), words, mean)


def _form(grid: Grid, placed: Mapping[GridCell, list[Line]]) -> str:
    """Row by row of the grid, and within a row as the eye goes: what stands lower comes later, whatever its cell."""
    units = [group for cell, lines in placed.items() for group in _units(grid, cell, lines)]
    by_row: dict[int, list[Item]] = {}
    for number, group in enumerate(units):
        box = union([line.box for line in group])
        by_row.setdefault(_row_at(grid, group[0].box), []).append(Item(number, box))
    said: list[str] = []
    for _, items in sorted(by_row.items()):
        said.extend("\t".join(_spoken(units[item.index]) for item in row) for row in rows(items))
    return "\n".join(said)


def _spoken(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in in_rows(lines))


def _units(grid: Grid, cell: GridCell, lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of a form's cell that are read together: one by one where each has a row of its own."""
    inside = sorted(lines, key=lambda line: line.box.y1)
    if cell.rows > 1 and len({_row_at(grid, line.box) for line in inside}) == len(inside) == cell.rows:
        return [[line] for line in inside]
    return _groups(lines)


def _row_at(grid: Grid, box: Box) -> int:
    middle = (box.y1 + box.y2) / 2
    return max(0, sum(y < middle for y in grid.ys) - 1)
