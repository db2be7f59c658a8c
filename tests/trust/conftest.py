"""Readings and witnesses made of plain words, laid out line by line."""

from collections.abc import Sequence

from chatvlmllm.geometry import Box
from chatvlmllm.reading import Word

LINE, LETTER = 40, 12


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
