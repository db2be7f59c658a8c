"""Tesseract through tesserocr: an RGB image becomes Tesseract's TSV.

One API object per caller at a time and language set: the API keeps state and is made in about 0.1 s. Pages run in
parallel instead of letting one page use all cores.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chatvlmllm.errors import EngineTimeout, MissingExtra
from chatvlmllm.exchange import Request
from chatvlmllm.page import tessdata
from chatvlmllm.page.lending import Lending

if TYPE_CHECKING:
    from tesserocr import PyTessBaseAPI

    from chatvlmllm.config import Settings


class Tesseract:
    """Reads pages from any number of threads."""

    def __init__(self, settings: "Settings") -> None:
        try:
            import tesserocr
        except ImportError as error:
            raise MissingExtra(feature="Tesseract", command="pip install tesserocr") from error
        self._library = tesserocr
        self._settings = settings
        self._lock = threading.Lock()
        self._apis: dict[str, Lending[PyTessBaseAPI]] = {}

    def read(self, request: Request) -> Iterator[str]:
        """Tesseract's TSV for the image of `request`; raises MissingLanguage, EngineTimeout.

        Option `layout` is "line" for an image of one line; otherwise the layout is found out.
        """
        assert request.image is not None
        modes = self._library.PSM
        with self._lending("+".join(request.languages)).lent() as api:
            api.SetPageSegMode(modes.SINGLE_LINE if request.options.get("layout") == "line" else modes.AUTO)
            api.SetImage(request.image)
            api.SetSourceResolution(300)
            if not api.Recognize(int(request.limits.seconds * 1000)):
                raise EngineTimeout(model=request.model, seconds=request.limits.seconds)
            found = api.GetTSVText(0)
            api.Clear()
        yield found

    def _lending(self, languages: str) -> "Lending[PyTessBaseAPI]":
        def make() -> "PyTessBaseAPI":
            folder = tessdata.find(languages.split("+"), self._settings)
            return self._library.PyTessBaseAPI(path=str(folder), lang=languages, psm=self._library.PSM.AUTO)

        with self._lock:
            return self._apis.setdefault(languages, Lending(make))

    def versions(self) -> Mapping[str, str]:
        return {
            "tesseract": self._library.tesseract_version().split()[1],
            "tesserocr": self._library.__version__,
        }

    def close(self) -> None:
        with self._lock:
            for lending in self._apis.values():
                lending.close(lambda api: api.End())
            self._apis.clear()
