"""Which model to use for which kind of document on this machine, and why: from measured figures only.

The model with the lowest CER leads. Every other model that is at most `MARGIN` worse stays eligible, and the quickest
of these is recommended. Fewer than `FEWEST` pages of a kind are too few to tell, and that is said. Outside
programs are never recommended, but one that reads shown better is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatvlmllm.bench.metrics import Comparison
from chatvlmllm.bench.summary import Line, Summary, against

FEWEST = 5
#: By how much CER may be worse for a model to count as good as the leader: the bound of the 95 % interval must keep it.
MARGIN = 0.01


@dataclass(frozen=True)
class Advice:
    """The recommendation for a kind (empty: all kinds). `reason` is a stable word, `details` fill its sentence.

    `order` lists our models by CER, the recommended one first; `better` are outside programs shown to read better.
    """

    kind: str
    model: str | None
    reason: str
    details: Mapping[str, str | int | float] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    better: tuple[str, ...] = ()


def advise(summary: Summary) -> list[Advice]:
    """One piece of advice for all pages and one for every kind."""
    return [_advice(summary, "", summary.overall), *(_advice(summary, *one) for one in summary.by_kind.items())]


def _advice(summary: Summary, kind: str, lines: tuple[Line, ...]) -> Advice:
    ours = [line for line in lines if summary.subjects[line.subject].ours and line.interval is not None]
    if not ours:
        return Advice(kind, None, "none_measured")
    leader = ours[0]
    order = tuple(line.subject for line in ours)
    if leader.interval is None or leader.interval.pages < FEWEST:
        return Advice(kind, leader.subject, "too_few", _figures(leader), order)
    tests = {line.subject: against(summary, leader.subject, line.subject, kind) for line in ours[1:]}
    equal = [line for line in ours[1:] if _as_good(tests[line.subject])]
    chosen = min([leader, *equal], key=lambda line: line.seconds.get("total", float("inf")))
    order = (chosen.subject, *(name for name in order if name != chosen.subject))
    better = tuple(
        line.subject
        for line in lines
        if not summary.subjects[line.subject].ours and _shown_better(summary, line.subject, chosen.subject, kind)
    )
    details = _figures(chosen)
    if chosen is not leader:
        reason = "as_good_and_quicker"
        details |= {"other": leader.subject, "other_cer": _cer(leader), "other_seconds": _total(leader)}
    elif len(ours) == 1:
        reason = "only_one"
    elif equal:
        reason = "as_good_and_quickest"
        details |= {"others": ", ".join(line.subject for line in equal)}
    else:
        second = ours[1]
        reason = "lowest_error" if _shown_worse(tests[second.subject]) else "lowest_so_far"
        details |= {"other": second.subject, "other_cer": _cer(second), "p": round(_p(tests[second.subject]), 4)}
    return Advice(kind, chosen.subject, reason, details, order, better)


def _figures(line: Line) -> dict[str, str | int | float]:
    assert line.interval is not None
    return {
        "model": line.subject,
        "pages": line.interval.pages,
        "cer": _cer(line),
        "low": round(line.interval.low, 4),
        "high": round(line.interval.high, 4),
        "seconds": _total(line),
    }


def _cer(line: Line) -> float:
    return round(line.scores["cer"].value or 0.0, 4)


def _total(line: Line) -> float:
    return round(line.seconds.get("total", 0.0), 2)


def _as_good(found: Comparison | None) -> bool:
    """Whether the second is at most the margin worse than the first, up to the bound of the interval."""
    return found is not None and found.pages >= FEWEST and -found.low <= MARGIN


def _shown_worse(found: Comparison | None) -> bool:
    return found is not None and found.verdict == "first lower"


def _shown_better(summary: Summary, program: str, model: str, kind: str) -> bool:
    found = against(summary, program, model, kind)
    return found is not None and found.verdict == "first lower"


def _p(found: Comparison | None) -> float:
    return found.p if found is not None else 1.0
