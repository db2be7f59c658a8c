"""Tesseract as a reader of single lines: the second witness, or the only one where our own network is missing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2

from chatvlmllm.page.alphabet import settle
from chatvlmllm.page.lending import Lending
from chatvlmllm.page.strips import Image
from chatvlmllm.page.witness import Heard, Said

if TYPE_CHECKING:
    from pathlib import Path

    from tesserocr import PyTessBaseAPI


class TesseractLines:
    """Tesseract on single lines; one API object per caller at a time."""

    name = "tesseract"
    #: Tesseract reads letters of 25…35 px best: a grown crop is about 1.7 letters high.
    _HEIGHT = 44
    _MARGIN = 8

    def __init__(self, folder: "Path", languages: str) -> None:
        import tesserocr

        self._library, self._folder, self._languages = tesserocr, folder, languages
        self._apis: Lending[PyTessBaseAPI] = Lending(self._make)

    def hear(self, crops: Sequence[Image]) -> list[Said]:
        with self._apis.lent() as api:
            return [self._one(api, crop) for crop in crops]

    def _one(self, api: "PyTessBaseAPI", crop: Image) -> Said:
        scale = self._HEIGHT / crop.shape[0]
        width = max(1, round(crop.shape[1] * scale))
        method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        sized = cv2.resize(crop, (width, self._HEIGHT), interpolation=method)
        margin = self._MARGIN
        grey = cv2.cvtColor(sized, cv2.COLOR_RGB2GRAY)
        framed = cv2.copyMakeBorder(grey, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        api.SetImageBytes(framed.tobytes(), framed.shape[1], framed.shape[0], 1, framed.shape[1])
        api.SetSourceResolution(300)
        api.Recognize()
        words = []
        for row in api.GetTSVText(0).splitlines():
            cells = row.split("\t", 11)
            if cells[0] == "5" and len(cells) == 12 and cells[11].strip():
                start, end = (int(cells[6]) - margin) / scale, (int(cells[6]) + int(cells[8]) - margin) / scale
                words.append(Heard(cells[11].strip(), start, end, max(0.0, float(cells[10])) / 100))
        api.Clear()
        words = _one_alphabet(words)
        total = sum(len(word.text) for word in words)
        weighed = sum(word.confidence * len(word.text) for word in words)
        return Said(tuple(words), weighed / total if total else 0.0, self.name)

    def _make(self) -> "PyTessBaseAPI":
        psm = self._library.PSM.SINGLE_LINE
        return self._library.PyTessBaseAPI(path=str(self._folder), lang=self._languages, psm=psm)

    def close(self) -> None:
        self._apis.close(lambda api: api.End())


def _one_alphabet(words: list[Heard]) -> list[Heard]:
    """Words of look-alike letters in the alphabet of their line: Tesseract mixes the two without noticing."""
    text = " ".join(word.text for word in words)
    settled, at, done = settle(text, [0.0] * len(text)), 0, []
    for word in words:
        done.append(replace(word, text=settled[at : at + len(word.text)]))
        at += len(word.text) + 1
    return done
