"""What a page truly says: words with boxes, lines, blocks and tables, read from a PDF's own text layer.

Any born-digital PDF becomes a test case through `of_pdf`; the specimen generator uses the same types and
adds the structure it knows (block kinds, tables, fields). Scanned PDFs have no layer and give empty pages.

Coordinates: pixels of the page raster at `PageTruth.dpi`, origin top-left, x to the right, y down.
A box is `(left, top, right, bottom)`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

Box = tuple[float, float, float, float]

POINTS_PER_INCH = 72.0


@dataclass(frozen=True)
class Word:
    """One printed word: `line` counts from 0 on the page in reading order, `block` indexes `PageTruth.blocks`."""

    text: str
    box: Box
    line: int = 0
    block: int = -1


@dataclass(frozen=True)
class Cell:
    """One cell of a table grid; `row` and `column` count from 0 and name its top-left corner."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    header: bool = False
    box: Box | None = None


@dataclass(frozen=True)
class Table:
    """A grid as drawn on one page; a table broken over pages is one `Table` per page with the same `name`."""

    rows: int
    columns: int
    cells: tuple[Cell, ...]
    box: Box
    name: str = ""
    continued: bool = False


@dataclass(frozen=True)
class Block:
    """A piece of layout in reading order.

    `kind` is one of: title, heading, text, list_item, table, form, picture, caption, formula, header, footer,
    page_number, footnote, code, stamp, signature, mrz. `level` is 1…6 for headings, else 0; `latex` is set for
    formulas, whose drawing carries no text.
    """

    kind: str
    box: Box
    text: str = ""
    level: int = 0
    latex: str = ""


@dataclass(frozen=True)
class PageTruth:
    """One page: its size in pixels at `dpi`, its text in reading order, and where everything stands."""

    width: float
    height: float
    dpi: float
    text: str
    words: tuple[Word, ...]
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Glyph:
    """One character of a PDF text layer; `box` is None for white space and for breaks the reader inferred."""

    text: str
    box: Box | None


def of_pdf(data: bytes, dpi: float = 200.0) -> tuple[PageTruth, ...]:
    """The truth of every page of a PDF according to its own text layer, in pixels at `dpi`."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(data)
    try:
        return tuple(_page_truth(pdf[index], dpi) for index in range(len(pdf)))
    finally:
        pdf.close()


def glyphs(page: Any, dpi: float) -> tuple[Glyph, ...]:
    """Characters of a pypdfium2 page in the order the file draws them, boxes in pixels at `dpi`."""
    import pypdfium2.raw as pdfium

    scale, height = dpi / POINTS_PER_INCH, page.get_height()
    text_page = page.get_textpage()
    edges = [ctypes.c_double() for _ in range(4)]
    found: list[Glyph] = []
    try:
        for index in range(text_page.count_chars()):
            character = chr(pdfium.FPDFText_GetUnicode(text_page, index))
            if character.isspace() or character in "\x00\ufffe":
                found.append(Glyph("\n" if character in "\r\n" else " ", None))
                continue
            pdfium.FPDFText_GetCharBox(text_page, index, *edges)
            left, right, bottom, top = (edge.value for edge in edges)
            box = (left * scale, (height - top) * scale, right * scale, (height - bottom) * scale)
            found.append(Glyph("-" if character == "\x02" else character, box))
    finally:
        text_page.close()
    return tuple(found)


def fonts(page: Any) -> frozenset[str]:
    """Names of the fonts a pypdfium2 page is set in, without the tags of subsets."""
    import pypdfium2.raw as pdfium

    found = set()
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
        font = pdfium.FPDFTextObj_GetFont(item.raw)
        name = ctypes.create_string_buffer(pdfium.FPDFFont_GetBaseFontName(font, None, 0))
        pdfium.FPDFFont_GetBaseFontName(font, name, len(name))
        found.add(name.value.decode("utf-8", "replace").rpartition("+")[2])
    return frozenset(found)


def rescaled(page: PageTruth, dpi: float) -> PageTruth:
    """The same truth in the pixels of another resolution."""
    factor = dpi / page.dpi

    def moved(box: Box) -> Box:
        return (box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor)

    def cell(one: Cell) -> Cell:
        return replace(one, box=moved(one.box) if one.box else None)

    return replace(
        page,
        width=page.width * factor,
        height=page.height * factor,
        dpi=dpi,
        words=tuple(replace(word, box=moved(word.box)) for word in page.words),
        blocks=tuple(replace(block, box=moved(block.box)) for block in page.blocks),
        tables=tuple(
            replace(table, box=moved(table.box), cells=tuple(cell(one) for one in table.cells)) for table in page.tables
        ),
    )


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of `boxes` (at least one)."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms))


def same_line(before: Box, after: Box) -> bool:
    """Whether a word continues the line of the word before it: they overlap in height and it does not step back."""
    overlap = min(before[3], after[3]) - max(before[1], after[1])
    lower = min(before[3] - before[1], after[3] - after[1])
    return overlap > 0.3 * lower and after[0] >= before[0]


def words_of(run: Sequence[Glyph]) -> Iterator[tuple[str, Box]]:
    """Words of a run of glyphs: parted at white space, at inferred breaks and where the pen jumps away."""
    text, boxes = "", list[Box]()
    for glyph in run:
        if text and (glyph.box is None or _jumps(boxes[-1], glyph.box)):
            yield text, union(boxes)
            text, boxes = "", []
        if glyph.box is not None:
            text, boxes = text + glyph.text, [*boxes, glyph.box]
    if text:
        yield text, union(boxes)


def _jumps(before: Box, after: Box) -> bool:
    """A gap wider than a character of this size can leave, either way along the line or across it."""
    size = max(before[3] - before[1], after[3] - after[1], before[2] - before[0], after[2] - after[0])
    return (
        after[0] - before[2] > 1.5 * size
        or before[0] - after[2] > 1.5 * size
        or after[1] - before[3] > 1.5 * size
        or before[1] - after[3] > 1.5 * size
    )


def lines_text(words: Sequence[Word]) -> str:
    """Words joined by spaces, lines by newlines."""
    parts: list[str] = []
    for index, word in enumerate(words):
        if index:
            parts.append(" " if words[index - 1].line == word.line else "\n")
        parts.append(word.text)
    return "".join(parts)


def _page_truth(page: Any, dpi: float) -> PageTruth:
    words: list[Word] = []
    for text, box in words_of(glyphs(page, dpi)):
        line = 0
        if words:
            line = words[-1].line + (0 if same_line(words[-1].box, box) else 1)
        words.append(Word(text, box, line))
    scale = dpi / POINTS_PER_INCH
    return PageTruth(page.get_width() * scale, page.get_height() * scale, dpi, lines_text(words), tuple(words))
