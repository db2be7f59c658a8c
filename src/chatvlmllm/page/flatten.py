"""A photographed sheet made flat: curved and converging lines of text become level, slanted edges upright.

The detector's cores follow the lines however they bend, so their midlines tell how far each point of the page has to
move up or down: a polynomial in x and y, fitted so that every midline becomes level. Straight edges, of rulings and of
the sheet itself, join in, and upright ones tell the same for left and right. What it does not do: creases that displace
parts of a page against each other, and sheets without at least a few lines of text.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chatvlmllm.page.detect import Sight
from chatvlmllm.page.strips import Image, Points

Floats = NDArray[np.floating[Any]]

#: A core this many times as long as high is the core of a line of text.
_ELONGATED = 6.0
#: Lines that must agree before a page is bent.
_MIN_LINES = 6
#: Left alone is what bends by less than this many heights of a core (about half the height of a letter) …
_BENT = 0.45
#: … and what slants by less than this over the page: 0.01 is half a degree.
_SLANTED = 0.012
#: Nothing is moved by more than this share of the page's longer side: such a fit is wrong.
_FARTHEST = 0.25
#: Powers of x and y that may move a point up or down; what does not depend on x bends no line.
_POWERS = tuple((a, b) for a in (1, 2, 3, 4) for b in (0, 1, 2))
#: Pixels of the flat page between the points whose origin is computed; between them it is interpolated.
_STEP = 16
#: How the mean lightness of dark and light places compares on a page that was scanned, not photographed.
_EVEN = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """Where the points of the flat page come from: `origins[j, i]` (x, y) for the flat point (i, j) × `_STEP`."""

    origins: NDArray[np.float32]

    def back(self, points: Points) -> Points:
        """(n, 2) points of the flat page in pixels of the bent one."""
        at = np.asarray(points, np.float32)[:, None, :] / _STEP
        got = cv2.remap(self.origins, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        return np.asarray(got, np.float32).reshape(-1, 2)

    def flat(self, image: Image) -> Image:
        """`image` as it looks flat, of the same size; beyond its edges the edges are repeated."""
        height, width = image.shape[:2]
        wide, high = self.origins.shape[1] * _STEP, self.origins.shape[0] * _STEP
        # Node (0, 0) stands for the point (0, 0), while resize puts it half a cell further on.
        shift = np.array([[_STEP, 0, 0], [0, _STEP, 0]], np.float32)
        full = cv2.warpAffine(
            self.origins, shift, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        maps = np.ascontiguousarray(full[:height, :width])
        flat = cv2.remap(image, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        return np.asarray(flat, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Midline:
    """Points along the middle of a line of text, and the height of its core; page pixels."""

    points: Floats
    height: float


def bend_of(image: Image, sight: Sight) -> Bend | None:
    """How the page is bent, or None when it lies flat, or when too little text says how."""
    lines = _midlines(sight)
    if len(lines) < _MIN_LINES:
        return None
    frame = _Frame.of(image)
    text = np.concatenate([line.points for line in lines])
    height = float(np.median([line.height for line in lines]))
    rise = _rise(lines, height, frame)
    level = _level(rise, text, frame)
    bent = np.abs(rise.at(text, frame) - level * (text[:, 0] - frame.width / 2)).max() > _BENT * height
    if not bent and _evenly_lit(image):
        return None
    edges = _edges(image, frame)
    rise = _rise([*lines, *_rulings(edges, height, frame)], height, frame)
    slant = _slant(edges, frame, level)
    slanted = np.abs(slant[0] - level) + abs(slant[1]) + abs(slant[2]) > _SLANTED
    if not bent and not slanted:
        return None
    bend = _bend(rise, slant, frame, text)
    return bend if _sane(bend, frame) else None


def _level(rise: "_Rise", text: Floats, frame: "_Frame") -> float:
    """How many pixels the page as a whole moves down per pixel to the right."""
    return float(np.polyfit(text[:, 0] - frame.width / 2, rise.at(text, frame), 1)[0])


@dataclass(frozen=True, slots=True)
class _Frame:
    """The page in coordinates −1…1 from its middle."""

    width: int
    height: int

    @classmethod
    def of(cls, image: Image) -> "_Frame":
        return cls(image.shape[1], image.shape[0])

    def units(self, points: Floats) -> Floats:
        half = np.array([self.width, self.height]) / 2
        scaled: Floats = (points - half) / half
        return scaled


@dataclass(frozen=True, slots=True, eq=False)
class _Rise:
    """How far down a point has to move, in pixels: a polynomial, held constant outside the text."""

    weights: Floats
    low: Floats
    high: Floats

    def at(self, points: Floats, frame: _Frame) -> Floats:
        moved: Floats = _terms(np.clip(frame.units(points), self.low, self.high)) @ self.weights
        return moved


def _terms(units: Floats) -> Floats:
    x, y = units[:, 0], units[:, 1]
    return np.stack([x**a * y**b for a, b in _POWERS], axis=1)


def _midlines(sight: Sight) -> list[_Midline]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(sight.mask, connectivity=4)
    scale = np.array([sight.sx, sight.sy])
    lines = []
    for label in range(1, count):
        x, y, w, h, area = stats[label]
        height = area / w
        if w < _ELONGATED * height or height < 2 or h > 0.5 * w:
            continue
        points = _middle(labels[y : y + h, x : x + w] == label, height)
        if len(points) >= 4:
            lines.append(_Midline((points + np.array([x, y])) * scale, height * sight.sy))
    usual = float(np.median([line.height for line in lines])) if lines else 0.0
    # Two lines run together are no line.
    return [line for line in lines if line.height < 1.8 * usual]


def _middle(inside: NDArray[np.bool_], height: float) -> Floats:
    """Mean places of a core, one for each piece as long as the core is high; its round ends are left out."""
    thick = inside.sum(axis=0)
    middles = (inside * np.arange(inside.shape[0])[:, None]).sum(axis=0) / np.maximum(thick, 1)
    usual = float(np.median(thick))
    good = (thick > 0.5 * usual) & (thick < 1.5 * usual)
    step = max(2, round(height))
    points = []
    for start in range(step // 2, inside.shape[1] - step, step):
        piece = np.flatnonzero(good[start : start + step]) + start
        if len(piece) > step / 2:
            points.append((piece.mean() + 0.5, middles[piece].mean() + 0.5))
    return np.array(points, np.float64).reshape(-1, 2)


def _rise(lines: list[_Midline], height: float, frame: _Frame) -> _Rise:
    """The polynomial that makes the midlines level, each at a height of its own; lines that resist count less."""
    rows, wanted, owner = [], [], []
    for number, line in enumerate(lines):
        terms = _terms(frame.units(line.points))
        rows.append(terms - terms.mean(axis=0))
        wanted.append(line.points[:, 1].mean() - line.points[:, 1])
        owner.append(np.full(len(terms), number))
    terms, target, owners = np.concatenate(rows), np.concatenate(wanted), np.concatenate(owner)
    weight = np.ones(len(target))
    # High powers only where they are needed: they cost as much as an error of a tenth of a core everywhere.
    price = np.array([(a + b - 1) * 0.02 for a, b in _POWERS]) * len(target) ** 0.5
    weights = np.zeros(len(_POWERS))
    for _ in range(6):
        left = (terms * weight[:, None]).T
        weights = np.linalg.solve(left @ terms + np.diag(price + 1e-6), left @ target)
        error = np.abs(terms @ weights - target)
        typical = np.bincount(owners, error) / np.bincount(owners)
        weight = 1 / (1 + (typical[owners] / (0.3 * height)) ** 2)
    points = frame.units(np.concatenate([line.points for line in lines]))
    return _Rise(weights, points.min(axis=0), points.max(axis=0))


def _evenly_lit(image: Image) -> bool:
    """Whether the whole picture is paper in even light, as from a scanner."""
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (96, 96), interpolation=cv2.INTER_AREA)
    paper = cv2.blur(cv2.dilate(small, np.ones((7, 7), np.uint8)), (5, 5))
    dark, light = np.percentile(paper, [2, 95])
    return bool(dark > _EVEN * light)


def _edges(image: Image, frame: _Frame) -> Floats:
    """Straight edges as rows of x1, y1, x2, y2 in page pixels."""
    scale = min(1.0, 1400 / max(frame.width, frame.height))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found: Any = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(small)[0]
    return np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(np.float64) / scale


def _rulings(edges: Floats, height: float, frame: _Frame) -> list[_Midline]:
    """Long edges along the text, as lines that should be level too."""
    dx, dy = edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]
    lines = []
    for x1, y1, x2, y2 in edges[(np.abs(dx) > 0.04 * frame.width) & (np.abs(dy) < 0.25 * np.abs(dx))]:
        share = np.linspace(0, 1, max(3, round(abs(x2 - x1) / (3 * height))))
        lines.append(_Midline(np.stack([x1 + share * (x2 - x1), y1 + share * (y2 - y1)], axis=1), height))
    return lines


def _slant(edges: Floats, frame: _Frame, level: float) -> Floats:
    """How many pixels an upright goes left per pixel down, as constant and shares of x and y (−1…1).

    Long edges say so; where there are none uprights are taken to stand square on the lines of text, which climb
    `level` pixels a pixel.
    """
    dx, dy = edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]
    upright = (np.abs(dy) > 0.025 * frame.height) & (np.abs(dx) < 0.25 * np.abs(dy))
    segments, dx, dy = edges[upright], dx[upright], dy[upright]
    middles = np.stack([(segments[:, 0] + segments[:, 2]) / 2, (segments[:, 1] + segments[:, 3]) / 2], axis=1)
    terms = np.concatenate([np.ones((len(middles), 1)), frame.units(middles)], axis=1)
    slopes = -dx / np.where(dy == 0, 1.0, dy)
    length = np.abs(dy) / frame.height
    weight, slant = length.copy(), np.array([level, 0.0, 0.0])
    prior = np.diag([0.05, 0.05, 0.1])
    for _ in range(8):
        left = (terms * weight[:, None]).T
        slant = np.linalg.solve(left @ terms + prior, left @ slopes + prior @ np.array([level, 0.0, 0.0]))
        weight = length / (1 + ((terms @ slant - slopes) / 0.01) ** 2)
    return np.asarray(slant, np.float64)


def _bend(rise: _Rise, slant: Floats, frame: _Frame, text: Floats) -> Bend:
    """The origins of a grid of flat points, found by going back and forth a few times."""
    columns, rows = -(-frame.width // _STEP) + 2, -(-frame.height // _STEP) + 2
    flat = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2) * float(_STEP)
    middle = frame.height / 2
    points = flat.copy()
    # The middle of the text stays where it is.
    rest = np.array([0.0, float(np.median(rise.at(text, frame)))])
    for _ in range(12):
        x, y = frame.units(points).T
        upright = slant[0] + slant[1] * x + slant[2] * y / 2
        moved = np.stack([upright * (points[:, 1] - middle), rise.at(points, frame)], axis=1)
        points = flat - moved + rest
    return Bend(points.reshape(rows, columns, 2).astype(np.float32))


def _sane(bend: Bend, frame: _Frame) -> bool:
    """Whether no point goes far and none overtakes its neighbour."""
    origins = bend.origins
    rows, columns = origins.shape[:2]
    flat = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) * _STEP
    far = np.abs(origins - flat).max() > _FARTHEST * max(frame.width, frame.height)
    across, down = np.diff(origins[..., 0], axis=1), np.diff(origins[..., 1], axis=0)
    return bool(not far and across.min() > 0.4 * _STEP and down.min() > 0.4 * _STEP)
