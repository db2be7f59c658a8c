"""A strip: where one piece of a text line lies, and its pixels laid flat.

Corners are (4, 2) float arrays in image pixels: top left, top right, bottom right, bottom left *of the text*, so a
strip knows which way its text runs. Images are (height, width, 3) uint8 RGB throughout `page`.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chatvlmllm.geometry import Box

Image = NDArray[np.uint8]
Points = NDArray[np.float32]
Matrix = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """`score` is the detector's mean probability inside, 0…1."""

    corners: Points
    score: float

    @property
    def box(self) -> Box:
        x1, y1 = self.corners.min(axis=0)
        x2, y2 = self.corners.max(axis=0)
        return Box(float(x1), float(y1), float(x2), float(y2))

    @property
    def width(self) -> float:
        """Length along the text, in pixels."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def height(self) -> float:
        """Size across the text, in pixels."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    @property
    def angle(self) -> float:
        """Direction of the text in degrees, clockwise from the x axis, -180…180."""
        dx, dy = self.corners[1] - self.corners[0]
        return math.degrees(math.atan2(dy, dx))

    def moved(self, matrix: Matrix) -> "Strip":
        """The strip after the perspective transform `matrix` (3 × 3)."""
        return Strip(carried(self.corners, matrix), self.score)

    def part(self, start: float, end: float) -> "Strip":
        """The piece between two shares (0…1) of its length."""
        tl, tr, br, bl = self.corners
        top, bottom = tr - tl, br - bl
        corners = np.stack([tl + top * start, tl + top * end, bl + bottom * end, bl + bottom * start])
        return Strip(corners.astype(np.float32), self.score)


def of_box(box: Box, score: float = 1.0) -> Strip:
    """The upright strip that covers `box`."""
    corners = [[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]]
    return Strip(np.array(corners, np.float32), score)


def carried(points: Points, matrix: Matrix) -> Points:
    """(n, 2) points after the perspective transform `matrix` (3 × 3)."""
    ends = np.concatenate([points.astype(np.float64), np.ones((len(points), 1))], axis=1) @ matrix.T
    return (ends[:, :2] / ends[:, 2:]).astype(np.float32)


def cut(image: Image, strip: Strip) -> Image:
    """The strip's pixels, laid flat; at least 1 × 1, beyond the image's edge the edge is repeated."""
    width, height = max(1, round(strip.width)), max(1, round(strip.height))
    if abs(strip.angle) < 0.2 and strip.box.height <= height + 1.5:
        return _plain(image, strip.box)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(strip.corners, target)
    flat = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def _plain(image: Image, box: Box) -> Image:
    height, width = image.shape[:2]
    left = min(max(0, round(box.x1)), width - 1)
    top = min(max(0, round(box.y1)), height - 1)
    right = min(max(left + 1, round(box.x2)), width)
    bottom = min(max(top + 1, round(box.y2)), height)
    return np.ascontiguousarray(image[top:bottom, left:right])
