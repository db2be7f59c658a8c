"""From per-step class probabilities to characters and words with places, in plain NumPy.

A network trained with connectionist temporal classification (Graves et al., ICML 2006) gives, for each narrow column
of a line, a distribution over characters and a blank (class 0). The best path, with repeats merged and blanks dropped,
is the text; where a character's run of columns lies says where it stands. Covers: best-path decoding, places,
grouping into words. Does not cover: a language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BLANK = 0
"""Class number of "no character here"."""


@dataclass(frozen=True, slots=True)
class Run:
    """One character of the best path: its class, its columns start ≤ t < stop, its highest probability there."""

    label: int
    start: int
    stop: int
    peak: float


@dataclass(frozen=True, slots=True)
class CharSpan:
    """One character with its confidence (0…1) and its horizontal extent in pixels of the crop."""

    text: str
    confidence: float
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A word: characters between blanks; confidence is that of its weakest character; extent in crop pixels."""

    text: str
    confidence: float
    left: float
    right: float


def best_path(labels: NDArray[np.integer], peaks: NDArray[np.floating]) -> list[Run]:
    """Merge repeats and drop blanks; `labels` and `peaks` are the winning class and its probability per step (T,)."""
    if labels.size == 0:
        return []
    edges = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate(([0], edges))
    stops = np.concatenate((edges, [labels.size]))
    return [
        Run(int(labels[a]), int(a), int(b), float(peaks[a:b].max()))
        for a, b in zip(starts, stops, strict=True)
        if labels[a] != BLANK
    ]


def place(runs: Sequence[Run], characters: str, scale: float, width: float) -> tuple[CharSpan, ...]:
    """Give each run its character and its extent in crop pixels.

    `scale` is crop pixels per step, `width` the width of the crop. Neighbours meet half-way between their runs; the
    outermost characters reach half a median distance beyond their runs. Extents never leave the crop or overlap.
    """
    if not runs:
        return ()
    centres = np.array([(r.start + r.stop) / 2 for r in runs]) * scale
    half = float(np.median(np.diff(centres))) / 2 if len(runs) > 1 else scale * 2
    between = [(a.stop + b.start) / 2 * scale for a, b in pairwise(runs)]
    edges = np.array(
        [min(runs[0].start * scale, centres[0] - half), *between, max(runs[-1].stop * scale, centres[-1] + half)]
    )
    edges = np.maximum.accumulate(np.clip(edges, 0.0, width))
    return tuple(
        CharSpan(characters[run.label - 1], min(1.0, max(0.0, run.peak)), float(left), float(right))
        for run, left, right in zip(runs, edges, edges[1:], strict=False)
    )


def words(characters: Sequence[CharSpan]) -> tuple[WordSpan, ...]:
    """Group characters into words at blanks, left to right."""
    found: list[WordSpan] = []
    pending: list[CharSpan] = []
    for span in (*characters, CharSpan(" ", 1.0, 0.0, 0.0)):
        if not span.text.isspace():
            pending.append(span)
        elif pending:
            text = "".join(c.text for c in pending)
            weakest = min(c.confidence for c in pending)
            found.append(WordSpan(text, weakest, pending[0].left, pending[-1].right))
            pending = []
    return tuple(found)
