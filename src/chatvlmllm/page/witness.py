"""Those who read line crops: our own network, and Tesseract where it is installed.

A witness takes crops (height × width × 3 uint8 RGB, text upright) and says one `Said` per crop.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from chatvlmllm.page.strips import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tesserocr import PyTessBaseAPI


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


class TesseractLines:
    """Tesseract on single lines; one API object per thread."""

    name = "tesseract"
    #: Tesseract reads letters of 25…35 px best: a grown crop is about 1.7 letters high.
    _HEIGHT = 44
    _MARGIN = 8

    def __init__(self, folder: "Path", languages: str) -> None:
        import tesserocr

        self._library, self._folder, self._languages = tesserocr, folder, languages
        self._local = threading.local()
        self._lock = threading.Lock()
        self._apis: list[PyTessBaseAPI] = []

    def hear(self, crops: Sequence[Image]) -> list[Said]:
        api = self._api()
        return [self._one(api, crop) for crop in crops]

    def _one(self, api: "PyTessBaseAPI", crop: Image) -> Said:
        scale = self._HEIGHT / crop.shape[0]
        width = max(1, round(crop.shape[1] * scale))
        method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        sized = cv2.resize(crop, (width, self._HEIGHT), interpolation=method)
        margin = self._MARGIN
        framed = cv2.copyMakeBorder(sized, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        api.SetImageBytes(framed.tobytes(), framed.shape[1], framed.shape[0], 3, framed.shape[1] * 3)
        api.SetSourceResolution(300)
        api.Recognize()
        words = []
        for row in api.GetTSVText(0).splitlines():
            cells = row.split("\t", 11)
            if cells[0] == "5" and len(cells) == 12 and cells[11].strip():
                start, end = (int(cells[6]) - margin) / scale, (int(cells[6]) + int(cells[8]) - margin) / scale
                words.append(Heard(cells[11].strip(), start, end, max(0.0, float(cells[10])) / 100))
        api.Clear()
        total = sum(len(word.text) for word in words)
        weighed = sum(word.confidence * len(word.text) for word in words)
        return Said(tuple(words), weighed / total if total else 0.0, self.name)

    def _api(self) -> "PyTessBaseAPI":
        api: PyTessBaseAPI | None = self._local.__dict__.get("api")
        if api is None:
            psm = self._library.PSM.SINGLE_LINE
            api = self._library.PyTessBaseAPI(path=str(self._folder), lang=self._languages, psm=psm)
            self._local.__dict__["api"] = api
            with self._lock:
                self._apis.append(api)
        return api

    def close(self) -> None:
        with self._lock:
            for api in self._apis:
                api.End()
            self._apis.clear()


def mean(values: Sequence[float]) -> float:
    """0 for none."""
    return float(np.mean(values)) if values else 0.0
