"""The text layer of a born-digital PDF page, read as if a model had said it.

Good at: being exact and instant. Cannot: read scans, or judge what a page looks like. Its order is the file's own.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from chatvlmllm.decode import records
from chatvlmllm.document.textlayer import LayerWord
from chatvlmllm.errors import NoTextLayer
from chatvlmllm.exchange import Request, Task
from chatvlmllm.models.card import Model, Recipe, Runtime
from chatvlmllm.reading import Word

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

#: A gap above this share of the line height, or a jump upwards, starts a new block.
_PARAGRAPH_GAP = 0.7


class TextLayerReader:
    """Groups the lines of a layer into blocks; keeps nothing."""

    def read(self, request: Request) -> Iterator[str]:
        layer = request.text_layer
        if layer is None:
            raise NoTextLayer
        block, previous = 0, None
        for line in layer.lines:
            if previous is not None and _apart(previous, line):
                block += 1
            yield records.encode(block, [Word(word.text, word.box) for word in line])
            previous = line

    def versions(self) -> Mapping[str, str]:
        return {"pypdfium2": version("pypdfium2")}

    def close(self) -> None:
        """Nothing is held."""


def _apart(upper: tuple[LayerWord, ...], lower: tuple[LayerWord, ...]) -> bool:
    height = max(word.box.height for word in lower)
    gap = min(word.box.y1 for word in lower) - max(word.box.y2 for word in upper)
    return gap > _PARAGRAPH_GAP * height or gap < -2 * height


def load(_settings: "Settings") -> TextLayerReader:
    """The reader needs no settings and no weights."""
    return TextLayerReader()


MODELS = (
    Model(
        key="text_layer",
        title="PDF text layer",
        summary={
            "en": "the text that a born-digital PDF carries; exact, instant, not for scans",
            "ru": "текст, который несёт сам PDF; точно и мгновенно, не для сканов",
        },
        licence="Apache-2.0 OR BSD-3-Clause (PDFium)",
        languages=("any",),
        recipes={Task.TEXT: Recipe(decode=records.decode, needs_image=False)},
        runtimes={"embedded": Runtime(load=load)},
    ),
)
