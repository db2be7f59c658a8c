"""Sizes and boxes: the only place where coordinates are converted.

Covers axis-aligned geometry in pixels, origin at the top left, x to the right, y down. Does not cover rotation:
a page is turned upright before any box is made (`document`), and boxes of turned crops are mapped in `page`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height

    def scaled(self, factor: float) -> "Size":
        """The nearest whole size `factor` times as large, never smaller than one pixel."""
        return Size(max(1, round(self.width * factor)), max(1, round(self.height * factor)))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels: left, top (inclusive), right, bottom (exclusive)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def move(self, source: Size, target: "Box") -> "Box":
        """The same place, when an image of `source` pixels is laid over the rectangle `target`."""
        sx, sy = target.width / source.width, target.height / source.height
        return Box(
            target.x1 + self.x1 * sx,
            target.y1 + self.y1 * sy,
            target.x1 + self.x2 * sx,
            target.y1 + self.y2 * sy,
        )

    def clip(self, size: Size) -> "Box":
        """The part inside an image of `size`; it may come out empty."""
        return Box(
            min(max(self.x1, 0.0), size.width),
            min(max(self.y1, 0.0), size.height),
            min(max(self.x2, 0.0), size.width),
            min(max(self.y2, 0.0), size.height),
        )

    def overlap(self, other: "Box") -> float:
        """Area shared with `other`, in square pixels."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0…1."""
        shared = self.overlap(other)
        joined = self.area + other.area - shared
        return shared / joined if joined > 0 else 0.0


def whole(size: Size) -> Box:
    """The box that covers an image of `size`."""
    return Box(0, 0, size.width, size.height)


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all `boxes`; raises ValueError when there are none."""
    return Box(
        min(box.x1 for box in boxes),
        min(box.y1 for box in boxes),
        max(box.x2 for box in boxes),
        max(box.y2 for box in boxes),
    )
