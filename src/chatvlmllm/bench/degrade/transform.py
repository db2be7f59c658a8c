"""Where a point of the clean page ends up on the spoiled one."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

Box = tuple[float, float, float, float]
Matrix = tuple[float, float, float, float, float, float, float, float, float]


@dataclass(frozen=True)
class Projective:
    """A 3×3 matrix, row by row, that takes source pixels to result pixels."""

    matrix: Matrix

    def point(self, x: float, y: float) -> tuple[float, float]:
        a, b, c, d, e, f, g, h, i = self.matrix
        depth = g * x + h * y + i
        return (a * x + b * y + c) / depth, (d * x + e * y + f) / depth


@dataclass(frozen=True)
class Crease:
    """Paper sinking towards a fold at height `middle`: rows near it move by up to `depth` pixels within `reach`."""

    middle: float
    depth: float
    reach: float

    def shift(self, y: float) -> float:
        """Displacement downwards of the row `y`."""
        return self.depth * exp(-(((y - self.middle) / self.reach) ** 2))

    def point(self, x: float, y: float) -> tuple[float, float]:
        return x, y + self.shift(y)


Step = Projective | Crease


@dataclass(frozen=True)
class Transform:
    """Steps applied one after another."""

    steps: tuple[Step, ...]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the clean page in the pixels of the spoiled one."""
        for step in self.steps:
            x, y = step.point(x, y)
        return x, y

    def box(self, box: Box) -> Box:
        """The upright box around a box of the clean page after it was moved (edges bend, so middles count too)."""
        left, top, right, bottom = box
        xs, ys = (left, (left + right) / 2, right), (top, (top + bottom) / 2, bottom)
        moved = [self.point(x, y) for x in xs for y in ys]
        return (
            min(x for x, _ in moved),
            min(y for _, y in moved),
            max(x for x, _ in moved),
            max(y for _, y in moved),
        )


IDENTITY = Transform(())


def page_unit(width: float, height: float) -> float:
    """Pixels in a millimetre when the shorter side is that of an A4 sheet."""
    return min(width, height) / 210.0
