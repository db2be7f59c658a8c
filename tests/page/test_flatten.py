"""Photographed sheets made flat: lines level, boxes back on their words, flat pages untouched."""

import cv2
import numpy as np
import pytest

from chatvlmllm.geometry import Box, Size
from chatvlmllm.page import straighten
from chatvlmllm.page.detect import Detector
from chatvlmllm.page.flatten import bend_of
from chatvlmllm.page.strips import Image
from chatvlmllm.page.understand import Understanding

from .drawing import LINES, Echo, Sheet


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def _page() -> Image:
    sheet = Sheet(width=840)
    for number, line in enumerate(LINES * 2):
        sheet.text(120, 160 + 60 * number, line)
    return sheet.pixels()


def _bent(page: Image, sag: float) -> Image:
    """The sheet sags by `sag` pixels in its middle, as over the spine of a book."""
    height, width = page.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(cv2.remap(page, x, y - sag * np.sin(np.pi * x / width), cv2.INTER_LINEAR, borderValue=(255,) * 3))


def _photographed(page: Image) -> Image:
    """Seen from the side on a dark desk."""
    height, width = page.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[90, 60], [width - 30, 20], [width - 120, height - 40], [20, height - 90]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    return np.asarray(cv2.warpPerspective(page, matrix, (width, height), borderValue=(60, 50, 45)), np.uint8)


def _climb(detector: Detector, page: Image) -> float:
    """Greatest slope, degrees, of long lines."""
    return max(abs(strip.angle) for strip in detector.strips(page) if strip.width > 8 * strip.height)


def test_a_flat_page_is_left_alone(detector: Detector) -> None:
    """No resampling where there is nothing to flatten, skewed or not."""
    page = _page()
    assert bend_of(page, detector.look(page)) is None
    skewed = straighten.levelled(page, 3.0).image
    assert bend_of(skewed, detector.look(skewed)) is None


@pytest.mark.parametrize("sag", [-60.0, 60.0])
def test_lines_of_a_bent_sheet_become_level(detector: Detector, sag: float) -> None:
    """What sagged by more than a line is straight again, and is read as the lines that it had."""
    page = _bent(_page(), sag)
    bend = bend_of(page, detector.look(page))
    assert bend is not None
    flat = bend.flat(page)
    strips = [strip for strip in detector.strips(flat) if strip.width > 8 * strip.height]
    assert len(strips) == 2 * len(LINES)
    assert _climb(detector, flat) < 0.7
    assert max(strip.height for strip in strips) < 1.3 * min(strip.height for strip in strips)


def test_lines_of_a_sheet_seen_from_the_side_become_level(detector: Detector) -> None:
    """Converging lines come out parallel."""
    page = _photographed(_page())
    bend = bend_of(page, detector.look(page))
    assert bend is not None
    assert _climb(detector, page) > 1.0
    assert _climb(detector, bend.flat(page)) < 0.7


def test_points_of_the_flat_page_come_from_where_they_are_shown(detector: Detector) -> None:
    """`back` and `flat` agree: a pixel of the flat picture has the colour of its origin."""
    page = _bent(_page(), 60.0)
    bend = bend_of(page, detector.look(page))
    assert bend is not None
    smooth = np.stack(np.meshgrid(np.arange(840) // 4, np.arange(1400) // 6), axis=-1).astype(np.uint8)
    image = np.ascontiguousarray(np.dstack([smooth, smooth[..., :1]]))
    points = np.random.default_rng(5).uniform([100, 100], [740, 1300], (200, 2)).round().astype(np.float32)
    origins = bend.back(points).round().astype(int)
    shown = bend.flat(image)[points[:, 1].astype(int), points[:, 0].astype(int)].astype(int)
    assert np.abs(shown - image[origins[:, 1], origins[:, 0]]).max() <= 2


def test_boxes_lie_on_the_words_of_the_bent_page(detector: Detector) -> None:
    """What the reader finds is placed in pixels of the photograph, not of its flattened copy."""
    page = _bent(_page(), 60.0)
    found = Understanding(detector, [Echo()]).read(page)
    boxes = [line.box for part in found for line in part.block.lines]
    assert len(boxes) == 2 * len(LINES)
    ink = page.min(axis=2) < 128
    covered = np.zeros_like(ink)
    for box in boxes:
        covered[round(box.y1) : round(box.y2), round(box.x1) : round(box.x2)] = True
    assert (ink & covered).sum() > 0.98 * ink.sum()


def test_a_line_comes_back_with_the_height_of_its_bend(detector: Detector) -> None:
    """The box around a bent line holds its sagging middle, not only its ends."""
    page = _bent(_page(), 60.0)
    bend = bend_of(page, detector.look(page))
    assert bend is not None
    straight = straighten.as_is(page).flattened(bend)
    back = straight.back(Box(120, 400, 720, 440), Size(840, 1400))
    assert back.height > 40 + 15
