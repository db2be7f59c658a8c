"""Straightening: the way there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.geometry import Box, Size
from chatvlmllm.page import straighten
from chatvlmllm.page.detect import Detector
from chatvlmllm.page.strips import Strip, cut, of_box

from .drawing import prose


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@given(quarters=st.integers(0, 3), skew=st.floats(-30, 30), x=st.integers(0, 79), y=st.integers(0, 49))
def test_boxes_come_back_to_where_they_were(quarters: int, skew: float, x: int, y: int) -> None:
    """A pixel's box, carried to the straight page and back, still covers that pixel and little more."""
    page = np.zeros((60, 90, 3), np.uint8)
    turned = straighten.turned(page, quarters)
    straight = turned.then(straighten.levelled(turned.image, skew))
    box = Box(x, y, x + 10, y + 10)
    there = of_box(box).moved(straight.matrix).box
    back = straight.back(there, Size(90, 60))
    assert back.x1 <= box.x1 + 1e-3
    assert back.y2 >= box.y2 - 1e-3
    assert back.width <= 10 * 3
    assert there.x1 >= -1e-3
    assert there.x2 <= straight.image.shape[1] + 1e-3


@pytest.mark.parametrize("quarters", range(4))
def test_turning_moves_points_with_their_pixels(quarters: int) -> None:
    """The matrix of a turn says where a pixel went."""
    page = np.zeros((40, 70, 3), np.uint8)
    page[5:8, 11:15] = 255
    turned = straighten.turned(page, quarters)
    box = of_box(Box(11, 5, 15, 8)).moved(turned.matrix).box
    assert turned.image[round(box.y1) : round(box.y2), round(box.x1) : round(box.x2)].min() == 255


@pytest.mark.parametrize("skew", [-12.0, -3.0, -0.8, 0.8, 3.0, 12.0])
def test_t56_skew_is_found_and_taken_out(detector: Detector, skew: float) -> None:
    """A page turned by a known angle comes out level within 0.3°."""
    page = straighten.levelled(prose(), -skew).image
    found = straighten.skew_of(detector.strips(page))
    assert found == pytest.approx(skew, abs=0.3)


@pytest.mark.parametrize("angle", [44.0, 45.0, 46.0, 90.0, -90.0])
def test_t56_steep_lines_never_turn_a_page_by_half_a_quarter(angle: float) -> None:
    """Lines near 45°, or vertical ones, are no skew."""
    strip = of_box(Box(0, 0, 200, 20))
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned = strip.moved(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]))
    assert straighten.skew_of([turned] * 5) == 0


def test_t56_a_level_page_is_left_alone(detector: Detector) -> None:
    """No correction, hence no resampling, where none is needed."""
    assert straighten.skew_of(detector.strips(prose())) == 0


def test_lines_that_disagree_are_no_skew() -> None:
    """A drawing with text in all directions stays as it is."""
    strips = []
    for angle in (-20, -10, 0.5, 10, 20):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        strips.append(of_box(Box(0, 0, 200, 20)).moved(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])))
    assert straighten.skew_of(strips) == 0


def test_a_page_on_its_side_is_noticed(detector: Detector) -> None:
    """Most text running up or down means the page lies on its side."""
    assert not straighten.sideways(detector.strips(prose()))
    assert straighten.sideways(detector.strips(straighten.turned(prose(), 1).image))


@given(x=st.integers(-30, 60), y=st.integers(-30, 60), w=st.integers(1, 80), h=st.integers(1, 40), a=st.floats(-30, 30))
def test_a_crop_has_pixels_wherever_its_strip_lies(x: int, y: int, w: int, h: int, a: float) -> None:
    """Strips over the edge, of one pixel, or turned give a crop of at least 1 × 1."""
    c, s = np.cos(np.radians(a)), np.sin(np.radians(a))
    strip: Strip = of_box(Box(x, y, x + w, y + h)).moved(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]))
    crop = cut(np.zeros((50, 50, 3), np.uint8), strip)
    assert crop.size > 0
    assert crop.shape[2] == 3
