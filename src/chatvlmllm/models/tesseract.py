"""Tesseract 5, page-wise: the classical CPU recogniser with its own page segmentation.

Good at: clean printed text in more than a hundred languages, words with boxes and confidences, no GPU. Cannot: tables,
formulas, handwriting, skewed photos. Licence Apache-2.0, https://github.com/tesseract-ocr/tesseract.
"""

from typing import TYPE_CHECKING

from chatvlmllm.decode import tsv
from chatvlmllm.exchange import Task
from chatvlmllm.models.card import ImageRules, Model, Recipe, Runtime
from chatvlmllm.page.tesseract import Tesseract

if TYPE_CHECKING:
    from chatvlmllm.config import Settings


def load(settings: "Settings") -> Tesseract:
    """A reader whose engines are made per thread; language data is looked up at the first page."""
    return Tesseract(settings)


MODELS = (
    Model(
        key="tesseract",
        title="Tesseract 5",
        summary={
            "en": "classical OCR on the CPU; words with boxes and confidence",
            "ru": "классическое распознавание на процессоре; слова с рамками и уверенностью",
        },
        licence="Apache-2.0",
        languages=("rus", "eng", "100+"),
        # Tesseract likes letters 20…40 pixels high, which is A4 at about 300 dpi; small screenshots are enlarged.
        image=ImageRules(min_pixels=5_000_000, max_pixels=40_000_000, max_enlargement=2.0),
        recipes={Task.TEXT: Recipe(decode=tsv.decode)},
        runtimes={"embedded": Runtime(load=load)},
    ),
)
