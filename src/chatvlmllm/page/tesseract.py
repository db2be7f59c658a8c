"""Tesseract through tesserocr: an RGB image becomes Tesseract's TSV.

One API object per thread and language set, because the API keeps state and is made in about 0.1 s; pages run in
parallel instead of letting one page use all cores.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chatvlmllm.errors import EngineTimeout, MissingExtra
from chatvlmllm.exchange import Request
from chatvlmllm.page import tessdata

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
        self._local = threading.local()
        self._lock = threading.Lock()
        self._apis: list[PyTessBaseAPI] = []

    def read(self, request: Request) -> Iterator[str]:
        """Tesseract's TSV for the image of `request`; raises MissingLanguage, EngineTimeout.

        Option `layout` is "line" for an image of one line; otherwise the layout is found out.
        """
        assert request.image is not None
        api = self._api("+".join(request.languages))
        modes = self._library.PSM
        api.SetPageSegMode(modes.SINGLE_LINE if request.options.get("layout") == "line" else modes.AUTO)
        api.SetImage(request.image)
        api.SetSourceResolution(300)
        if not api.Recognize(int(request.limits.seconds * 1000)):
            raise EngineTimeout(model=request.model, seconds=request.limits.seconds)
        yield api.GetTSVText(0)
        api.Clear()

    def _api(self, languages: str) -> "PyTessBaseAPI":
        apis: dict[str, PyTessBaseAPI] = self._local.__dict__.setdefault("apis", {})
        if languages not in apis:
            folder = tessdata.find(languages.split("+"), self._settings)
            api = self._library.PyTessBaseAPI(path=str(folder), lang=languages, psm=self._library.PSM.AUTO)
            apis[languages] = api
            with self._lock:
                self._apis.append(api)
        return apis[languages]

    def versions(self) -> Mapping[str, str]:
        return {
            "tesseract": self._library.tesseract_version().split()[1],
            "tesserocr": self._library.__version__,
        }

    def close(self) -> None:
        with self._lock:
            for api in self._apis:
                api.End()
            self._apis.clear()
