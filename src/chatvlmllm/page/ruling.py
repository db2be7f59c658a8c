"""Ruling lines: found, and wiped out of the pixels that are read.

Works on a straight image: rulings are horizontal or vertical runs of ink, much longer than a letter and thin. Dotted
lines, curved lines and frames with ornaments are not covered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from chatvlmllm.page.strips import Image, Strip

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A line at `place` across (y if horizontal, x if vertical) from `start` to `end` along; pixels of the image."""

    place: float
    start: float
    end: float
    thickness: float = 1.0

    @property
    def length(self) -> float:
        return self.end - self.start

    def covers(self, start: float, end: float) -> float:
        """Share of the stretch start…end that the line covers, 0…1."""
        return max(0.0, min(self.end, end) - max(self.start, start)) / max(end - start, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Rulings:
    """The lines of a page by direction, and a mask (height × width, 0 or 255) of their pixels."""

    horizontal: tuple[Ruling, ...]
    vertical: tuple[Ruling, ...]
    mask: Mask


def ink_of(image: Image) -> Mask:
    """255 where a pixel is clearly darker than its surroundings, on any background."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    window = max(15, (min(grey.shape) // 40) | 1)
    ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 12)
    return np.asarray(ink, np.uint8)


def find(image: Image, strips: Sequence[Strip]) -> Rulings:
    """The rulings of a page; `strips` tell how high its text is and which runs are strokes of letters."""
    letter = letter_height(strips)
    ink = ink_of(image)
    across = _runs(ink, (max(20, round(letter * 3)), 1))
    # Stems of letters in touching lines of small print must not add up to a line: two capitals and a bit.
    down = _runs(ink, (1, max(16, round(letter * 2.2))))
    horizontal = [line for line in _lines(across, letter, upright=False) if not _in_text(line, strips)]
    vertical = [line for line in _lines(down, letter, upright=True) if not _in_letter(line, strips)]
    mask = np.zeros_like(ink)
    for line in horizontal:
        _paint(mask, across, line, upright=False)
    for line in vertical:
        _paint(mask, down, line, upright=True)
    return Rulings(tuple(horizontal), tuple(vertical), mask)


def letter_height(strips: Sequence[Strip]) -> float:
    """Height of a capital letter in pixels; a grown strip is about 1.7 times as high."""
    heights = [strip.height for strip in strips if strip.width > strip.height]
    return float(np.median(heights)) * 0.6 if heights else 16.0


def _in_text(line: Ruling, strips: Sequence[Strip]) -> bool:
    """Whether a horizontal run lies among the letters of a strip and does not leave it: bars of letters in a row."""
    for strip in strips:
        box = strip.box
        inside = box.x1 - 0.5 * box.height < line.start and line.end < box.x2 + 0.5 * box.height
        if inside and box.y1 + 0.08 * box.height < line.place < box.y2 - 0.24 * box.height:
            return True
    return False


def _in_letter(line: Ruling, strips: Sequence[Strip]) -> bool:
    """Whether a vertical run is the stem of a large letter."""
    for strip in strips:
        box = strip.box
        if (
            box.x1 < line.place < box.x2
            and box.y1 < line.start
            and line.end < box.y2
            and line.length < 0.9 * box.height
        ):
            return True
    return False


def _runs(ink: Mask, kernel: tuple[int, int]) -> Mask:
    """Ink with a straight run as long as `kernel` (width, height); in large print breaks of two pixels are bridged."""
    gap = 3 if max(kernel) > 30 else 1
    bridge = (gap, 1) if kernel[0] > kernel[1] else (1, gap)
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, bridge))
    return np.asarray(
        cv2.morphologyEx(joined, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, kernel)), np.uint8
    )


def _lines(runs: Mask, letter: float, *, upright: bool) -> list[Ruling]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    found = []
    for x, y, w, h, area in stats[1:]:
        along, across = (h, w) if upright else (w, h)
        # A thick bar is a picture or a blot; a slanted line occupies more rows than its ink needs.
        if area / along > max(3.0, 0.5 * letter) or across > max(8.0, 0.8 * letter) or along < 6 * area / along:
            continue
        start, place = (y, x + w / 2) if upright else (x, y + h / 2)
        found.append(Ruling(float(place), float(start), float(start + along), float(area / along)))
    return _joined(found, letter)


def _joined(lines: Sequence[Ruling], letter: float) -> list[Ruling]:
    """Pieces of one line at the same place, with gaps below a letter's size, become one."""
    done: list[Ruling] = []
    for line in sorted(lines, key=lambda piece: (piece.start, piece.place)):
        for index, other in enumerate(done):
            near = abs(other.place - line.place) <= max(3.0, 0.15 * letter)
            if near and line.start - other.end <= letter:
                whole = other.length + line.length
                place = (other.place * other.length + line.place * line.length) / whole
                thickness = (other.thickness * other.length + line.thickness * line.length) / whole
                done[index] = Ruling(place, other.start, max(other.end, line.end), thickness)
                break
        else:
            done.append(line)
    return done


def _paint(mask: Mask, runs: Mask, line: Ruling, *, upright: bool) -> None:
    reach = round(line.thickness) + 3
    low, high = max(0, round(line.place) - reach), round(line.place) + reach + 1
    start, end = max(0, round(line.start)), round(line.end)
    window = (slice(start, end), slice(low, high)) if upright else (slice(low, high), slice(start, end))
    mask[window] |= runs[window]


def wiped(image: Image, rulings: Rulings) -> Image:
    """The image with its rulings painted over by what surrounds them; letters that cross a line keep their strokes."""
    if not rulings.mask.any():
        return image
    wide = cv2.dilate(rulings.mask, np.ones((3, 3), np.uint8))
    # The local background: the brightest of the neighbourhood without the line itself.
    size = 2 * round(max((line.thickness for line in (*rulings.horizontal, *rulings.vertical)), default=1)) + 5
    around = cv2.medianBlur(cv2.dilate(image, np.ones((size, size), np.uint8)), 5)
    crossing = _crossing(image, rulings)
    out = image.copy()
    paint = (wide > 0) & ~crossing
    out[paint] = around[paint]
    return out


def _crossing(image: Image, rulings: Rulings) -> NDArray[np.bool_]:
    """Pixels of rulings where ink goes on at both sides: a stroke that crosses the line."""
    ink = ink_of(image)
    ink[cv2.dilate(rulings.mask, np.ones((3, 3), np.uint8)) > 0] = 0
    reach = 2 * round(max((line.thickness for line in rulings.horizontal), default=1)) + 5
    kernel = np.ones((reach, 1), np.uint8)
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, kernel) > 0, np.bool_)
