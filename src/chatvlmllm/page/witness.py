"""Those who read line crops, and what they say.

A witness takes crops (height × width × 3 uint8 RGB, text upright) and says one `Said` per crop.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
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


class Chorus:
    """A witness on many threads: crops are dealt out so that each gets as much to read.

    One `pool` may serve several witnesses and pages; whoever reads a crop says the same of it.
    """

    def __init__(self, witness: Witness, pool: ThreadPoolExecutor, threads: int) -> None:
        self.name, self._witness, self._pool, self._threads = witness.name, witness, pool, threads

    def hear(self, crops: Sequence[Image]) -> list[Said]:
        longest = sorted(range(len(crops)), key=lambda n: crops[n].shape[1] / crops[n].shape[0], reverse=True)
        shares = [share for k in range(self._threads) if (share := longest[k :: self._threads])]
        said = [NOTHING] * len(crops)
        heard = self._pool.map(lambda share: self._witness.hear([crops[n] for n in share]), shares)
        for share, part in zip(shares, heard, strict=True):
            for n, one in zip(share, part, strict=True):
                said[n] = one
        return said

    def close(self) -> None:
        self._witness.close()


class OwnReader:
    """The line network of this package."""

    name = "line_reader"

    def __init__(self, threads: int = 1) -> None:
        from chatvlmllm.page.read import LineReader

        self._reader = LineReader(threads)

    def hear(self, crops: Sequence[Image], without: Collection[str] = ()) -> list[Said]:
        """What each crop says, spelt `without` some characters."""
        return [
            Said(tuple(Heard(w.text, w.left, w.right, w.confidence) for w in line.words), line.confidence, self.name)
            for line in self._reader.read(crops, without)
        ]

    def close(self) -> None:
        """Nothing is held that the garbage collector does not free."""


def mean(values: Sequence[float]) -> float:
    """0 for none."""
    return float(np.mean(values)) if values else 0.0
