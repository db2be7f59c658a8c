"""Our measures against independent implementations on one sample of Russian papers: equal to 1e-6."""

from __future__ import annotations

from functools import cache
from random import Random

import jiwer
import Levenshtein
import pytest

from chatvlmllm.bench.metrics import bag_of_words, cer, formatting_f1, grid_html, ned, normalise, teds, wer
from chatvlmllm.bench.metrics.table import GridCell
from chatvlmllm.bench.specimens import make

KINDS = ("act", "invoice", "payment_order", "estimate", "multilingual", "receipt_en", "contract", "table")
EXACT = 1e-6


def _spoiled(text: str, seed: int) -> str:
    """A text as a bad reader gives it: letters changed, dropped, doubled, lines in another order."""
    random = Random(seed)
    signs = []
    for sign in text:
        step = random.random()
        signs.append(
            "" if step < 0.02 else sign * 2 if step < 0.04 else random.choice("оО0аел .") if step < 0.08 else sign
        )
    lines = "".join(signs).splitlines()
    if len(lines) > 3:
        lines[1], lines[2] = lines[2], lines[1]
    return "\n".join(lines)


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """(truth, answer) of eight kinds of paper, one empty answer and one perfect one."""
    pages = [make(kind, 5).pages[0].text for kind in KINDS]
    pairs = [(page, _spoiled(page, number)) for number, page in enumerate(pages)]
    return (*pairs, (pages[0], ""), (pages[1], pages[1]))


@cache
def tables() -> tuple[tuple[str, str], ...]:
    """(truth, answer) as HTML: signs changed, a row lost, a span lost, cells without text."""
    found = []
    for kind in ("invoice", "estimate", "table", "tender_notice"):
        for number, table in enumerate(make(kind, 5).pages[0].tables):
            cells = [GridCell(c.row, c.column, normalise.text(c.text), c.row_span, c.column_span) for c in table.cells]
            answer = [
                GridCell(c.row, c.column, normalise.text(_spoiled(c.text, c.row + number)), 1, c.column_span)
                for c in cells
                if c.row != 2
            ]
            found.append((grid_html(cells), grid_html(answer)))
    return tuple(found)


@pytest.mark.parametrize("pair", range(10))
def test_error_rates_equal_those_of_jiwer(pair: int) -> None:
    """CER and WER of normalised texts are jiwer's."""
    truth, answer = (normalise.text(side) for side in texts()[pair])
    assert cer(truth, answer).value == pytest.approx(jiwer.cer(truth, answer), abs=EXACT)
    assert wer(truth, answer).value == pytest.approx(jiwer.wer(truth, answer), abs=EXACT)


@pytest.mark.parametrize("pair", range(10))
def test_ned_is_the_edit_distance_of_omnidocbench(pair: int) -> None:
    """Its score of one pair is Levenshtein.distance over the longer length, with the library that it uses."""
    truth, answer = (normalise.text(side) for side in texts()[pair])
    expected = Levenshtein.distance(truth, answer) / max(len(truth), len(answer))
    assert ned(truth, answer).value == pytest.approx(expected, abs=EXACT)


def test_mean_edit_distance_is_that_of_omnidocbench() -> None:
    """Its corpus value: all edits over all longer lengths; the weighted mean of ours."""
    from chatvlmllm.bench.metrics import mean

    pairs = [tuple(normalise.text(side) for side in pair) for pair in texts()]
    edits = sum(Levenshtein.distance(truth, answer) for truth, answer in pairs)
    expected = edits / sum(max(len(truth), len(answer)) for truth, answer in pairs)
    assert mean([ned(truth, answer) for truth, answer in pairs]).value == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("structure_only", [False, True])
def test_teds_equals_a_published_implementation(structure_only: bool) -> None:
    """table_recognition_metric finds the same tree distance; it counts the root as a node, which TEDS does not."""
    from table_recognition_metric import TEDS

    assert len(tables()) >= 4
    for truth, answer in tables():
        nodes = max(side.count("<tr") + side.count("<td") for side in (truth, answer))
        theirs = TEDS(structure_only=structure_only)(
            f"<html><body>{answer}</body></html>", f"<html><body>{truth}</body></html>"
        )
        expected = 1 - (1 - theirs) * (nodes + 1) / nodes
        assert teds(truth, answer, structure_only).value == pytest.approx(expected, abs=EXACT)


def test_formatting_by_hand() -> None:
    """Lost bold, lost list and a heading of another level cost their words; unmarked words cost nothing."""
    truth = "# Акт № 5\n\nобычный **жирный** и *курсив*\n\n- раз\n- два\n"
    assert formatting_f1(truth, truth).value == 1
    assert formatting_f1(truth, truth.replace("обычный", "иной")).value == 1
    # 7 marked words in the truth; 3 of the heading change their mark
    assert formatting_f1(truth, truth.replace("# ", "## ")).value == pytest.approx(2 * 4 / 14)
    assert formatting_f1(truth, truth.replace("**", "")).value == pytest.approx(2 * 6 / 13)
    assert formatting_f1("без оформления", truth).value is None
    assert formatting_f1(truth, "").value == 0


def test_formatting_sees_the_order_of_nothing() -> None:
    """Blocks in another order keep their marks."""
    parts = ["## Раз", "- два три", "> четыре `пять`"]
    assert formatting_f1("\n\n".join(parts), "\n\n".join(parts[::-1])).value == 1


def test_words_of_a_shuffled_page_are_all_there() -> None:
    """Precision and recall without order are 1 for a page whose lines were shuffled, and fall with a lost word."""
    truth = texts()[0][0]
    lines = truth.splitlines()
    Random(3).shuffle(lines)
    assert bag_of_words(truth, "\n".join(lines)).f1.value == 1
    lost = truth.replace(truth.split()[0], "", 1)
    count = len(normalise.words(truth))
    assert bag_of_words(truth, lost).recall.value == pytest.approx((count - 1) / count)
