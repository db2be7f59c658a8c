"""A study in figures: every subject over all pages and over every kind of document, and who is better than whom.

Error rates of several pages are weighted by length (all errors over all characters); agreement measures by what they
count. Intervals and tests: `metrics.compare`. Two subjects are compared on the pages that both have read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from chatvlmllm.bench.answer import Answer
from chatvlmllm.bench.metrics import Comparison, Interval, Score, bootstrap, compare, mean, mean_average_precision
from chatvlmllm.bench.score import MEASURES, score
from chatvlmllm.bench.store import About, Known, Study
from chatvlmllm.errors import NothingMeasured

SEED = 1


@dataclass(frozen=True)
class Row:
    """One page read by one subject."""

    case: Known
    answer: Answer
    scores: Mapping[str, Score]

    @property
    def error(self) -> float | None:
        return self.scores["cer"].value


@dataclass(frozen=True)
class Line:
    """A subject over some pages: measures by name, the interval of its CER, costs; what was not measured is absent.

    `failures`, `unsupported` count pages by verdict; `seconds` are medians of a page, `memory` peaks in bytes.
    """

    subject: str
    kind: str
    pages: int
    scores: Mapping[str, Score]
    interval: Interval | None
    verdicts: Mapping[str, int]
    seconds: Mapping[str, float]
    memory: Mapping[str, int]

    @property
    def failures(self) -> int:
        return self.verdicts.get("failed", 0)

    @property
    def unsupported(self) -> float:
        """Share of pages with text that the second witness does not see."""
        return self.verdicts.get("unsupported", 0) / self.pages


@dataclass(frozen=True)
class Summary:
    """Everything that a report says. `overall` and `by_kind` are sorted by CER, unscored last."""

    rows: tuple[Row, ...]
    subjects: Mapping[str, About]
    environment: Mapping[str, str]
    overall: tuple[Line, ...] = ()
    by_kind: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)

    def of(self, subject: str, kind: str = "") -> list[Row]:
        """The rows of a subject, of one kind or of all."""
        return [row for row in self.rows if row.answer.subject == subject and kind in ("", row.case.kind)]


def summarise(study: Study) -> Summary:
    """Score every answer of a study; raises NothingMeasured for an empty one."""
    cases = {known.id: known for known in study.cases()}
    rows = tuple(Row(cases[answer.case], answer, score(cases[answer.case].truth, answer)) for answer in study.answers())
    if not rows:
        raise NothingMeasured(folder=study.folder)
    found = Summary(rows, study.subjects(), study.environment())
    kinds = sorted({row.case.kind for row in rows})
    by_kind = {kind: lines(found, kind) for kind in kinds}
    return Summary(rows, found.subjects, found.environment, lines(found), by_kind)


def lines(summary: Summary, kind: str = "") -> tuple[Line, ...]:
    """One line per subject that read pages of this kind, best first."""
    subjects = list(dict.fromkeys(row.answer.subject for row in summary.rows))
    found = [_line(subject, kind, rows) for subject in subjects if (rows := summary.of(subject, kind))]
    return tuple(sorted(found, key=lambda line: (_value(line) is None, _value(line) or 0.0, line.subject)))


def _value(line: Line) -> float | None:
    return line.scores["cer"].value


def _line(subject: str, kind: str, rows: Sequence[Row]) -> Line:
    verdicts: dict[str, int] = {}
    for row in rows:
        verdicts[row.answer.verdict] = verdicts.get(row.answer.verdict, 0) + 1
    scores = {name: mean([row.scores[name] for row in rows]) for name in MEASURES}
    places = [(row.case.truth.regions, row.answer.regions or ()) for row in rows]
    if any(region.box for _, said in places for region in said):
        scores["map"] = mean_average_precision(places)
    return Line(subject, kind, len(rows), scores, interval(rows), verdicts, _seconds(rows), _peaks(rows))


def interval(rows: Sequence[Row]) -> Interval | None:
    """The interval of the CER of some pages; None where none is scored."""
    scored = [(row.error, row.scores["cer"].weight) for row in rows if row.error is not None]
    if not scored or not sum(weight for _, weight in scored):
        return None
    return bootstrap([value for value, _ in scored], SEED, [weight for _, weight in scored])


def _seconds(rows: Sequence[Row]) -> dict[str, float]:
    """Medians over the pages that were read: one slow page says little about the next."""
    read = [row.answer.seconds for row in rows if row.answer.failure is None]
    names = dict.fromkeys(name for seconds in read for name in seconds)
    return {name: median(seconds[name] for seconds in read if name in seconds) for name in names}


def _peaks(rows: Sequence[Row]) -> dict[str, int]:
    names = dict.fromkeys(name for row in rows for name in row.answer.memory)
    return {name: max(row.answer.memory.get(name, 0) for row in rows) for name in names}


def against(summary: Summary, first: str, second: str, kind: str = "") -> Comparison | None:
    """The CER of two subjects on the pages that both have read; None where there is none."""
    errors = [{row.case.id: row.error for row in summary.of(one, kind)} for one in (first, second)]
    common = [(a, b) for case, a in errors[0].items() if a is not None and (b := errors[1].get(case)) is not None]
    return compare([a for a, _ in common], [b for _, b in common], SEED) if common else None
