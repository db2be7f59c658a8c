"""The saved figures of real papers are a mark that can be missed."""

import json
from pathlib import Path

from benchmarks import fields

SAVED = json.loads(Path(fields.__file__).with_name("fields_real.json").read_text("utf-8"))


def test_a_lost_match_is_worse() -> None:
    """One match fewer in any field, or a field measured no more, is named; the same figures are not."""
    before = SAVED["fields"]
    assert fields.worse(before, before) == []
    place = next(place for place, row in before.items() if row["normalised"])
    fewer = {**before, place: {**before[place], "normalised": before[place]["normalised"] - 1}}
    assert [said.split(":")[0] for said in fields.worse(fewer, before)] == [place]
    assert fields.worse({k: v for k, v in before.items() if k != place}, before)


def test_the_saved_figures_are_numbers_only() -> None:
    """No text of a real paper is in the repository."""
    assert all(set(row) == {"exact", "normalised", "of"} for row in SAVED["fields"].values())
    assert all(isinstance(number, int) for row in SAVED["fields"].values() for number in row.values())
