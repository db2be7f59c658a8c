"""Readings and witnesses made of plain words, laid out line by line."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from chatvlmllm.geometry import Box
from chatvlmllm.reading import Word
from tests.conftest import encoded

LINE, LETTER = 40, 12
LINES = [
    "Invoice number 4271 of 12.03.2026",
    "Supplier Northern Wind Limited",
    "Total amount due 8250 roubles",
    "Payment within five banking days",
    "Signed by the general manager",
]


def printed(lines: Sequence[str] = LINES) -> bytes:
    """A picture of a page with these lines."""
    image = Image.new("RGB", (900, 80 + 90 * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((40, 40 + 90 * row), line, fill=0, font=ImageFont.load_default(40))
    return encoded(image, "PNG")


def words(text: str, confidence: float = 0.96) -> list[Word]:
    """The words of a text as a witness would place them on a page."""
    placed = []
    for row, line in enumerate(text.split("\n")):
        x = 20
        for word in line.split():
            width = LETTER * len(word)
            placed.append(Word(word, Box(x, 20 + LINE * row, x + width, 48 + LINE * row), confidence))
            x += width + LETTER
    return placed


def silent(_look: object) -> Sequence[Word]:
    """A witness that sees nothing when it looks again."""
    return ()
