"""Stamps lie over lines; the lines are read all the same."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from chatvlmllm import recognize
from chatvlmllm.page import ink
from tests.conftest import encoded


def _stamped() -> Image.Image:
    page = Image.new("RGB", (1200, 700), "white")
    draw = ImageDraw.Draw(page)
    for row in range(8):
        draw.text((60, 60 + 70 * row), f"Line number {row} of the agreement", fill=0, font=ImageFont.load_default(40))
    for radius in (150, 142, 90):
        box = (400 - radius, 320 - radius, 400 + radius, 320 + radius)
        draw.ellipse(box, outline=(150, 140, 225), width=4)
    return page


def test_print_stays_and_colour_goes() -> None:
    """Washing keeps black black, white white, and makes coloured ink lighter than any print."""
    image = np.array([[[0, 0, 0], [255, 255, 255], [90, 80, 230], [60, 62, 61]]], np.uint8)
    assert ink.washed(image)[0, :, 0].tolist() == [0, 255, 230, 62]
    assert ink.coloured(image)[0].tolist() == [False, False, True, False]


def test_lines_under_a_stamp_are_not_lost() -> None:
    """Every line that a round stamp lies across is in the text."""
    (reading,) = recognize(encoded(_stamped(), "PNG"), "embedded", languages="eng")
    assert reading.text.count("agreement") == 8, reading.text


def test_a_page_without_colour_is_seen_once() -> None:
    """Grey pages have no knots, whatever the height of their lines."""
    grey = np.full((100, 100, 3), 128, np.uint8)
    assert not ink.inked(grey)
    assert ink.tangled([], grey) == []
