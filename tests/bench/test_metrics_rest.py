"""Fields, layout, confidence: hand-computed values and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.bench.metrics import (
    Region,
    Score,
    bootstrap,
    box_f1,
    compare,
    fields,
    heading_f1,
    iou,
    kind_f1,
    mean,
    mean_average_precision,
    order_distance,
    same_value,
    unscored,
)

RECORDS = st.dictionaries(st.sampled_from("abcdef"), st.text("xyz01", min_size=1, max_size=4), min_size=1)
BOX = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40), st.integers(1, 40)).map(
    lambda found: (float(found[0]), float(found[1]), float(found[0] + found[2]), float(found[1] + found[3]))
)


@given(RECORDS, st.lists(RECORDS, max_size=4))
def test_perfect_fields(record: dict[str, str], rows: list[dict[str, str]]) -> None:
    """A record against itself: everything agrees."""
    whole = {**record, "items": rows}
    found = fields(whole, whole)
    assert found.accuracy.value == found.precision.value == found.f1.value == 1
    assert {verdict.status for verdict in found.verdicts} == {"ok"}


def test_lost_row_does_not_shift_the_others() -> None:
    """A missing line costs its own fields only."""
    rows = [{"name": name, "price": str(place)} for place, name in enumerate("абвг")]
    found = fields({"items": rows}, {"items": rows[:1] + rows[2:]})
    assert found.accuracy.value == pytest.approx(6 / 8)
    assert [verdict.key for verdict in found.verdicts if verdict.status == "missing"] == [
        "items[1].name",
        "items[1].price",
    ]


def test_field_verdicts_by_hand() -> None:
    """ok, wrong, missing and surplus are told apart."""
    found = fields(
        {"inn": "7701", "total": "10.00", "date": "2024-01-02"}, {"inn": "7702", "total": "10.0", "kpp": "1"}
    )
    assert {verdict.key: verdict.status for verdict in found.verdicts} == {
        "inn": "wrong", "total": "ok", "date": "missing", "kpp": "surplus",
    }  # fmt: skip
    assert found.accuracy.value == pytest.approx(1 / 3)
    assert found.f1.value == pytest.approx(2 / 6)
    assert fields({}, {}).f1.value is None


def test_numbers_are_equal_by_value_and_identifiers_by_digits() -> None:
    """120 is 120.00; a leading nought matters."""
    assert same_value("120", "120.00")
    assert not same_value("0012", "12")
    assert same_value("ООО «Кедр»", 'ООО  "Кедр"')
    assert not same_value("1", "2")


@given(BOX, BOX)
def test_iou_properties(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> None:
    """Symmetric, within 0…1, 1 for itself."""
    assert iou(first, second) == iou(second, first)
    assert 0 <= iou(first, second) <= 1
    assert iou(first, first) == 1
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)


def test_average_precision_by_hand() -> None:
    """A false answer above one true hit of two: precision 1/2 up to recall 1/2."""
    truth = [Region("text", box=(0, 0, 10, 10)), Region("text", box=(20, 0, 30, 10))]
    answer = [
        Region("text", box=(50, 50, 60, 60), confidence=0.9),
        Region("text", box=(0, 0, 10, 10), confidence=0.8),
    ]
    assert mean_average_precision([(truth, truth)]).value == 1
    assert mean_average_precision([(truth, answer)], (0.5,)).value == pytest.approx(51 * 0.5 / 101)
    assert mean_average_precision([(truth, [])]).value == 0
    assert mean_average_precision([([], truth)]).value is None
    assert box_f1(truth, answer).value == pytest.approx(0.5)


def test_structure_by_hand() -> None:
    """A heading taken for text and a missing paragraph."""
    truth = [
        Region("heading", "Общие сведения", level=2),
        Region("text", "Первый абзац."),
        Region("text", "Второй, другой."),
    ]
    answer = [Region("text", "Общие сведения"), Region("text", "Первый абзац.")]
    assert kind_f1(truth, truth).value == heading_f1(truth, truth, levels=True).value == 1
    assert kind_f1(truth, answer).value == pytest.approx(2 / 5)
    assert heading_f1(truth, answer).value == 0
    assert order_distance(truth, truth).value == 0
    assert order_distance(truth, truth[::-1]).value == pytest.approx(2 / 3)
    assert order_distance(truth[:1], truth[:1]).value is None


def test_equal_systems_show_no_difference() -> None:
    """The same values, or noise around them, give no verdict; a constant gap gives one."""
    first = [0.1, 0.2, 0.05, 0.3, 0.12, 0.22, 0.4, 0.01]
    assert compare(first, first, 1).verdict == "no difference shown"
    assert compare(first, first, 1).p == 1
    better = [value / 2 for value in first]
    found = compare(better, first, 1)
    assert (found.verdict, found.p) == ("first lower", pytest.approx(2 / 2**8))
    assert compare(first, better, 1).verdict == "second lower"
    assert compare([0.1], [0.9], 1).verdict == "no difference shown"


def test_seed_repeats_the_interval() -> None:
    """One seed, one interval; the value lies in it; weights make a rate."""
    values = [0.0, 0.1, 0.4, 0.2, 0.9, 0.3]
    found = bootstrap(values, 5)
    assert found == bootstrap(values, 5)
    assert found.low <= found.value <= found.high
    assert bootstrap([0.0, 1.0], 1, weights=[3, 1]).value == 0.25
    with pytest.raises(ValueError, match="at least one"):
        bootstrap([], 1)


def test_permutation_test_is_honest() -> None:
    """Under no difference p < 0.05 comes about as often as it says."""
    import numpy as np

    rng = np.random.default_rng(3)
    found = [compare(rng.normal(size=10).tolist(), rng.normal(size=10).tolist(), 1).p for _ in range(120)]
    assert np.mean(np.array(found) < 0.05) < 0.12


def test_mean_leaves_unscored_out() -> None:
    """Unscored pages neither help nor hurt; nothing scored is unscored."""
    scores = [Score(0.0, "", 1), Score(0.5, "", 3), unscored("blank page")]
    assert mean(scores).value == pytest.approx(0.375)
    assert mean(scores, weighted=False).value == 0.25
    assert "1 unscored" in mean(scores).explanation
    assert mean([unscored("x")]).value is None
