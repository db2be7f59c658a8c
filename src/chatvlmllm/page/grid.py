"""Ruled grids: crossing rulings become cells with spans.

A grid is a connected group of crossing rulings. Its columns and rows are the distinct places of its rulings; two
neighbouring places belong to one cell where no ruling parts them. Text is not looked at here.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.geometry import Box
from chatvlmllm.page.ruling import Ruling, Rulings


@dataclass(frozen=True, slots=True)
class GridCell:
    """Row and column from 0, how many of each it spans, and where it is in image pixels.

    `open` says that no ruling closes it on the left or on the right.
    """

    row: int
    column: int
    rows: int
    columns: int
    box: Box
    open: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """`xs` and `ys` are the places of the rulings, one more than columns and rows; cells in row-major order."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[GridCell, ...]

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    @property
    def rows(self) -> int:
        return len(self.ys) - 1

    @property
    def columns(self) -> int:
        return len(self.xs) - 1


#: A ruling parts two places when it covers this share of their common edge.
_PARTS = 0.5


def grids(rulings: Rulings, letter: float) -> list[Grid]:
    """Every grid of more than one cell, from the top; `letter` is the height of text in pixels."""
    reach = max(4.0, 0.6 * letter)
    found = []
    for across, down in _groups(rulings, reach):
        xs = _places(down, across, reach)
        ys = _places(across, down, reach)
        xs, ys = _roomy(xs, 0.7 * letter), _roomy(ys, 0.7 * letter)
        if len(xs) >= 2 and len(ys) >= 2 and (len(xs) > 2 or len(ys) > 2):
            found.append(Grid(tuple(xs), tuple(ys), tuple(_cells(xs, ys, across, down))))
    return sorted(_outermost(found), key=lambda grid: (grid.ys[0], grid.xs[0]))


def _outermost(found: Sequence[Grid]) -> list[Grid]:
    def inside(inner: Grid, outer: Grid) -> bool:
        return (
            inner is not outer
            and inner.box.overlap(outer.box) > 0.8 * inner.box.area
            and inner.box.area < outer.box.area
        )

    return [grid for grid in found if not any(inside(grid, other) for other in found)]


def _groups(rulings: Rulings, reach: float) -> list[tuple[list[Ruling], list[Ruling]]]:
    """Horizontal and vertical rulings that hang together by crossings."""
    across, down = rulings.horizontal, rulings.vertical
    parent = list(range(len(across) + len(down)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for i, h in enumerate(across):
        for j, v in enumerate(down):
            if v.start - reach <= h.place <= v.end + reach and h.start - reach <= v.place <= h.end + reach:
                parent[root(i)] = root(len(across) + j)
    groups: dict[int, tuple[list[Ruling], list[Ruling]]] = {}
    for i, h in enumerate(across):
        groups.setdefault(root(i), ([], []))[0].append(h)
    for j, v in enumerate(down):
        groups.setdefault(root(len(across) + j), ([], []))[1].append(v)
    return [group for group in groups.values() if len(group[0]) >= 2 and len(group[1]) >= 1]


def _places(lines: Sequence[Ruling], crossing: Sequence[Ruling], reach: float) -> list[float]:
    """Distinct places of `lines`, and the far ends of the lines that cross them: open sides count as edges."""
    ends = [end for line in crossing for end in (line.start, line.end)]
    places = _clustered([(line.place, line.length) for line in lines], reach)
    if not ends:
        return places
    if not places or min(ends) < places[0] - 3 * reach:
        places.insert(0, min(ends))
    if max(ends) > places[-1] + 3 * reach:
        places.append(max(ends))
    return places


def _clustered(places: Sequence[tuple[float, float]], reach: float) -> list[float]:
    """Means, weighted by length, of places that are within `reach` of their neighbour."""
    groups: list[list[tuple[float, float]]] = []
    for place, weight in sorted(places):
        if groups and place - groups[-1][-1][0] <= reach:
            groups[-1].append((place, weight))
        else:
            groups.append([(place, weight)])
    return [sum(p * w for p, w in group) / max(sum(w for _, w in group), 1e-6) for group in groups]


def _roomy(places: list[float], room: float) -> list[float]:
    """Places without those so near to the one before that no text fits between: double lines."""
    kept: list[float] = []
    for place in places:
        if not kept or place - kept[-1] >= room:
            kept.append(place)
    return kept


def _cells(
    xs: Sequence[float], ys: Sequence[float], across: Sequence[Ruling], down: Sequence[Ruling]
) -> list[GridCell]:
    rows, columns = len(ys) - 1, len(xs) - 1
    reach_x = _reach(xs)
    reach_y = _reach(ys)
    label = {(r, c): (r, c) for r in range(rows) for c in range(columns)}

    def open_right(r: int, c: int) -> bool:
        near = [line for line in down if abs(line.place - xs[c + 1]) <= reach_x]
        return not _parted(near, ys[r], ys[r + 1])

    def open_below(r: int, c: int) -> bool:
        near = [line for line in across if abs(line.place - ys[r + 1]) <= reach_y]
        return not _parted(near, xs[c], xs[c + 1])

    taken: set[tuple[int, int]] = set()
    cells = []
    for r, c in label:
        if (r, c) in taken:
            continue
        right = c
        while right + 1 < columns and (r, right + 1) not in taken and open_right(r, right):
            right += 1
        below = r
        while below + 1 < rows and all(
            open_below(below, k) and (below + 1, k) not in taken for k in range(c, right + 1)
        ):
            if any(not open_right(below + 1, k) for k in range(c, right)):
                break
            below += 1
        taken.update((i, k) for i in range(r, below + 1) for k in range(c, right + 1))
        box = Box(xs[c], ys[r], xs[right + 1], ys[below + 1])
        sides = [[line for line in down if abs(line.place - x) <= reach_x] for x in (box.x1, box.x2)]
        unruled = not all(_parted(near, box.y1, box.y2) for near in sides)
        cells.append(GridCell(r, c, below - r + 1, right - c + 1, box, unruled))
    return cells


def _reach(places: Sequence[float]) -> float:
    """How far from its mean place a ruling may lie, by the smallest cell."""
    return 0.4 * min(b - a for a, b in itertools.pairwise(places))


def _parted(lines: Sequence[Ruling], start: float, end: float) -> bool:
    """Whether the lines together cover enough of start…end."""
    covered = 0.0
    at = start
    for line in sorted(lines, key=lambda piece: piece.start):
        low, high = max(at, line.start), min(end, line.end)
        if high > low:
            covered += high - low
            at = high
    return covered >= _PARTS * (end - start)
