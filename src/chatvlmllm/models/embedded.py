"""The package's own page reader on the CPU: detected lines, ruled tables, reading order.

Good at: scans, forms, tables, skewed and turned pages, without a GPU and without anything beside this package. Cannot:
handwriting, formulas, tables without rulings whose columns touch. Detector: PP-OCRv6 small (PaddleOCR, Apache-2.0).
"""

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from chatvlmllm.decode import records
from chatvlmllm.errors import UnknownOption
from chatvlmllm.exchange import Request, Task
from chatvlmllm.models.card import ImageRules, Model, Recipe, Runtime

if TYPE_CHECKING:
    from chatvlmllm.config import Settings
    from chatvlmllm.page.understand import Understanding


class EmbeddedReader:
    """Speaks the records dialect; the networks are loaded once and shared by all threads."""

    def __init__(self, understanding: "Understanding") -> None:
        self._understanding = understanding

    def read(self, request: Request) -> Iterator[str]:
        import numpy as np

        from chatvlmllm.page.understand import PRESETS

        assert request.image is not None
        image = np.asarray(request.image.convert("RGB"))
        if request.options.get("layout") == "line":
            line = self._understanding.line(image)
            yield records.encode(0, line.words) if line else ""
            return
        steps = PRESETS[str(request.options.get("preset", "balanced"))]
        for number, found in enumerate(self._understanding.read(image, steps)):
            yield records.encode_block(number, found.block, found.cells)

    def versions(self) -> Mapping[str, str]:
        return {"onnxruntime": version("onnxruntime")}

    def close(self) -> None:
        self._understanding.close()


def load(settings: "Settings") -> EmbeddedReader:
    """Detector and line readers, with what is installed here."""
    from chatvlmllm.page.detect import Detector
    from chatvlmllm.page.understand import Understanding
    from chatvlmllm.page.witnesses import available

    cores = os.cpu_count() or 1
    return EmbeddedReader(Understanding(Detector(cores), available(settings), cores))


#: What a user may choose between; `page.understand.PRESETS` says what each does.
_PRESETS = ("speed", "balanced", "quality")


def translate(options: Mapping[str, object]) -> Mapping[str, object]:
    """The options as they are; raises UnknownOption for a preset that there is not."""
    preset = options.get("preset", "balanced")
    if preset not in _PRESETS:
        raise UnknownOption(model="embedded", option=f"preset={preset}", known=", ".join(_PRESETS))
    return dict(options)


MODELS = (
    Model(
        key="embedded",
        title="Embedded reader",
        summary={
            "en": "the package's own reader on the CPU: forms, ruled tables, skewed scans; words with boxes",
            "ru": "собственный распознаватель на процессоре: бланки, таблицы, перекошенные сканы; слова с рамками",
        },
        licence="MIT; detector Apache-2.0 (PaddleOCR)",
        languages=("rus", "ukr", "bel", "kaz", "srp", "bul", "eng", "latin"),
        image=ImageRules(max_pixels=40_000_000),
        recipes={task: Recipe(decode=records.decode) for task in (Task.TEXT, Task.MARKDOWN, Task.LAYOUT)},
        runtimes={"embedded": Runtime(load=load)},
        options=("preset",),
        translate=translate,
    ),
)
