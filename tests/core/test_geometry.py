"""Coordinates survive the way to a model and back."""

from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.geometry import Box, Size, union, whole

sizes = st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000))


@st.composite
def boxes_in(draw: st.DrawFn, size: Size) -> Box:
    x = sorted(draw(st.tuples(*[st.floats(0, size.width)] * 2)))
    y = sorted(draw(st.tuples(*[st.floats(0, size.height)] * 2)))
    return Box(x[0], y[0], x[1], y[1])


@given(sizes, sizes, st.data())
def test_t32_a_box_comes_back_where_it_was(page: Size, sent: Size, data: st.DataObject) -> None:
    """Page → model space → page moves no corner by a pixel, whatever the two sizes."""
    box = data.draw(boxes_in(page))
    back = box.move(page, whole(sent)).move(sent, whole(page))
    for was, now in zip((box.x1, box.y1, box.x2, box.y2), (back.x1, back.y1, back.x2, back.y2), strict=True):
        assert abs(was - now) < 0.01


@given(sizes, st.tuples(*[st.floats(-1e6, 1e6)] * 4))
def test_a_clipped_box_lies_on_the_page(page: Size, corners: tuple[float, float, float, float]) -> None:
    """Clipping leaves no corner outside."""
    box = Box(*corners).clip(page)
    assert 0 <= box.x1 <= page.width
    assert 0 <= box.y2 <= page.height


@given(sizes, st.data())
def test_iou_is_a_share(page: Size, data: st.DataObject) -> None:
    """Intersection over union is within 0…1, symmetric, and 1 for a box with itself."""
    one, other = data.draw(boxes_in(page)), data.draw(boxes_in(page))
    assert 0 <= one.iou(other) <= 1
    assert one.iou(other) == other.iou(one)
    assert one.area == 0 or abs(one.iou(one) - 1) < 1e-9


@given(sizes, st.data())
def test_a_union_covers_its_parts(page: Size, data: st.DataObject) -> None:
    """The union overlaps every part by the part's whole area."""
    parts = [data.draw(boxes_in(page)) for _ in range(3)]
    around = union(parts)
    assert all(around.overlap(part) == part.area for part in parts)
