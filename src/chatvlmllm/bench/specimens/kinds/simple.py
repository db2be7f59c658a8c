"""Plain text: a heading and paragraphs of prose on one page."""

from __future__ import annotations

from typing import Any

from chatvlmllm.bench.specimens import prose
from chatvlmllm.bench.specimens.draw import Draw

TITLES = {"ru": "Простой текст", "en": "Plain text"}
FIELDS: dict[str, str] = {}


def facts(draw: Draw) -> dict[str, Any]:
    """A title and three to six paragraphs."""
    return {
        "title": draw.pick(prose.TITLES),
        "paragraphs": prose.paragraphs(draw, draw.rng.randint(3, 6)),
        "indent": draw.pick((0, 0, 10)),
        "gap": draw.between(1.5, 4),
    }
