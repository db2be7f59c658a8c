"""Assertions about a page: each kind holds when it should and fails when the answer is changed."""

from __future__ import annotations

import pytest

from chatvlmllm.bench.metrics import Said, facts
from chatvlmllm.bench.metrics.facts import holds
from chatvlmllm.bench.metrics.table import cells_of

TABLE = cells_of(
    "<table><tr><td></td><td colspan=2>2024</td></tr><tr><td>Доход</td><td>17</td><td>18</td></tr>"
    "<tr><td>Расход</td><td>5</td><td>6</td></tr></table>"
)
SAID = Said("# Отчёт\n\nДоход **вырос** на $a + b$ руб.", "Отчёт Доход вырос на 17 руб.", ("x^2",), (TABLE,))


@pytest.mark.parametrize(
    ("kind", "words", "held"),
    [
        ("present", {"text": "доход вырос"}, False),
        ("present", {"text": "доход вырос", "case_sensitive": False}, True),
        ("present", {"text": "Доход выpoс", "max_diffs": 2}, True),
        ("present", {"text": "Доход выpoс", "max_diffs": 1}, False),
        ("present", {"text": "руб", "first_n": 10}, False),
        ("present", {"text": "руб", "last_n": 6}, True),
        ("absent", {"text": "Страница 1"}, True),
        ("absent", {"text": "Отчёт"}, False),
        ("order", {"before": "Отчёт", "after": "руб"}, True),
        ("order", {"before": "руб", "after": "Отчёт"}, False),
        ("table", {"cell": "18", "left": "17", "up": "2024", "left_heading": "Доход"}, True),
        ("table", {"cell": "18", "left": "5"}, False),
        ("table", {"cell": "6", "top_heading": "2024", "up": "18"}, True),
        ("table", {"cell": "99"}, False),
        ("math", {"math": r"x^{2}"}, True),
        ("math", {"math": "a+b"}, True),
        ("math", {"math": "a-b"}, False),
        ("format", {"text": "Отчёт", "format": "heading"}, True),
        ("format", {"text": "вырос", "format": "bold"}, True),
        ("format", {"text": "вырос", "format": "italic"}, False),
        ("baseline", {}, True),
        ("baseline", {"max_length": 3}, False),
        ("smell", {}, None),
    ],
)
def test_each_kind(kind: str, words: dict[str, object], held: bool | None) -> None:
    """A fact holds, fails, or is of a kind that is not known."""
    assert holds(kind, words, SAID) is held


def test_baseline_sees_a_loop() -> None:
    """One word over and over is no reading."""
    assert holds("baseline", {}, Said("", "да " * 40)) is False
    assert holds("baseline", {}, Said("", "…")) is False


def test_share_of_facts() -> None:
    """The score is the share that holds; unknown kinds are counted apart, and only unknown ones are unscored."""
    found = facts([("absent", {"text": "нет"}), ("present", {"text": "нет"}), ("smell", {})], SAID)
    assert found.value == 0.5
    assert "failed: present" in found.explanation
    assert "1 of unknown kinds" in found.explanation
    assert facts([("smell", {})], SAID).value is None
