"""One measured number with its reason, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """`value` is None when nothing could be measured: unscored is not zero.

    `weight` is the denominator the value was divided by (characters, words, fields …), so a corpus value can be
    the weighted mean of page values; it is 0 for an unscored page.
    """

    value: float | None
    explanation: str
    weight: float = 1.0

    @property
    def scored(self) -> bool:
        return self.value is not None


def unscored(reason: str) -> Score:
    """No value, and why."""
    return Score(None, reason, 0.0)


def mean(scores: Sequence[Score], weighted: bool = True) -> Score:
    """Mean of the scored ones: by weight (errors over everything measured) or each page alike."""
    usable = [(score.value, score.weight if weighted else 1.0) for score in scores if score.value is not None]
    total = sum(weight for _, weight in usable)
    left = len(scores) - len(usable)
    if not usable or total == 0:
        return unscored(f"none of {len(scores)} could be scored")
    value = sum(part * weight for part, weight in usable) / total
    note = f"; {left} unscored left out" if left else ""
    return Score(value, f"{'weighted mean' if weighted else 'mean'} of {len(usable)}{note}", total)
