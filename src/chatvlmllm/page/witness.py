"""Those who read line crops, and what they say.

A witness takes crops (height × width × 3 uint8 RGB, text upright) and says one `Said` per crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chatvlmllm.page.strips import Image


@dataclass(frozen=True, slots=True)
class Heard:
    """A word, from `start` to `end` in pixels of the crop, with its confidence 0…1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Said:
    """What a witness read in one crop, its mean confidence (0 when nothing was read), and who it was."""

    words: tuple[Heard, ...]
    confidence: float
    witness: str

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


NOTHING = Said((), 0.0, "")


class Witness(Protocol):
    """`name` goes into the record; `hear` may be called from many threads at once."""

    name: str

    def hear(self, crops: Sequence[Image]) -> list[Said]: ...
    def close(self) -> None: ...


class OwnReader:
    """The line network of this package."""

    name = "line_reader"

    def __init__(self, threads: int = 1) -> None:
        from chatvlmllm.page.read import LineReader

        self._reader = LineReader(threads)

    def hear(self, crops: Sequence[Image]) -> list[Said]:
        return [
            Said(tuple(Heard(w.text, w.left, w.right, w.confidence) for w in line.words), line.confidence, self.name)
            for line in self._reader.read(crops)
        ]

    def close(self) -> None:
        """Nothing is held that the garbage collector does not free."""


def mean(values: Sequence[float]) -> float:
    """0 for none."""
    return float(np.mean(values)) if values else 0.0
