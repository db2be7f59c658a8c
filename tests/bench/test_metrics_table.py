"""TEDS against an independent tree edit distance, and what must hold for any tables."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatvlmllm.bench.metrics import GridCell, cell_f1, grid_html, teds

# a node is (label, children); labels of cells are (spans, text)
Forest = tuple[tuple[object, tuple], ...]  # type: ignore[type-arg]
TEXT = st.sampled_from(["", "a", "ab", "abc", "итог", "1 200,50"])
SPAN = st.sampled_from([1, 1, 1, 2])
CELL = st.tuples(SPAN, SPAN, TEXT)
ROWS = st.lists(st.lists(CELL, min_size=0, max_size=3), min_size=1, max_size=3)


def _levenshtein(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        row, before = [i], row
        for j, b in enumerate(second, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


def _rename(first: object, second: object, texts: bool) -> float:
    if isinstance(first, str) or isinstance(second, str):
        return float(first != second)
    (*spans, one), (*others, two) = first, second  # type: ignore[misc]
    if spans != others:
        return 1.0
    longer = max(len(one), len(two))
    return _levenshtein(one, two) / longer if texts and longer else 0.0


def _reference(first: Forest, second: Forest, texts: bool) -> float:
    """Edit distance of ordered forests straight from its recursive definition."""

    @cache
    def distance(a: Forest, b: Forest) -> float:
        if not a and not b:
            return 0.0
        if not a:
            return distance(a, b[:-1] + b[-1][1]) + 1
        if not b:
            return distance(a[:-1] + a[-1][1], b) + 1
        return min(
            distance(a[:-1] + a[-1][1], b) + 1,
            distance(a, b[:-1] + b[-1][1]) + 1,
            distance(a[:-1], b[:-1]) + distance(a[-1][1], b[-1][1]) + _rename(a[-1][0], b[-1][0], texts),
        )

    return distance(first, second)


def _tree(rows: list[list[tuple[int, int, str]]]) -> Forest:
    return (("table", tuple(("tr", tuple(((cell), ()) for cell in row)) for row in rows)),)


def _html(rows: list[list[tuple[int, int, str]]]) -> str:
    cells = ("".join(f'<td rowspan="{a}" colspan="{b}">{text}</td>' for a, b, text in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _size(rows: list[list[tuple[int, int, str]]]) -> int:
    return len(rows) + sum(map(len, rows))


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_agrees_with_a_reference(
    first: list[list[tuple[int, int, str]]], second: list[list[tuple[int, int, str]]]
) -> None:
    """TEDS and TEDS-S equal 1 − distance / nodes of an implementation that shares nothing with ours."""
    size = max(_size(first), _size(second))
    for structure_only in (False, True):
        expected = 1 - _reference(_tree(first), _tree(second), not structure_only) / size
        assert teds(_html(first), _html(second), structure_only).value == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(ROWS)
def test_perfect_table_scores_one(rows: list[list[tuple[int, int, str]]]) -> None:
    """A table against itself is 1; without texts TEDS-S of a rewritten one is 1 too."""
    assert teds(_html(rows), _html(rows)).value == 1
    other = [[(a, b, "другое") for a, b, _ in row] for row in rows]
    assert teds(_html(rows), _html(other), structure_only=True).value == 1


def test_spelling_of_the_markup_is_free() -> None:
    """Heads, bodies, th, inline tags, entities and unclosed cells do not count."""
    plain = "<table><tr><td>А &amp; Б</td><td>1</td></tr></table>"
    rich = "<p>x</p><TABLE border=1><thead><tr><th><b>А</b> &#38;&nbsp;Б<th>1</thead></TABLE><table><tr><td>z</table>"
    assert teds(plain, rich).value == 1


def test_known_edits() -> None:
    """One wrong sign of two in one of two cells; one missing row of two."""
    assert teds(
        "<table><tr><td>ab</td><td>c</td></tr></table>", "<table><tr><td>ax</td><td>c</td></tr></table>"
    ).value == (pytest.approx(1 - 0.5 / 3))
    two = "<table><tr><td>a</td></tr><tr><td>b</td></tr></table>"
    assert teds(two, "<table><tr><td>a</td></tr></table>").value == pytest.approx(0.5)
    assert teds(two, "no table here").value == 0
    assert teds("nothing", two).value is None


def test_grid_to_html_and_cells() -> None:
    """A grid becomes HTML with spans; cell F1 is strict about places."""
    cells = [GridCell(0, 0, "a<b", 1, 2), GridCell(1, 0, "c"), GridCell(1, 1, "d")]
    html = grid_html(cells)
    assert html == '<table><tr><td colspan="2">a&lt;b</td></tr><tr><td>c</td><td>d</td></tr></table>'
    assert teds(html, html).value == 1
    assert cell_f1(cells, cells).value == 1
    assert cell_f1(cells, cells[:2]).value == pytest.approx(0.8)
    assert cell_f1([], cells).value is None
