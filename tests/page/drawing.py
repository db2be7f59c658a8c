"""Pages drawn for tests: Pillow's own font, known places, no files."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from chatvlmllm.page.strips import Image as Pixels
from chatvlmllm.page.witness import Heard, Said


@dataclass
class Sheet:
    """A white page on which text and rulings are drawn."""

    width: int = 1000
    height: int = 1400
    size: int = 26
    _image: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        self._image = Image.new("RGB", (self.width, self.height), "white")
        self._pen = ImageDraw.Draw(self._image)

    def text(self, x: int, y: int, text: str, size: int | None = None) -> "Sheet":
        self._pen.text((x, y), text, fill="black", font=ImageFont.load_default(size or self.size))
        return self

    def table(self, x: int, y: int, widths: list[int], rows: list[list[str]], height: int = 50) -> "Sheet":
        right, bottom = x + sum(widths), y + height * len(rows)
        for row in range(len(rows) + 1):
            self._pen.line([(x, y + row * height), (right, y + row * height)], fill="black", width=2)
        edges = [x + sum(widths[:column]) for column in range(len(widths) + 1)]
        for edge in edges:
            self._pen.line([(edge, y), (edge, bottom)], fill="black", width=2)
        for row, texts in enumerate(rows):
            for edge, text in zip(edges, texts, strict=False):
                self.text(edge + 12, y + row * height + 10, text)
        return self

    def pixels(self) -> Pixels:
        return np.asarray(self._image)


class Echo:
    """A witness that is sure of every crop and says its number and size; `seen` counts crops."""

    name = "echo"

    def __init__(self) -> None:
        self.seen = 0

    def hear(self, crops: list[Pixels]) -> list[Said]:
        said = []
        for crop in crops:
            self.seen += 1
            word = f"w{self.seen}"
            said.append(Said((Heard(word, 0.0, float(crop.shape[1]), 0.99),), 0.99, self.name))
        return said

    def close(self) -> None:
        pass


LINES = [
    "The quick brown fox jumps over the lazy dog",
    "Pack my box with five dozen liquor jugs today",
    "How vexingly quick daft zebras jump at night",
    "Sphinx of black quartz judge my solemn vow",
    "Bright vixens jump while dozy fowl quack loud",
]


def prose() -> Pixels:
    """Five lines of text at known heights."""
    sheet = Sheet()
    for number, line in enumerate(LINES):
        sheet.text(120, 200 + 60 * number, line)
    return sheet.pixels()
