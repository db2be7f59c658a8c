"""Reads upright line crops: our own small network, run by ONNX Runtime on the CPU.

Russian first; also Ukrainian, Belarusian, Kazakh, Bulgarian and Serbian Cyrillic, Latin with common diacritics, digits,
signs. How it was made and what it cannot do: `training/MODEL_CARD.md`. Covers: crop → text, confidences, places of
characters and words. Does not cover: finding lines, turning pages, handwriting.

A crop is read the same whatever stands beside it in the call: it is padded to a width that depends on itself alone,
and only crops of the same padded width share a batch. Very long lines are cut at their emptiest column near the
middle until each piece is at most `LONGEST` pixels at the network's height, and a batch holds at most `COLUMNS` pixel
columns, so memory stays below about 0.4 GB whatever comes in.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chatvlmllm.page.alphabet import settle
from chatvlmllm.page.ctc import CharSpan, Run, WordSpan, best_path, place, words

LONGEST = 2048
"""Longest piece of a line that is read at once, in pixels at the height of the network."""
COLUMNS = 8192
"""Most pixel columns of one batch."""
_STEP = 32
_SHORTEST = 16
_PAPER = 128
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LineReading:
    """What one crop says.

    `confidence` is the mean of the characters' confidences (0 for an empty reading); each of those is the calibrated
    probability that the character is right, measured on generated lines in fonts that the training did not see.
    """

    text: str
    confidence: float
    characters: tuple[CharSpan, ...]

    @property
    def words(self) -> tuple[WordSpan, ...]:
        """The words with their extents in pixels of the crop, left to right."""
        return words(self.characters)


EMPTY = LineReading("", 0.0, ())


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a line: its number, grey pixels at the network's height, crop pixels per pixel, crop x of its left."""

    line: int
    pixels: Grey
    scale: float
    left: float


class LineReader:
    """The loaded network. One object serves many threads at once; it keeps no state between calls."""

    def __init__(self, threads: int | None = None) -> None:
        """Load the network; `threads` is the number of cores one call may use (default: all)."""
        import onnxruntime

        folder = files("chatvlmllm.page").joinpath("weights")
        card: dict[str, Any] = json.loads(folder.joinpath("line_reader.json").read_text("utf-8"))
        self._characters: str = card["characters"]
        self._height: int = card["height"]
        self._stride: int = card["stride"]
        self._raw, self._true = (np.array(v, np.float64) for v in card["calibration"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        network = folder.joinpath("line_reader.onnx").read_bytes()
        self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def read(self, lines: Sequence[NDArray[np.uint8]], without: Collection[str] = ()) -> list[LineReading]:
        """Read crops (each H×W×3 uint8 RGB, upright); one reading per crop, in the same order.

        Where a character of `without` seems likeliest, the next likely one is taken.
        """
        barred = [label + 1 for label, letter in enumerate(self._characters) if letter in without]
        pieces = [piece for number, crop in enumerate(lines) for piece in self._pieces(number, crop)]
        found: dict[int, list[CharSpan]] = defaultdict(list)
        spans: dict[int, tuple[CharSpan, ...]] = {}
        for batch in _batches(pieces):
            spans.update(self._read_batch(batch, barred))
        for index, piece in enumerate(pieces):
            found[piece.line].extend(spans[index])
        return [_reading(found[number]) for number in range(len(lines))]

    def _pieces(self, number: int, crop: NDArray[np.uint8]) -> Iterator[_Piece]:
        """One line as grey pieces of bounded width at the network's height."""
        height, width = crop.shape[:2]
        if height == 0 or width == 0:
            return
        scale = height / self._height
        for left, right in _cuts(crop, round(LONGEST * scale)):
            grey = _grey(crop[:, left:right])
            wide = max(_SHORTEST // 2, round((right - left) / scale))
            method = Image.Resampling.BOX if height > self._height else Image.Resampling.BICUBIC
            small = Image.fromarray(grey).resize((wide, self._height), method)
            yield _Piece(number, np.asarray(small), (right - left) / wide, float(left))

    def _read_batch(
        self, batch: list[tuple[int, _Piece]], barred: list[int]
    ) -> Iterator[tuple[int, tuple[CharSpan, ...]]]:
        """Characters of pieces that share a padded width."""
        width = _padded(batch[0][1])
        pixels = np.full((len(batch), self._height, width), _PAPER, np.uint8)
        for row, (_, piece) in zip(pixels, batch, strict=True):
            row[:, : piece.pixels.shape[1]] = piece.pixels
        (scores,) = self._session.run(None, {"lines": pixels})
        if barred:
            scores = scores.copy()
            scores[..., barred] = 0
        labels, peaks = scores.argmax(2), scores.max(2)
        for (index, piece), label, peak in zip(batch, labels, peaks, strict=True):
            steps = -(-piece.pixels.shape[1] // self._stride)
            runs = best_path(label[:steps], np.interp(peak[:steps], self._raw, self._true))
            yield index, self._placed(runs, piece)

    def _placed(self, runs: list[Run], piece: _Piece) -> tuple[CharSpan, ...]:
        """Runs of a piece as characters in pixels of the whole crop."""
        extent = piece.pixels.shape[1] * piece.scale
        spans = place(runs, self._characters, self._stride * piece.scale, extent)
        return tuple(CharSpan(s.text, s.confidence, s.left + piece.left, s.right + piece.left) for s in spans)


def _reading(spans: list[CharSpan]) -> LineReading:
    """Characters of a line, blanks at its ends and doubled blanks dropped."""
    kept: list[CharSpan] = []
    for span in spans:
        if not span.text.isspace() or (kept and not kept[-1].text.isspace()):
            kept.append(span)
    if kept and kept[-1].text.isspace():
        kept.pop()
    if not kept:
        return EMPTY
    text = settle("".join(s.text for s in kept), [s.confidence for s in kept])
    characters = tuple(replace(span, text=letter) for span, letter in zip(kept, text, strict=True))
    return LineReading(text, sum(s.confidence for s in kept) / len(kept), characters)


def _batches(pieces: Sequence[_Piece]) -> Iterator[list[tuple[int, _Piece]]]:
    """Pieces with their numbers, by padded width, at most `COLUMNS` columns at once."""
    groups: dict[int, list[tuple[int, _Piece]]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        groups[_padded(piece)].append((index, piece))
    for width, group in sorted(groups.items()):
        size = max(1, COLUMNS // width)
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _padded(piece: _Piece) -> int:
    """Width of the network's input for this piece: its own, rounded up."""
    width: int = piece.pixels.shape[1]
    return max(_SHORTEST, -(-width // _STEP) * _STEP)


def _grey(crop: NDArray[np.uint8]) -> Grey:
    """H×W×3 or H×W → H×W luma (ITU-R BT.601)."""
    if crop.ndim == 2:  # already grey
        return np.ascontiguousarray(crop)
    luma: Grey = (crop[..., :3].astype(np.float32) @ _LUMA + 0.5).astype(np.uint8)
    return luma


def _cuts(crop: NDArray[np.uint8], longest: int) -> list[tuple[int, int]]:
    """Column ranges of at most `longest` columns; cuts lie where the ink changes least, near the middle."""
    todo, done = [(0, crop.shape[1])], []
    while todo:
        left, right = todo.pop()
        if right - left <= max(longest, 2):
            done.append((left, right))
            continue
        third = (right - left) // 3
        middle = _grey(crop[:, left + third : right - third]).astype(np.float32)
        cut = left + third + int(np.argmin(middle.std(axis=0)))
        cut = min(max(cut, left + 1), right - 1)
        todo += [(cut, right), (left, cut)]
    return done
