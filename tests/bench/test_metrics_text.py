"""Text metrics against jiwer and against what must hold for any texts."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.bench.metrics import (
    EXACT,
    LOOSE,
    Rules,
    bag_of_words,
    cer,
    formula_distance,
    line_cer,
    ned,
    normalise,
    wer,
    words,
)

WORD = st.text(alphabet="абвгде ёxyz019", min_size=1, max_size=8).map(str.strip).filter(bool)
SENTENCE = st.lists(WORD, min_size=1, max_size=8).map(" ".join).map(lambda text: " ".join(text.split()))
LINES = st.lists(SENTENCE, min_size=1, max_size=6)


@given(SENTENCE, SENTENCE)
def test_agrees_with_jiwer(truth: str, answer: str) -> None:
    """CER, WER and the counts of the word alignment equal those of an independent library."""
    assert cer(truth, answer).value == pytest.approx(jiwer.cer(truth, answer), abs=1e-6)
    assert wer(truth, answer).value == pytest.approx(jiwer.wer(truth, answer), abs=1e-6)


@given(SENTENCE)
def test_perfect_answer_has_no_error(text: str) -> None:
    """Truth against itself: 0 for error rates, 1 for agreement."""
    assert cer(text, text).value == wer(text, text).value == ned(text, text).value == line_cer(text, text).value == 0
    found = words(text, text)
    assert found.precision.value == found.recall.value == found.f1.value == bag_of_words(text, text).f1.value == 1


@given(SENTENCE, SENTENCE)
def test_bounds_of_cer(truth: str, answer: str) -> None:
    """The distance lies between the difference of lengths and the longer length; NED is symmetric and in 0…1."""
    value = cer(truth, answer).value
    assert value is not None
    assert abs(len(truth) - len(answer)) <= value * len(truth) + 1e-9
    assert value * len(truth) <= max(len(truth), len(answer)) + 1e-9
    assert ned(truth, answer).value == ned(answer, truth).value
    assert 0 <= (ned(truth, answer).value or 0) <= 1


@given(SENTENCE, st.data())
def test_one_changed_sign_is_one_error(text: str, data: st.DataObject) -> None:
    """A known edit gives the known value."""
    place = data.draw(st.integers(0, len(text) - 1).filter(lambda index: text[index] != " "))
    spoiled = text[:place] + "Q" + text[place + 1 :]
    assert cer(text, spoiled).value == pytest.approx(1 / len(text))
    assert wer(text, spoiled).value == pytest.approx(1 / len(text.split()))


@given(LINES, st.randoms(use_true_random=False))
def test_order_does_not_matter_where_it_must_not(lines: list[str], shuffle: object) -> None:
    """Shuffled lines: no error for the bag of words and for line CER."""
    other = list(lines)
    shuffle.shuffle(other)  # type: ignore[attr-defined]
    truth, answer = "\n".join(lines), "\n".join(other)
    assert bag_of_words(truth, answer).f1.value == 1
    assert line_cer(truth, answer).value == 0


@given(LINES)
def test_joined_lines_are_still_found(lines: list[str]) -> None:
    """An engine that runs two columns into one line is not charged for it."""
    assert line_cer("\n".join(lines), " ".join(sorted(lines, key=len, reverse=True))).value is not None
    assert line_cer("первая колонка\nвторая колонка", "вторая колонка первая колонка").value == 0


def test_missing_and_surplus_lines_cost_their_length() -> None:
    """Line CER counts what was not read and what was invented."""
    assert line_cer("abcd\nefgh", "abcd").value == 0.5
    assert line_cer("abcd", "abcd\nefgh").value == 1.0
    assert line_cer("abcd", "").value == 1.0


def test_empty_truth_is_unscored_not_nought() -> None:
    """Nothing to read and something said has no error rate; both empty is perfect."""
    for metric in (cer, wer, line_cer):
        assert metric("", "выдумка").value is None
        assert metric("", "").value == 0
    assert ned("", "выдумка").value == 1
    assert words("", "").f1.value is None


def test_normalisation_rules() -> None:
    """Spaces, composition and typographic marks are equal by default; letters of two alphabets are not."""
    assert cer("Счёт №\u00a05 — «Кедр»…", 'Сче\u0308т  № 5 - "Кедр"...').value == 0
    assert cer("Счёт — 5", "Счёт - 5", EXACT).value == pytest.approx(1 / 8)
    assert cer("СОР", "COP").value == 1
    assert cer("ещё Раз.", "еще раз", LOOSE).value == 0
    assert cer("м²", "м2").value == 0.5
    assert normalise.text("ёж", Rules(yo=True)) == "еж"


@given(st.text())
def test_normalisation_is_idempotent(raw: str) -> None:
    """Normalising twice changes nothing more."""
    for rules in (Rules(), EXACT, LOOSE):
        once = normalise.text(raw, rules)
        assert normalise.text(once, rules) == once


def test_word_scores_by_hand() -> None:
    """Two of three true words among four answered."""
    found = words("раз два три", "раз шум два шум")
    assert (found.precision.value, found.recall.value) == (0.5, pytest.approx(2 / 3))
    assert found.f1.value == pytest.approx(4 / 7)
    assert bag_of_words("а б в", "в а").recall.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        (r"\frac{a}{b}", r"$$\dfrac ab$$"),
        (r"x_i^2 \le 3", r"x^{2}_{i} \leq 3."),
        (r"\left( a + b \right)", r"(a+b)"),
        (r"\mathrm{sin}\, x", r"\text{sin} x"),
        (r"f'", r"f^{\prime}"),
    ],
)
def test_formula_spellings_are_equal(truth: str, answer: str) -> None:
    """Two spellings of one formula have no distance."""
    assert formula_distance(truth, answer).value == 0


def test_formula_distance_by_hand() -> None:
    """One of three tokens differs; no formula in the truth is unscored, none in the answer is the worst."""
    assert formula_distance("a+b", "a+c").value == pytest.approx(1 / 3)
    assert formula_distance("a+b", "").value == 1
    assert formula_distance("$$ $$", "x").value is None
