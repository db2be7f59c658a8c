"""Blank or not, from pixels alone."""

import pytest
from PIL import Image, ImageDraw, ImageFont

from chatvlmllm import recognize
from chatvlmllm.reading import Verdict
from chatvlmllm.trust.blank import measure
from chatvlmllm.trust.components import marks
from tests.conftest import encoded

SIZE = (1240, 1754)


def _sheet(paper: int = 248) -> Image.Image:
    return Image.new("RGB", SIZE, (paper, paper, paper))


@pytest.mark.parametrize("paper", [255, 235, 200, 90])
def test_paper_is_blank(paper: int) -> None:
    """A sheet without ink is blank, however dark its paper."""
    assert measure(_sheet(paper)).blank


def test_borders_holes_and_specks_are_no_text() -> None:
    """What a scanner and a hole punch leave is no content."""
    page = _sheet()
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 14, SIZE[1]), fill=(10, 10, 10))
    draw.rectangle((0, SIZE[1] - 9, SIZE[0], SIZE[1]), fill=(30, 30, 30))
    for y in (650, 1100):
        draw.ellipse((60, y, 95, y + 35), fill=(60, 60, 60))
    for number in range(40):
        x, y = (number * 397) % SIZE[0], (number * 613) % SIZE[1]
        draw.ellipse((x, y, x + 2, y + 2), fill=(80, 80, 80))
    assert measure(page).blank


@pytest.mark.parametrize("text", ["Лист 2", "7", "от 05.04.2024", "Продолжение на обороте"])
@pytest.mark.parametrize("ink", [0, 120, 200])
def test_one_short_faint_line_is_text(text: str, ink: int) -> None:
    """A page with one short line, be it faint, is never blank."""
    page = _sheet()
    ImageDraw.Draw(page).text((500, 900), text, fill=(ink,) * 3, font=ImageFont.load_default(25))
    assert not measure(page).blank


def test_a_drawing_is_content() -> None:
    """A page with a picture and no letter is not blank."""
    page = _sheet()
    ImageDraw.Draw(page).ellipse((300, 300, 700, 700), outline=(40, 60, 160), width=6)
    assert not measure(page).blank


def test_t19_a_blank_page_names_its_numbers_and_asks_nobody() -> None:
    """The verdict comes with what was measured, and no engine was called."""
    (reading,) = recognize(encoded(_sheet(), "PNG"), "tesseract")
    assert reading.verdict is Verdict.BLANK
    assert reading.attempts == ()
    assert reading.reply is None
    assert set(reading.evidence.measures) == {"ink_coverage", "marks_in_row", "drawings"}
    assert [reason.code for reason in reading.evidence.reasons] == ["no_ink"]


def test_marks_are_connected_pixels() -> None:
    """Two touching pixels are one mark, also over a corner; apart they are two."""
    import numpy as np

    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1], [1, 1, 0, 1]], dtype=bool)
    found = marks(mask)
    assert found is not None
    assert sorted(mark.area for mark in found) == [1, 2, 2, 2]
