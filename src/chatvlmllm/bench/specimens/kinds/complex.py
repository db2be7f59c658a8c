"""A report in columns: running head and page number, headings, list, picture with caption, table, formula."""

from __future__ import annotations

from typing import Any

from chatvlmllm.bench.specimens import prose
from chatvlmllm.bench.specimens.draw import Draw

TITLES = {"ru": "Сложная вёрстка", "en": "Complex layout"}
FIELDS: dict[str, str] = {}
_FORMULAS = (
    r"\bar{x} = \frac{1}{n} \sum_{i=1}^{n} x_i",
    r"\sigma^2 = \frac{1}{n-1} \sum_{i=1}^{n} (x_i - \bar{x})^2",
    r"x_{1,2} = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}",
    r"E = \frac{m v^2}{2} + m g h",
    r"\int_0^T f(t)\, dt = F(T) - F(0)",
    r"Q = c\, m\, (t_2 - t_1)",
)


def facts(draw: Draw) -> dict[str, Any]:
    """Four sections, each with a different guest: list, table, formula, picture."""
    guests = draw.rng.sample(("list", "table", "formula", "picture"), 4)
    headings = prose.some(draw, prose.HEADINGS, 4)
    texts = prose.paragraphs(draw, 8, 2, 4)
    return {
        "title": draw.pick(prose.TITLES),
        "running": draw.pick(("Вестник наблюдателя", "Сборник трудов, выпуск 12", "Внутренний отчёт")),
        "lead": prose.paragraphs(draw, 1, 2, 3)[0],
        "columns": draw.pick((2, 2, 3)),
        "first_page": draw.rng.randint(1, 240),
        "sections": [
            {"heading": f"{index + 1}. {name}", "texts": texts[2 * index : 2 * index + 2], "guest": guest}
            for index, (name, guest) in enumerate(zip(headings, guests, strict=True))
        ],
        "points": prose.some(draw, prose.POINTS, draw.rng.randint(3, 5)),
        "latex": draw.pick(_FORMULAS),
        "bars": [(str(2019 + place), draw.rng.randint(15, 95)) for place in range(draw.rng.randint(4, 6))],
        "rows": [
            (f"Участок {letter}", str(draw.rng.randint(10, 99)), f"{draw.rng.randint(1, 40)},{draw.rng.randint(0, 9)}")
            for letter in "АБВГД"[: draw.rng.randint(3, 5)]
        ],
    }
