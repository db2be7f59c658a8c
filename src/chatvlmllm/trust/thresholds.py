"""From where on a difference between a reading and its witnesses decides the verdict.

Fitted on generated pages (`python -m benchmarks.trust CACHE --fit`); their ROC and the figures on other pages stand in
docs/trust.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What makes a finding of a suspicion.

    `agreeing`: so many looks, the first included, read the same other number. `alone`: or the first look is this sure
    of it and no later look reads anything. `invented`: letters of a run of words that nobody sees on the page.
    `missing`: letters of a run of words that the reading lacks, of which the witness is at least `sure` on average.
    """

    agreeing: int = 2
    alone: float = 0.95
    invented: int = 24
    missing: int = 12
    sure: float = 0.8


FITTED = Thresholds()
