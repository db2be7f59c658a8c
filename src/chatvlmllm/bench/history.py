"""Quality over time: one JSON line per subject and run, and a gate that refuses a change for the worse."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chatvlmllm.bench.metrics import Comparison, compare
from chatvlmllm.bench.store import Study
from chatvlmllm.bench.summary import SEED, Summary, summarise
from chatvlmllm.errors import NothingCommon, UnreadableResult
from chatvlmllm.run import now

#: A page's CER and the number of its true characters, by (subject, case).
Errors = Mapping[tuple[str, str], tuple[float, float]]


@dataclass(frozen=True)
class Entry:
    """One subject in one run. `data` names the set of pages: figures of different sets are not comparable."""

    at: str
    subject: str
    version: str
    data: str
    pages: int
    cer: float | None
    wer: float | None
    field_f1: float | None
    teds: float | None
    seconds: float | None
    failures: int


@dataclass(frozen=True)
class Finding:
    """A subject before and now, on the pages that both studies have; `worse` when the bound is passed."""

    subject: str
    before: float
    after: float
    pages: int
    comparison: Comparison
    worse: bool


def entries(summary: Summary) -> list[Entry]:
    """What a study says about each subject today."""
    found = []
    for line in summary.overall:
        digests = sorted(row.case.digest for row in summary.of(line.subject))
        data = hashlib.sha256("".join(digests).encode()).hexdigest()[:8]
        values = {name: line.scores[name].value for name in ("cer", "wer", "field_f1", "teds")}
        version, seconds = summary.subjects[line.subject].version, line.seconds.get("total")
        found.append(
            Entry(now(), line.subject, version, data, line.pages, **values, seconds=seconds, failures=line.failures)
        )
    return found


def append(file: Path, found: Sequence[Entry]) -> None:
    """Add lines to the history."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in found)


def read(file: Path) -> list[Entry]:
    """The history, oldest first; raises UnreadableResult."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [Entry(**json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        raise UnreadableResult(name=file, reason=error) from error


def changes(found: Sequence[Entry]) -> Iterator[tuple[Entry, float | None]]:
    """Entries by subject and data in their order, each with the change of its CER since the one before."""
    series: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in found:
        series[entry.subject, entry.data].append(entry)
    for run in series.values():
        for place, entry in enumerate(run):
            before = run[place - 1].cer if place else None
            yield entry, None if before is None or entry.cer is None else entry.cer - before


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


def gate(before: Errors, after: Errors, most: float) -> list[Finding]:
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
