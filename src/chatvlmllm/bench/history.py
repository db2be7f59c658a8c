"""Quality over time: one JSON line per subject and run, in the data folder unless somebody wants it elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.errors import UnreadableResult
from chatvlmllm.run import now

if TYPE_CHECKING:
    from chatvlmllm.bench.summary import Summary

#: The history's name in the data folder.
HISTORY = "bench-history.jsonl"


@dataclass(frozen=True)
class Entry:
    """One subject in one run. `data` names the set of pages: figures of different sets are not comparable.

    `seconds` is the median of a page; `machine` is what it was read on, empty where an older line does not say.
    """

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
    machine: str = ""


def entries(summary: Summary) -> list[Entry]:
    """What a study says about each subject today."""
    found = []
    for line in summary.overall:
        digests = sorted(row.case.digest for row in summary.of(line.subject))
        entry = Entry(
            at=now(),
            subject=line.subject,
            version=summary.subjects[line.subject].version,
            data=hashlib.sha256("".join(digests).encode()).hexdigest()[:8],
            pages=line.pages,
            **{name: line.scores[name].value for name in ("cer", "wer", "field_f1", "teds")},
            seconds=line.seconds.get("total"),
            failures=line.failures,
            machine=_machine(summary.environment),
        )
        found.append(entry)
    return found


def _machine(environment: Mapping[str, str]) -> str:
    """What tells one machine's seconds from another's: processor and its cores, GPUs."""
    processor = " × ".join(environment[name] for name in ("processor", "cores") if name in environment)
    return ", ".join(part for part in (processor, environment.get("gpu")) if part)


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


def newest(found: Sequence[Entry]) -> list[Entry]:
    """The last entry of every subject on every set of pages, the newest first."""
    last = {(entry.subject, entry.data): entry for entry in sorted(found, key=lambda entry: entry.at)}
    return sorted(last.values(), key=lambda entry: entry.at, reverse=True)
