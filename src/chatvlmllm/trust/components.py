"""Connected marks (8-connected) of a sparse black-and-white picture: plain numpy, made for nearly empty pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Mark:
    """One connected mark: its box in pixels (right and bottom exclusive) and how many pixels it has."""

    x1: int
    y1: int
    x2: int
    y2: int
    area: int

    @property
    def width(self) -> int:
        return self.x2 - self.x1

    @property
    def height(self) -> int:
        return self.y2 - self.y1

    @property
    def middle(self) -> float:
        return (self.y1 + self.y2) / 2


def marks(mask: "NDArray[np.bool_]", most: int = 40_000) -> list[Mark] | None:
    """Every mark of `mask`, or None when it has more than `most` horizontal runs: such a page is not nearly empty."""
    runs = _runs(mask)
    if len(runs) > most:
        return None
    parent = list(range(len(runs)))
    above: list[int] = []
    current: list[int] = []
    row = -1
    for index, (y, x1, x2) in enumerate(runs):
        if y != row:
            above, current, row = (current if y == row + 1 else []), [], y
        for other in above:
            if runs[other][1] <= x2 and runs[other][2] >= x1:
                parent[_root(parent, other)] = _root(parent, index)
        current.append(index)
    return _collect(runs, [_root(parent, index) for index in range(len(runs))])


def _runs(mask: "NDArray[np.bool_]") -> list[tuple[int, int, int]]:
    """Row, first and one past the last column of every run of set pixels, in reading order."""
    import numpy as np

    framed = np.zeros((mask.shape[0], mask.shape[1] + 2), dtype=np.int8)
    framed[:, 1:-1] = mask
    edges = np.diff(framed, axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def _collect(runs: Sequence[tuple[int, int, int]], roots: Sequence[int]) -> list[Mark]:
    found: dict[int, Mark] = {}
    for (y, x1, x2), root in zip(runs, roots, strict=True):
        mark = found.get(root)
        if mark is None:
            found[root] = Mark(x1, y, x2, y + 1, x2 - x1)
        else:
            box = (min(mark.x1, x1), min(mark.y1, y), max(mark.x2, x2), y + 1)
            found[root] = Mark(*box, mark.area + x2 - x1)
    return list(found.values())
