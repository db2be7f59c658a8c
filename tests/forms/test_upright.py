"""Pages that lie on their side give the same fields as upright ones, and places on the page as it lies."""

import pytest

from chatvlmllm.forms import extract
from chatvlmllm.forms.upright import level, turned
from tests.forms.papers import readings

SEED = 11


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("kind", ["invoice", "contract", "vat_invoice"])
def test_a_turned_page_gives_the_same_fields_at_their_places(kind: str, times: int) -> None:
    """Turning every word of a page by quarters changes no value, and turns each place with it."""
    pages = readings(kind, SEED)
    upright = {one.key: one for one in extract(pages, kind).every()}
    lying = {one.key: one for one in extract([level(page, times) for page in pages], kind).every()}
    assert {key: one.value for key, one in lying.items()} == {key: one.value for key, one in upright.items()}
    for key, one in upright.items():
        if one.source is None or one.source.box is None:
            continue
        there = lying[key].source
        assert there is not None
        assert there.box is not None
        expected = turned(one.source.box, pages[one.source.page - 1].size, times)
        assert [there.box.x1, there.box.y1, there.box.x2, there.box.y2] == pytest.approx(
            [expected.x1, expected.y1, expected.x2, expected.y2]
        )
