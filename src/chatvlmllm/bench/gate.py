"""A gate that refuses a change for the worse: the CER of a study against that of an earlier one, page by page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatvlmllm.bench.metrics import Comparison, compare
from chatvlmllm.bench.store import Study
from chatvlmllm.bench.summary import SEED, Summary, summarise
from chatvlmllm.errors import NothingCommon, UnreadableResult

#: A page's CER and the number of its true characters, by (subject, case).
Errors = Mapping[tuple[str, str], tuple[float, float]]


@dataclass(frozen=True)
class Finding:
    """A subject before and now, on the pages that both studies have; `worse` when the bound is passed."""

    subject: str
    before: float
    after: float
    pages: int
    comparison: Comparison
    worse: bool


def errors(place: Path) -> Errors:
    """CER of every page of a study's folder, or of an `accuracy.csv`."""
    return _of_csv(place) if place.is_file() else _of_summary(summarise(Study(place)))


def _of_summary(summary: Summary) -> Errors:
    return {
        (row.answer.subject, row.case.id): (row.error, row.scores["cer"].weight)
        for row in summary.rows
        if row.error is not None
    }


def _of_csv(file: Path) -> Errors:
    try:
        text = file.read_text(encoding="utf-8-sig")
        delimiter = next((sign for sign in ";,\t" if sign in text.partition("\n")[0]), ";")
        rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
        return {
            (row["subject"], row["case"]): (float(row["cer"]), float(row["characters"])) for row in rows if row["cer"]
        }
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableResult(name=file, reason=error) from error


def findings(before: Errors, after: Errors, most: float) -> list[Finding]:
    """Every subject of both sides; raises NothingCommon when no page was read in both."""
    common = sorted(before.keys() & after.keys())
    if not common:
        raise NothingCommon
    found = []
    for subject in sorted({subject for subject, _ in common}):
        places = [place for place in common if place[0] == subject]
        old, new = (_rate([side[place] for place in places]) for side in (before, after))
        test = compare([after[place][0] for place in places], [before[place][0] for place in places], SEED)
        # what is exactly at the bound passes, whatever binary fractions make of it
        found.append(Finding(subject, old, new, len(places), test, worse=new - old > most + 1e-9))
    return found


def _rate(pages: Sequence[tuple[float, float]]) -> float:
    """All errors over all characters."""
    length = sum(weight for _, weight in pages)
    return sum(value * weight for value, weight in pages) / length if length else 0.0
