"""Effects that move the page: skew, perspective, quarter turns, low resolution, a fold."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin
from typing import TYPE_CHECKING

from chatvlmllm.bench.degrade.transform import Crease, Matrix, Projective, Step, page_unit

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Point = tuple[float, float]
_WHITE = (255, 255, 255)
_DESKS = ((74, 58, 46), (52, 54, 58), (120, 104, 84), (38, 40, 44))


def skew(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, Step]:
    """Turn by up to 5 degrees either way (at least a fifth of the level's share); the canvas grows, nothing is cut."""
    angle = radians(5.0 * level * rng.uniform(0.4, 1.0) * rng.choice((-1, 1)))
    width, height = image.size
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    turned = [(x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)) for x, y in corners]
    return _warp(image, corners, turned, _WHITE)


def perspective(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, Step]:
    """Move each corner inwards by up to 12 % of the side; around the sheet lies a desk."""
    width, height = image.size
    reach = 0.12 * level
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    moved = []
    for x, y in corners:
        inward_x = (1 if x == 0 else -1) * rng.uniform(0.1, 1.0) * reach * width
        inward_y = (1 if y == 0 else -1) * rng.uniform(0.1, 1.0) * reach * height
        moved.append((x + inward_x, y + inward_y))
    border = 0.02 * level * width
    desk = _DESKS[int(rng.integers(len(_DESKS)))]
    return _warp(image, corners, moved, desk, border)


def turn(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, Step]:
    """Turn by 90, 180 or 270 degrees clockwise: the level is the angle."""
    from PIL.Image import Transpose

    del rng
    width, height = image.size
    ways: dict[int, tuple[Transpose, Matrix]] = {
        90: (Transpose.ROTATE_270, (0, -1, height, 1, 0, 0, 0, 0, 1)),
        180: (Transpose.ROTATE_180, (-1, 0, width, 0, -1, height, 0, 0, 1)),
        270: (Transpose.ROTATE_90, (0, 1, 0, -1, 0, width, 0, 0, 1)),
    }
    how, matrix = ways[int(level)]
    return image.transpose(how), Projective(matrix)


def low_resolution(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, Step]:
    """Fewer pixels: at level 1 a third of them along each side."""
    from PIL.Image import Resampling

    del rng
    factor = 1 - 0.67 * level
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    matrix: Matrix = (size[0] / image.width, 0, 0, 0, size[1] / image.height, 0, 0, 0, 1)
    return image.resize(size, Resampling.BILINEAR), Projective(matrix)


def fold(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, Step]:
    """A crease across the sheet: rows sink towards it, one side is darker, its ridge is light with a dark rim."""
    import numpy as np
    from PIL import Image as Picture

    unit = page_unit(*image.size)
    pixels = np.asarray(image, dtype=np.float32)
    height = pixels.shape[0]
    middle = float(height * rng.uniform(0.35, 0.65))
    crease = Crease(middle, 1.6 * level * unit, 14 * unit)
    rows = np.arange(height, dtype=np.float64)
    source = rows.copy()
    for _ in range(4):  # the inverse by fixed-point steps: the shift is small and smooth
        source = rows - crease.depth * np.exp(-(((source - middle) / crease.reach) ** 2))
    low = np.clip(np.floor(source).astype(int), 0, height - 1)
    high = np.clip(low + 1, 0, height - 1)
    share = (source - np.floor(source))[:, None, None].astype(np.float32)
    bent = pixels[low] * (1 - share) + pixels[high] * share
    distance = (rows - middle - crease.depth) / unit
    light = 1 - 0.16 * level * np.exp(-np.abs(distance) / 9) * (distance > 0)
    light += level * (0.10 * np.exp(-((distance / 0.35) ** 2)) - 0.22 * np.exp(-(((distance - 0.7) / 0.4) ** 2)))
    shaded = np.clip(bent * light[:, None, None], 0, 255).astype(np.uint8)
    return Picture.fromarray(shaded), crease


def _warp(
    image: Image, source: Sequence[Point], target: Sequence[Point], fill: tuple[int, int, int], border: float = 0
) -> tuple[Image, Projective]:
    """Send four corners to four places, shifted so that all of them lie on the new canvas."""
    from PIL.Image import Resampling
    from PIL.Image import Transform as Way

    left, top = min(x for x, _ in target) - border, min(y for _, y in target) - border
    shifted = [(x - left, y - top) for x, y in target]
    size = (
        round(max(x for x, _ in shifted) + border),
        round(max(y for _, y in shifted) + border),
    )
    back = _matrix(shifted, source)
    moved = image.transform(size, Way.PERSPECTIVE, back[:8], Resampling.BICUBIC, fillcolor=fill)
    return moved, Projective(_matrix(source, shifted))


def _matrix(source: Sequence[Point], target: Sequence[Point]) -> Matrix:
    """The projective map through four pairs of points."""
    import numpy as np

    rows, right = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    a, b, c, d, e, f, g, h = (float(part) for part in np.linalg.solve(np.array(rows, float), np.array(right, float)))
    return (a, b, c, d, e, f, g, h, 1.0)
