"""Tables in the four notations that models use, turned into `reading.Table` grids.

HTML (dots.ocr, DeepSeek-OCR, HunyuanOCR, Qwen3-VL), Markdown pipes (any), LaTeX tabular (GOT, Qwen3-VL: `latex.py`) and
OTSL (PaddleOCR-VL, MinerU). Text of cells loses tags, entities and escapes, nothing else.
"""

import re
from collections.abc import Iterable

from chatvlmllm.decode import grid, latex, markup
from chatvlmllm.decode.grid import Draft
from chatvlmllm.decode.markup import Piece, Tag
from chatvlmllm.decode.tally import Tally
from chatvlmllm.reading import Format, Table

_OTSL = re.compile(r"<(fcel|ecel|lcel|ucel|xcel|ched|rhed|srow|nl)>")
_OTSL_CUT = re.compile(r"<[a-z]{0,4}\Z")
_HTML = re.compile(r"<(?:table|thead|tbody|tr|td|th)(?=[\s/>])", re.IGNORECASE)
_DELIMITER = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_PIPE = re.compile(r"(?<!\\)\|")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def notation(text: str) -> Format | None:
    """The notation of the table in `text`; None when there is none."""
    if _HTML.search(text):
        return Format.HTML
    if _OTSL.search(text):
        return Format.OTSL
    if latex.BEGIN_TABULAR.search(text):
        return Format.LATEX
    lines = text.strip().splitlines()
    if len(lines) > 1 and "|" in lines[0] and _DELIMITER.fullmatch(lines[1].strip()):
        return Format.MARKDOWN
    return None


def parse(text: str, tally: Tally) -> tuple[Table | None, Format]:
    """The first table in `text` and its notation; None when it has no cell or is too large."""
    match notation(text):
        case Format.HTML:
            return from_html(text, tally), Format.HTML
        case Format.OTSL:
            return from_otsl(text, tally), Format.OTSL
        case Format.LATEX:
            return grid.fixed(latex.rows(text), tally), Format.LATEX
        case Format.MARKDOWN:
            return from_pipes(text, tally), Format.MARKDOWN
        case _:
            return None, Format.TEXT


def from_html(text: str, tally: Tally) -> Table | None:
    """The outermost table of `text`, or its loose rows. A table inside a cell becomes part of the cell's text."""
    return grid.flow(_html_rows(markup.pieces(markup.trim(text))), tally)


def _html_rows(parts: Iterable[Piece]) -> list[list[Draft]]:
    """Rows in order. An open cell, row or table is closed by whatever cannot stand inside it."""
    reader = _HtmlRows()
    for part in parts:
        if isinstance(part, Tag) and reader.tag(part):
            continue
        if reader.done:
            break
        reader.parts.append(part)
    reader.end_cell()
    return reader.rows


class _HtmlRows:
    def __init__(self) -> None:
        self.rows: list[list[Draft]] = []
        self.parts: list[Piece] = []
        self.cell: Tag | None = None
        self.depth = 0
        self.in_head = self.done = self.row_open = False

    def tag(self, tag: Tag) -> bool:
        """True when `tag` belongs to the outermost table's structure."""
        if tag.name == "table":
            return self._table(tag)
        if self.depth > 1 or self.done:
            return False
        if tag.name in ("td", "th"):
            self.end_cell()
            if not tag.closing:
                self._start_row(needed=True)
                self.cell = tag
        elif tag.name in ("tr", "thead", "tbody", "tfoot"):
            self.end_cell()
            self.row_open = False
            if tag.name == "tr":
                self._start_row(needed=not tag.closing)
            else:
                self.in_head = tag.opens("thead")
        else:
            return False
        return True

    def _table(self, tag: Tag) -> bool:
        if not tag.closing:
            self.depth += 1
            return self.depth == 1
        self.depth = max(0, self.depth - 1)
        if self.depth == 0:
            self.end_cell()
            self.done = True
            return True
        return False

    def _start_row(self, *, needed: bool) -> None:
        if needed and not self.row_open:
            self.rows.append([])
        self.row_open = needed

    def end_cell(self) -> None:
        """Closes the open cell; text outside of cells gets one when there is any."""
        text = markup.plain(self.parts)
        self.parts = []
        if self.cell is None:
            if text and not self.done:
                self._start_row(needed=True)
                self.rows[-1].append(Draft(text))
            return
        header = self.cell.name == "th" or self.in_head
        rows = _span(self.cell, "rowspan")
        # HTML's `rowspan=0` means "to the end"; the layout cuts it there without calling it absurd.
        draft = Draft(text, rows if rows != 0 else grid.WIDEST_SPAN, _span(self.cell, "colspan") or 1, header)
        self.rows[-1].append(draft)
        self.cell = None


def _span(tag: Tag, name: str) -> int:
    digits = re.match(r"\s*(\d{1,9})", tag.attributes.get(name, "1"))
    return int(digits[1]) if digits else 1


def from_pipes(text: str, tally: Tally) -> Table | None:
    r"""A Markdown pipe table; the rows above its delimiter are headers. `\|` and `<br>` are undone in cells."""
    rows: list[list[Draft]] = []
    lines = [line.strip() for line in text.strip().splitlines()]
    delimiter = next((i for i, line in enumerate(lines) if _DELIMITER.fullmatch(line)), -1)
    for number, line in enumerate(lines):
        if number != delimiter and line:
            rows.append([Draft(cell, header=number < delimiter) for cell in pipe_cells(line)])
    return grid.flow(rows, tally)


def pipe_cells(line: str) -> list[str]:
    """The cells of one row of a pipe table."""
    cells = _PIPE.split(line.strip().removeprefix("|"))
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()  # what stands behind the last pipe
    return [_LINE_BREAK.sub("\n", cell.replace("\\|", "|")).strip() for cell in cells]


def from_otsl(text: str, tally: Tally) -> Table | None:
    """OTSL: `fcel` a cell, `ecel` an empty one, `lcel` / `ucel` / `xcel` more of the cell to the left / above / both,
    `ched` / `rhed` a column's / row's header, `srow` a section's title, `nl` the end of a row.
    """  # fmt: skip
    marks, texts = _otsl_matrix(_OTSL_CUT.sub("", text))
    rows: list[list[Draft]] = [[] for _ in marks]
    for r, row in enumerate(marks):
        for c, mark in enumerate(row):
            if mark in ("lcel", "ucel", "xcel") and not texts[r][c]:
                continue
            columns, depth = c + 1, r + 1
            while columns < len(row) and row[columns] == "lcel":
                columns += 1
            while depth < len(marks) and marks[depth][c : c + 1] == ["ucel"]:
                depth += 1
            header = mark in ("ched", "rhed", "srow")
            rows[r].append(Draft(texts[r][c], depth - r, columns - c, header, c))
    return grid.fixed(rows, tally)


def _otsl_matrix(text: str) -> tuple[list[list[str]], list[list[str]]]:
    marks: list[list[str]] = []
    texts: list[list[str]] = []
    new_row = True
    split = _OTSL.split(text)
    for mark, said in zip(split[1::2], split[2::2], strict=True):
        if mark == "nl":
            new_row = True
            continue
        if new_row:
            marks.append([])
            texts.append([])
            new_row = False
        marks[-1].append(mark)
        texts[-1].append(said.strip())
    return marks, texts
