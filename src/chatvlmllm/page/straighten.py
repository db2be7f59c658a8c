"""A page made upright and level, and the way back to its own pixels.

Turns by quarters, then takes out the bend of a photographed sheet (`flatten`) or the skew that the detected strips
agree on. Which of the two remaining quarters is up is not decided here, since only reading tells (`understand`). A
transform carries points of the original page to the straight one; `Straight.back` goes the other way.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from chatvlmllm.geometry import Box, Size
from chatvlmllm.page.flatten import Bend
from chatvlmllm.page.strips import Image, Matrix, Points, Strip, carried

#: Less than this is left alone: a line of 1000 px then climbs 5 px, which crops with their own angle take.
MIN_SKEW = 0.25
#: More than this is no skew; strips near 45° say nothing about which way is up.
MAX_SKEW = 30.0
#: Strips this much longer than high have a direction worth counting.
_ELONGATED = 2.5
_BACKGROUND = (255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """The straight image, and the 3 × 3 `matrix` to its pixels from those of the original page.

    Where the sheet was bent no matrix says it all: then `matrix` starts from the flattened picture, and `earlier`
    carries points of that one back to the original.
    """

    image: Image
    matrix: Matrix
    earlier: Callable[[Points], Points] | None = None

    def back(self, box: Box, size: Size) -> Box:
        """The upright box around `box`, in pixels of the original page of `size`, clipped to it."""
        x, y = self.origin(_outline(box, 2 if self.earlier is None else 5)).T
        return Box(float(x.min()), float(y.min()), float(x.max()), float(y.max())).clip(size)

    def origin(self, points: Points) -> Points:
        """(n, 2) points of the straight image in pixels of the original page."""
        before = carried(points, np.linalg.inv(self.matrix))
        return before if self.earlier is None else self.earlier(before)

    def then(self, step: "Straight") -> "Straight":
        """Both transforms, `step` after this one; it was made from this one's image and bends nothing."""
        return Straight(step.image, step.matrix @ self.matrix, self.earlier)

    def flattened(self, bend: Bend) -> "Straight":
        """The same with its image flattened."""
        return Straight(bend.flat(self.image), np.eye(3), lambda points: self.origin(bend.back(points)))


def _outline(box: Box, count: int) -> Points:
    """Points of the upper and lower side of a box, `count` on each."""
    across = np.linspace(box.x1, box.x2, count)
    sides = [np.stack([across, np.full(count, y)], axis=1) for y in (box.y1, box.y2)]
    return np.concatenate(sides).astype(np.float32)


def as_is(image: Image) -> Straight:
    """No change."""
    return Straight(image, np.eye(3))


def turned(image: Image, quarters: int) -> Straight:
    """The image turned clockwise by `quarters` × 90°, losslessly."""
    height, width = image.shape[:2]
    matrices = {
        0: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        1: [[0, -1, height], [1, 0, 0], [0, 0, 1]],
        2: [[-1, 0, width], [0, -1, height], [0, 0, 1]],
        3: [[0, 1, 0], [-1, 0, width], [0, 0, 1]],
    }
    matrix = np.array(matrices[quarters % 4], np.float64)
    return Straight(np.ascontiguousarray(np.rot90(image, -quarters % 4)), matrix)


def levelled(image: Image, skew: float) -> Straight:
    """The image turned by `-skew` degrees about its centre on a canvas that keeps every pixel."""
    height, width = image.shape[:2]
    c, s = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    new_width, new_height = (
        math.ceil(width * abs(c) + height * abs(s)),
        math.ceil(width * abs(s) + height * abs(c)),
    )
    matrix = np.eye(3)
    matrix[:2, :2] = [[c, s], [-s, c]]
    matrix[:2, 2] = np.array([new_width, new_height]) / 2 - matrix[:2, :2] @ np.array([width, height]) / 2
    flat = cv2.warpAffine(
        image,
        matrix[:2],
        (new_width, new_height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_BACKGROUND,
    )
    return Straight(np.asarray(flat, np.uint8), matrix)


def sideways(strips: Sequence[Strip]) -> bool:
    """Whether most of the text runs up or down; False when there is nothing to tell by."""
    votes = [(strip.width, abs(abs(strip.angle) - 90) < 45) for strip in strips if _telling(strip)]
    return sum(width for width, tall in votes if tall) > 0.5 * sum(width for width, _ in votes)


def skew_of(strips: Sequence[Strip]) -> float:
    """Degrees, clockwise, that most of the text is off level; 0 when strips are few or do not agree.

    The median weighted by length of the angles folded to ±45°. A page whose lines point everywhere (a drawing, a
    stamp, a crumpled photo) is left as it is: half of the length must lie within 2° of the median.
    """
    rated = sorted(((strip.angle + 45) % 90 - 45, strip.width) for strip in strips if _telling(strip))
    total = sum(width for _, width in rated)
    if total == 0:
        return 0.0
    passed = 0.0
    median = 0.0
    for angle, width in rated:
        passed += width
        if passed >= total / 2:
            median = angle
            break
    agreeing = sum(width for angle, width in rated if abs(angle - median) < 2)
    return median if agreeing > total / 2 and MIN_SKEW <= abs(median) <= MAX_SKEW else 0.0


def _telling(strip: Strip) -> bool:
    return strip.width > _ELONGATED * strip.height


def righted(strip: Strip) -> Strip:
    """The same strip with its corners numbered as if its text ran to the right (or, if vertical, as it does)."""
    turns = round(strip.angle / 90) % 4
    corners: Points = np.roll(strip.corners, turns, axis=0)
    return Strip(corners, strip.score) if turns == 2 else strip
