"""One row per page and subject, for spreadsheets and programs."""

from __future__ import annotations

from chatvlmllm.bench.score import MEASURES
from chatvlmllm.bench.summary import Row, Summary
from chatvlmllm.export.sheet import row

_PLACE = ("case", "kind", "degradation", "subject")


def accuracy(summary: Summary, delimiter: str) -> str:
    """Verdict and every measure; an unscored one is empty."""
    lines = [row((*_PLACE, "verdict", "characters", *MEASURES), delimiter)]
    for one in _sorted(summary):
        values = (one.scores[name].value for name in MEASURES)
        cells = ("" if value is None else f"{value:.6f}" for value in values)
        characters = f"{one.scores['cer'].weight:.0f}"
        lines.append(row((*_place(one), one.answer.verdict, characters, *cells), delimiter))
    return "".join(lines)


def costs(summary: Summary, delimiter: str) -> str:
    """Seconds, memory, engine and failure of every page."""
    names = ("total", "first_token", "processor", "witness", "fields")
    lines = [row((*_PLACE, "version", "engine", "device", *names, "rss", "vram", "failure"), delimiter)]
    for one in _sorted(summary):
        answer = one.answer
        seconds = (f"{answer.seconds[name]:.3f}" if name in answer.seconds else "" for name in names)
        memory = (answer.memory.get(name, "") for name in ("rss", "vram"))
        failure = answer.failure[0] if answer.failure else ""
        cells = (answer.version, answer.engine, answer.device or "", *seconds, *memory, failure)
        lines.append(row((*_place(one), *cells), delimiter))
    return "".join(lines)


def _sorted(summary: Summary) -> list[Row]:
    return sorted(summary.rows, key=lambda one: (one.case.id, one.answer.subject))


def _place(one: Row) -> tuple[str, str, str, str]:
    return one.case.id, one.case.kind, one.case.degradation, one.answer.subject
