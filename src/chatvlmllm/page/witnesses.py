"""Which line readers this machine has, best first."""

from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from chatvlmllm.errors import MissingLanguage
from chatvlmllm.page import tessdata
from chatvlmllm.page.tesseract_lines import TesseractLines
from chatvlmllm.page.witness import OwnReader, Witness

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

_LANGUAGES = ("rus", "eng")


def available(settings: "Settings") -> list[Witness]:
    """Our own network first, then Tesseract; raises MissingLanguage when there is neither."""
    found: list[Witness] = []
    if files("chatvlmllm.page").joinpath("weights/line_reader.onnx").is_file():
        found.append(OwnReader())
    if find_spec("tesserocr") is None:
        return found
    try:
        folder = tessdata.find(_LANGUAGES, settings)
    except MissingLanguage:
        if found:
            return found
        raise
    return [*found, TesseractLines(folder, "+".join(_LANGUAGES))]
