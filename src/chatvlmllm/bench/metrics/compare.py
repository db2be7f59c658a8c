"""Is the difference real? Confidence intervals and paired tests over pages.

* Interval: percentile bootstrap over pages. A rate (CER) is resampled as Σ errors / Σ length, so long pages
  weigh more.
* Test of two systems on the same pages: sign-flip permutation test of the mean paired difference, exact up to
  12 pages, else 10 000 random flips; p = (1 + flips at least as extreme) / (1 + flips) when random. The
  interval of the difference is a bootstrap over the same pages.
* The verdict is `first lower`, `second lower` or `no difference shown`: the last unless p < 0.05 and the
  interval leaves out 0. It does not claim that there is none.

All draws come from the given seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

EXACT_UP_TO = 12
FLIPS = 10_000


@dataclass(frozen=True)
class Interval:
    """An estimate with the bounds of its confidence interval at `level`."""

    value: float
    low: float
    high: float
    level: float
    pages: int


@dataclass(frozen=True)
class Comparison:
    """Mean difference first − second with its interval, the p value and a verdict in words."""

    difference: float
    low: float
    high: float
    p: float
    verdict: str
    pages: int


def bootstrap(
    values: Sequence[float], seed: int, weights: Sequence[float] | None = None, level: float = 0.95
) -> Interval:
    """Interval of the (weighted) mean over pages; give lengths as `weights` for a rate."""
    import numpy as np

    if not values:
        raise ValueError("an interval needs at least one page")
    data = np.asarray(values, float)
    heavy = np.ones_like(data) if weights is None else np.asarray(weights, float)
    if heavy.shape != data.shape or heavy.sum() <= 0:
        raise ValueError("weights must be as many as the values and not all zero")
    chosen = _resamples(len(data), seed)
    sums = heavy[chosen].sum(axis=1)
    means = (data * heavy)[chosen].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float((data * heavy).sum() / heavy.sum()), float(low), float(high), level, len(data))


def compare(first: Sequence[float], second: Sequence[float], seed: int, level: float = 0.95) -> Comparison:
    """Two systems on the same pages, lower is better."""
    import numpy as np

    if len(first) != len(second) or not first:
        raise ValueError("both systems must have been scored on the same pages, at least one")
    differences = np.asarray(first, float) - np.asarray(second, float)
    interval = bootstrap([float(part) for part in differences], seed, None, level)
    p = _sign_flip(differences, seed)
    shown = p < 1 - level and not interval.low <= 0 <= interval.high
    verdict = "no difference shown"
    if shown:
        verdict = "first lower" if interval.value < 0 else "second lower"
    return Comparison(interval.value, interval.low, interval.high, p, verdict, len(differences))


def _resamples(pages: int, seed: int, count: int = 4000) -> Any:
    """Indices of shape (count, pages)."""
    import numpy as np

    return np.random.default_rng([seed, pages, 1]).integers(0, pages, (count, pages))


def _sign_flip(differences: np.ndarray[Any, Any], seed: int) -> float:
    import numpy as np

    pages = len(differences)
    seen = abs(float(differences.sum()))
    slack = 1e-12 * max(1.0, float(np.abs(differences).sum()))
    if pages <= EXACT_UP_TO:
        signs = np.array(list(product((1.0, -1.0), repeat=pages)))
        return float((np.abs(signs @ differences) >= seen - slack).mean())
    signs = np.random.default_rng([seed, pages, 2]).choice((1.0, -1.0), (FLIPS, pages))
    return float((1 + (np.abs(signs @ differences) >= seen - slack).sum()) / (1 + FLIPS))
