"""hOCR 1.2: XHTML that carries pages, areas, lines and words with their boxes in page pixels."""

from collections.abc import Iterable, Iterator

from chatvlmllm.export.located import located
from chatvlmllm.export.xml import quoted
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Block, Line, Reading, Word
from chatvlmllm.run import Run


def hocr(run: Run, readings: Iterable[Reading]) -> Iterator[str]:
    """One XHTML document; text without a place stands in paragraphs of class `unplaced` at the end of its page."""
    version = quoted(run.environment.get("chatvlmllm", ""))
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        f'<html xmlns="http://www.w3.org/1999/xhtml">\n<head>\n<title>{quoted(run.document.name)}</title>\n'
        '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
        f'<meta name="ocr-system" content="chatvlmllm {version}"/>\n'
        '<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_line ocrx_word"/>\n</head>\n<body>\n'
    )
    for reading in readings:
        yield from _page(run, reading)
    yield "</body>\n</html>\n"


def _page(run: Run, reading: Reading) -> Iterator[str]:
    found, number = located(reading), reading.page
    # A quotation mark would end the name inside the title.
    image = quoted(run.document.name.replace('"', "'"))
    size = f"bbox 0 0 {reading.size.width} {reading.size.height}"
    yield (
        f'<div class="ocr_page" id="page_{number}" title="image &quot;{image}&quot;; {size}; ppageno {number - 1}">\n'
    )
    for index, block in enumerate(found.blocks, start=1):
        yield from _area(block, f"{number}_{index}")
    for text in found.unplaced:
        yield f'<p class="unplaced">{quoted(text)}</p>\n'
    yield "</div>\n"


def _area(block: Block, number: str) -> Iterator[str]:
    box = block.box or (union([line.box for line in block.lines]) if block.lines else None)
    if box is None:
        return
    yield f'<div class="ocr_carea" id="block_{number}" title="{_bbox(box)}" data-kind="{block.kind.value}">\n'
    for index, line in enumerate(block.lines, start=1):
        yield _line(line, f"{number}_{index}")
    yield "</div>\n"


def _line(line: Line, number: str) -> str:
    words = " ".join(_word(word, f"{number}_{index}") for index, word in enumerate(line.words, start=1))
    return f'<span class="ocr_line" id="line_{number}" title="{_bbox(line.box)}">{words}</span>\n'


def _word(word: Word, number: str) -> str:
    title = _bbox(word.box)
    if word.confidence is not None:
        title += f"; x_wconf {round(100 * word.confidence)}"
    return f'<span class="ocrx_word" id="word_{number}" title="{title}">{quoted(word.text)}</span>'


def _bbox(box: Box) -> str:
    return f"bbox {round(box.x1)} {round(box.y1)} {round(box.x2)} {round(box.y2)}"
