"""Coordinates: from a model's grid to page pixels and back, for every convention and any page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.decode.boxes import Grid, below_thousand, numbers, pixels, place, thousand, to_grid
from chatvlmllm.decode.tally import Tally
from chatvlmllm.geometry import Box, Size, whole
from tests.decode.support import ask

GRIDS = {"pixels": pixels, "thousand": thousand, "below_thousand": below_thousand}

sizes = st.builds(Size, st.integers(30, 12_000), st.integers(30, 12_000))
shares = st.lists(st.floats(0, 1), min_size=4, max_size=4)


def within(frame: Box, parts: list[float]) -> Box:
    """A box inside `frame` that is at least three pixels wide and high."""
    x, y = sorted(parts[:2]), sorted(parts[2:])
    left, top = frame.x1 + x[0] * (frame.width - 3), frame.y1 + y[0] * (frame.height - 3)
    right, bottom = frame.x1 + 3 + x[1] * (frame.width - 3), frame.y1 + 3 + y[1] * (frame.height - 3)
    return Box(left, top, min(right, frame.x2), min(bottom, frame.y2))


def worst(a: Box, b: Box) -> tuple[float, float]:
    """The largest difference along x and along y."""
    return max(abs(a.x1 - b.x1), abs(a.x2 - b.x2)), max(abs(a.y1 - b.y1), abs(a.y2 - b.y2))


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@given(page=sizes, sent=sizes, frame=shares, parts=shares)
def test_t32_boxes_come_back_to_the_pixel(
    grid: Grid, page: Size, sent: Size, frame: list[float], parts: list[float]
) -> None:
    """Page → grid → page moves no edge by more than a pixel, for any page, any size sent and any region of the page."""
    for region in (whole(page), within(whole(page), frame)):
        request = ask(page, sent, region)
        box = within(region, parts)
        there = to_grid(box, grid, request)
        back = place([there.x1, there.y1, there.x2, there.y2], grid, request, Tally())
        assert back is not None
        assert max(worst(box, back)) <= 1


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@given(page=sizes, sent=sizes, parts=shares)
def test_t32_whole_numbers_cost_half_a_step_of_the_grid(grid: Grid, page: Size, sent: Size, parts: list[float]) -> None:
    """A model that rounds to its grid is wrong by half of one of its steps, and decoding adds nothing to that."""
    request = ask(page, sent)
    box = within(whole(page), parts)
    there = to_grid(box, grid, request)
    values = [float(round(value)) for value in (there.x1, there.y1, there.x2, there.y2)]
    back = place(values, grid, request, Tally())
    if back is not None:  # a thin box may vanish between two steps
        steps = grid(sent)
        dx, dy = worst(box, back)
        assert dx <= page.width / steps.width / 2 + 0.02
        assert dy <= page.height / steps.height / 2 + 0.02


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@given(page=sizes, sent=sizes, values=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=9))
def test_t32_any_numbers_give_a_box_on_the_page_or_a_notice(
    grid: Grid, page: Size, sent: Size, values: list[float]
) -> None:
    """Too few, too many, swapped, infinite or no number: the box is on the page, or there is none and it is said."""
    tally = Tally()
    box = place(values, grid, ask(page, sent), tally)
    if box is None:
        assert [notice.code for notice in tally.notices()] == ["boxes_dropped"]
    else:
        assert not box.empty
        assert box == box.clip(page)


def test_t32_pixels_are_those_of_the_image_as_sent() -> None:
    """A box counted in a smaller image lands at the same place of the larger page (dots.ocr's smart-resized input)."""
    request = ask(Size(2480, 3508), Size(1240, 1764))
    assert place([620, 882, 1240, 1764], pixels, request, Tally()) == Box(1240, 1754, 2480, 3508)


def test_t32_relative_boxes_ignore_the_size_sent() -> None:
    """0…1000 and 0…999 reach the page's far corner whatever was sent."""
    for grid, last in ((thousand, 1000.0), (below_thousand, 999.0)):
        request = ask(Size(2480, 3508), Size(644, 896))
        assert place([0, 0, last, last], grid, request, Tally()) == Box(0, 0, 2480, 3508)


def test_overshoot_is_clipped_and_said_when_it_is_more_than_rounding() -> None:
    """A few pixels outside are clipped silently, a box that leaves the page by far gives a notice."""
    request = ask(Size(1000, 1400))
    small, large = Tally(), Tally()
    assert place([5, 5, 1004, 1404], pixels, request, small) == Box(5, 5, 1000, 1400)
    assert place([5, 5, 5000, 90], pixels, request, large) == Box(5, 5, 1000, 90)
    assert small.notices() == ()
    assert [notice.code for notice in large.notices()] == ["boxes_clipped"]


def test_corners_become_the_box_around_them() -> None:
    """Four corner points of a slanted line are replaced by their bounding box."""
    corners = [10.0, 20, 110, 10, 115, 40, 12, 50]
    assert place(corners, pixels, ask(), Tally()) == Box(10, 10, 115, 50)


def test_numbers_are_found_in_any_brackets() -> None:
    """Coordinates are read as decimal numbers and never evaluated."""
    assert numbers("[[12, 3.5], (__import__('os'))] -7") == [12, 3.5, -7]
