"""Rulings, grids, tables and forms."""

import numpy as np
import pytest

from chatvlmllm.geometry import Box
from chatvlmllm.page import grid, ruling, tables
from chatvlmllm.page.detect import Detector
from chatvlmllm.reading import Line

from .drawing import Sheet

ROWS = [["No", "Name", "Price"], ["1", "Apple pie", "100"], ["2", "Plum cake", "250"], ["3", "Bread", "30"]]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def _grids(page: np.ndarray, detector: Detector) -> list[grid.Grid]:
    strips = detector.strips(page)
    return grid.grids(ruling.find(page, strips), ruling.letter_height(strips))


def test_a_ruled_table_becomes_its_grid(detector: Detector) -> None:
    """As many rows, columns and cells as were drawn, where they were drawn."""
    page = Sheet().table(100, 200, [80, 300, 150], ROWS).pixels()
    (found,) = _grids(page, detector)
    assert (found.rows, found.columns, len(found.cells)) == (4, 3, 12)
    assert found.xs == pytest.approx((100, 180, 480, 630), abs=3)
    assert found.ys == pytest.approx((200, 250, 300, 350, 400), abs=3)


def test_a_missing_ruling_makes_a_span(detector: Detector) -> None:
    """A cell goes as far as no ruling stops it."""
    page = Sheet().table(100, 200, [80, 300, 150], ROWS).pixels().copy()
    page[203:248, 470:490] = 255
    (found,) = _grids(page, detector)
    spans = {(cell.row, cell.column): (cell.rows, cell.columns) for cell in found.cells}
    assert spans[0, 1] == (1, 2)
    assert spans[1, 1] == (1, 1)
    assert len(found.cells) == 11


def test_text_without_rulings_is_no_grid(detector: Detector) -> None:
    """Bars and stems of letters are no rulings."""
    sheet = Sheet()
    for row in range(12):
        sheet.text(100, 100 + 40 * row, "HIT THE TILT EFFECT FILTH LEFT HTTHTTHH EEEEEE TTTTTT", 24)
    page = sheet.pixels()
    assert _grids(page, detector) == []
    assert not ruling.find(page, detector.strips(page)).vertical


def test_wiping_removes_rulings_and_keeps_letters(detector: Detector) -> None:
    """After wiping, the rulings are white and the text is as black as before."""
    page = Sheet().table(100, 200, [80, 300, 150], ROWS).pixels()
    rulings = ruling.find(page, detector.strips(page))
    clean = ruling.wiped(page, rulings)
    assert clean[250, 110:170].min() > 200
    assert (clean[215:235, 190:270] < 100).sum() == pytest.approx((page[215:235, 190:270] < 100).sum(), rel=0.05)


def _cell(row: int, column: int, x: int, y: int, rows: int = 1) -> grid.GridCell:
    return grid.GridCell(row, column, rows, 1, Box(x, y, x + 200, y + 50 * rows))


def _line(text: str, x: int, y: int) -> Line:
    return Line(text, Box(x, y, x + 100, y + 26))


def test_lines_go_into_the_cells_they_lie_in() -> None:
    """Every line is in one cell or outside; rows come first."""
    ruled = grid.Grid((0, 200, 400), (0, 50, 100), tuple(_cell(r, c, 200 * c, 50 * r) for r in (0, 1) for c in (0, 1)))
    texts = [_line(f"{r}{c}", 200 * c + 20, 50 * r + 10) for r in (1, 0) for c in (1, 0)]
    outside = _line("outside", 20, 300)
    (filled,), rest = tables.fill([ruled], [outside, *texts])
    assert rest == [outside]
    assert filled.table is not None
    assert filled.table.grid() == [["00", "01"], ["10", "11"]]


def test_a_form_is_read_as_the_eye_goes() -> None:
    """A tall cell with two separate texts gives each in the row beside which it stands."""
    ruled = grid.Grid(
        (0, 200, 400), (0, 50, 100), (_cell(0, 0, 0, 0, rows=2), _cell(0, 1, 200, 0), _cell(1, 1, 200, 50))
    )
    texts = [_line("payer", 20, 5), _line("(name)", 20, 74), _line("sum", 220, 5), _line("account", 220, 52)]
    (filled,), rest = tables.fill([ruled], texts)
    assert rest == []
    assert filled.text.split() == ["payer", "sum", "account", "(name)"]


def test_a_frame_is_no_table() -> None:
    """A border around a page of text holds no cells worth the name."""
    frame = grid.Grid((0, 20, 980), (0, 20, 1380), tuple(_cell(r, c, 20 * c, 20 * r) for r in (0, 1) for c in (0, 1)))
    texts = [_line(f"line {n}", 100, 100 + 40 * n) for n in range(12)]
    filled, rest = tables.fill([frame], texts)
    assert filled == []
    assert rest == texts
