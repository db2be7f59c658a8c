"""The loop watch: certain about loops, silent about pages."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatvlmllm.decode.loops import LONGEST_UNIT, Loop, LoopWatch, find_loop

letters = st.sampled_from("абвгдежзиклмнопрстуфхцчшщыэюя")
units = st.text(letters | st.sampled_from(" ,.-\n0123456789"), min_size=1, max_size=300)
page = st.lists(st.text(letters, min_size=1, max_size=12), min_size=0, max_size=120).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(before=page, unit=units)
def test_t37_repetition_without_end_is_always_noticed(before: str, unit: str) -> None:
    """Whatever is said before and whatever is repeated: the loop is found, and it really is one unit over and over."""
    text = before + unit * (15_000 // len(unit))
    loop = find_loop(text)
    assert loop is not None
    assert text[loop.start :].startswith(loop.unit * loop.times)
    assert loop.times >= 5
    assert len(loop.unit) <= len(unit)
    assert loop.start >= len(before) - 2 * len(unit) or text[loop.start : loop.keep] == loop.unit


@settings(max_examples=60, deadline=None)
@given(before=page, unit=units, cuts=st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_chunks_do_not_change_the_verdict(before: str, unit: str, cuts: list[int]) -> None:
    """Character by character or all at once, the same loop is found at the same place."""
    text = before + unit * (13_500 // len(unit))
    watch, at, found = LoopWatch(), 0, None
    while at < len(text):
        step = cuts[at % len(cuts)]
        found = watch.feed(text[at : at + step])
        at += step
    assert found == find_loop(text)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=3000) | page)
def test_ordinary_text_is_never_a_loop(text: str) -> None:
    """Text that does not repeat itself raises no alarm."""
    assert find_loop(text) is None


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 14),
    cell=st.sampled_from(["0", "0,00", "—", "", "x", "нет", "0.00 ₽"]),
    notation=st.sampled_from(["html", "pipes", "otsl", "latex"]),
)
def test_t37_forms_and_rows_of_zeros_are_tables(rows: int, columns: int, cell: str, notation: str) -> None:
    """Thirty equal rows of up to fourteen equal cells, empty or zero, are a form and not a loop, in every notation."""
    text = {
        "html": "<table>" + ("<tr>" + f"<td>{cell}</td>" * columns + "</tr>") * rows + "</table>",
        "pipes": ("|" + f" {cell} |" * columns + "\n") * rows,
        "otsl": ((f"<fcel>{cell}" if cell else "<ecel>") * columns + "<nl>") * rows,
        "latex": (" & ".join([cell] * columns) + " \\\\\n") * rows,
    }[notation]
    assert find_loop(text) is None


@given(count=st.integers(1, 250), mark=st.sampled_from(".…_-—=* "), title=st.text(letters, min_size=1, max_size=30))
def test_leaders_and_lines_for_signatures_are_not_loops(count: int, mark: str, title: str) -> None:
    """Dotted leaders of a table of contents and underscores of normal length raise no alarm, line after line."""
    text = "\n".join(f"{n}. {title} {mark * count} {n * 3}" for n in range(40))
    assert find_loop(text) is None


@given(item=st.text(letters, min_size=1, max_size=12), count=st.integers(1, 40))
def test_lists_of_the_same_item_are_not_loops(item: str, count: int) -> None:
    """Forty times the same short line is a list."""
    assert find_loop(f"- {item}\n" * count) is None


@pytest.mark.parametrize(
    ("unit", "at_most"),
    [
        ("!", 800),
        (".", 800),
        ("<td></td>", 1600),
        ("<fcel>0", 1600),
        ("Итого к оплате: 0 руб.\n", 1000),
        ("<tr><td>1</td><td>0,00</td></tr>\n", 4700),
        ("x" * 700 + " конец абзаца. ", 5200),
    ],
)
def test_t37_a_loop_costs_little(unit: str, at_most: int) -> None:
    """A loop is noticed within a bounded number of characters, and the cut leaves its unit once."""
    unit_text = unit if len(set(unit)) < 4 or len(unit) < 100 else "".join(f"{n} " for n in range(200)) + unit
    watch = LoopWatch()
    said, found = "Начало страницы. ", None
    watch.feed(said)
    while found is None:
        said += unit_text
        found = watch.feed(unit_text)
        assert len(said) < max(at_most, 7 * len(unit_text)) + 300
    kept = said[: found.keep]
    assert len(kept) <= len("Начало страницы. ") + 2 * len(unit_text)
    assert kept.startswith("Начало страницы.")


def test_a_loop_is_told_once_and_for_all() -> None:
    """After the verdict the watch goes on giving the same one, whatever follows."""
    watch = LoopWatch()
    first = watch.feed("да " * 1000)
    assert isinstance(first, Loop)
    assert watch.feed("обычный текст") is first


def test_units_beyond_the_longest_are_left_alone() -> None:
    """What repeats only after more than the longest unit is not looked for."""
    unit = "".join(f"{n:04d}" for n in range(LONGEST_UNIT // 4 + 50))
    assert find_loop(unit * 5) is None


def test_watching_is_cheap() -> None:
    """A megabyte of text that almost repeats is watched in about a second, in constant memory."""
    text = "".join(f"<tr><td>{n % 10}</td><td></td></tr>" for n in range(35_000))
    watch = LoopWatch()
    begin = time.perf_counter()
    for at in range(0, len(text), 7):
        watch.feed(text[at : at + 7])
    assert time.perf_counter() - begin < 5
