"""Confidence that means something: what a reader says of itself, turned into the share of such words that are right.

The curves in `calibration.json` were fitted by isotonic regression on generated documents, whose words are known
(`python benchmarks/confidence.py`; reliability diagram and expected calibration error: docs/trust.md). A reader without
a curve keeps its own numbers and gets no grade: nothing is invented. A line's, a block's and a page's value is the mean
of its words', that is the share of right words to expect.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from chatvlmllm.reading import Block, Grade, Line, Word

#: A good page has at most one wrong word in fifty, a fair one at most one in ten.
_GOOD, _FAIR = 0.98, 0.9


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising line through `knots` (own value, share of right words), both 0…1; `name` says where it comes from."""

    name: str
    knots: tuple[tuple[float, float], ...]

    def __call__(self, value: float) -> float:
        """The share of right words among those with this own value; straight between two knots."""
        right = bisect_right(self.knots, (value, 2.0))
        if right == 0:
            return self.knots[0][1]
        if right == len(self.knots):
            return self.knots[-1][1]
        (x1, y1), (x2, y2) = self.knots[right - 1], self.knots[right]
        return round(y1 + (y2 - y1) * (value - x1) / (x2 - x1), 4)


def grade(confidence: float | None) -> Grade | None:
    """The word for a calibrated confidence; None where there is none."""
    if confidence is None:
        return None
    return Grade.GOOD if confidence >= _GOOD else Grade.FAIR if confidence >= _FAIR else Grade.POOR


@cache
def curve(model: str) -> Curve | None:
    """The curve of a reader, or None when nobody measured one."""
    text = resources.files(__package__).joinpath("calibration.json").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, object]] = json.loads(text)
    if model not in known:
        return None
    entry = known[model]
    knots = entry["knots"]
    assert isinstance(knots, list)
    return Curve(str(entry["name"]), tuple((float(x), float(y)) for x, y in knots))


def calibrated(blocks: Iterable[Block], by: Curve) -> tuple[Block, ...]:
    """The blocks with calibrated values for words, lines and blocks; texts and boxes stay."""
    return tuple(_block(block, by) for block in blocks)


def isotonic(points: Sequence[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """The rising curve nearest to (own value, right or not) in the least squares sense, as knots.

    Pool adjacent violators (Barlow et al. 1972): neighbours are merged until no mean is below the one before it.
    """
    pools: list[list[float]] = []
    for value, right in sorted(points):
        pools.append([value, value, float(right), 1.0])
        while len(pools) > 1 and pools[-2][2] / pools[-2][3] >= pools[-1][2] / pools[-1][3]:
            _, last, good, count = pools.pop()
            pools[-1] = [pools[-1][0], last, pools[-1][2] + good, pools[-1][3] + count]
    knots: dict[float, float] = {}
    for first, last, good, count in pools:
        knots.setdefault(first, good / count)
        knots[last] = good / count
    return tuple(sorted(knots.items()))


def calibration_error(points: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error: mean distance of said and true shares over `bins` equal bins, weighted by size.

    Formula: Naeini, Cooper, Hauskrecht 2015.
    """
    total = 0.0
    for chosen in binned(points, bins):
        said = sum(value for value, _ in chosen) / len(chosen)
        true = sum(right for _, right in chosen) / len(chosen)
        total += abs(said - true) * len(chosen)
    return total / len(points)


def binned(points: Iterable[tuple[float, bool]], bins: int) -> list[list[tuple[float, bool]]]:
    """The points by tenth (or other part) of the said value; empty bins are left out."""
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for value, right in points:
        groups[min(bins - 1, int(value * bins))].append((value, right))
    return [group for group in groups if group]


def _block(block: Block, by: Curve) -> Block:
    lines = tuple(_line(line, by) for line in block.lines)
    return replace(block, lines=lines, confidence=_mean(lines) if lines else block.confidence)


def _line(line: Line, by: Curve) -> Line:
    words = tuple(_word(word, by) for word in line.words)
    return replace(line, words=words, confidence=_mean(words) if words else line.confidence)


def _word(word: Word, by: Curve) -> Word:
    return word if word.confidence is None else replace(word, confidence=by(word.confidence))


def _mean(parts: Sequence[Word] | Sequence[Line]) -> float | None:
    """Weighted by length, as `Reading.confidence` is."""
    rated = [(part.confidence, len(part.text)) for part in parts if part.confidence is not None]
    total = sum(length for _, length in rated)
    return round(sum(value * length for value, length in rated) / total, 4) if total else None
