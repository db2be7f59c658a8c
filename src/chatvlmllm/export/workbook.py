"""A workbook: the blocks of all pages on the first sheet, then every table on a sheet of its own, spans merged."""

import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chatvlmllm.errors import MissingExtra
from chatvlmllm.export.sheet import defuse
from chatvlmllm.export.xml import clean
from chatvlmllm.messages import render
from chatvlmllm.reading import Reading, Table
from chatvlmllm.run import Run

if TYPE_CHECKING:
    import xlsxwriter

#: Excel refuses longer cells and more rows.
_CELL, _ROWS = 32_767, 1_048_576
#: What certainly is a quantity: short, grouped by blanks or with a decimal comma. A long run of digits is a code, and
#: 29.06 a date.
_NUMBER = re.compile(
    r"-?(?:(?:0|[1-9]\d{0,5})|[1-9]\d{0,2}(?:[ \u00a0\u202f]\d{3}){1,4}|[1-9]\d{0,11}(?=,))(?:,\d{1,4})?"
)


def xlsx(run: Run, readings: Iterable[Reading], language: str) -> Iterator[bytes]:
    """The whole file as one piece; raises MissingExtra without XlsxWriter."""
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtra(feature="XLSX", command="pip install 'chatvlmllm[xlsx]'") from error
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, options)
    book.set_properties({"title": clean(run.document.name)[:255]})
    first = book.add_worksheet(render("sheets.text", language))
    first.write_row(0, 0, [render(f"sheets.{name}", language) for name in ("page", "kind", "text")])
    first.freeze_panes(1, 0)
    row = 0
    for reading in readings:
        tables = 0
        for block in reading.blocks:
            row += 1
            if row < _ROWS:
                first.write_row(row, 0, [reading.page, block.kind.value, _text(block.text)])
            if block.table is not None:
                tables += 1
                _add_table(book, f"{reading.page}-{tables}", block.table)
    book.close()
    yield stream.getvalue()


def _add_table(book: "xlsxwriter.Workbook", name: str, table: Table) -> None:
    sheet = book.add_worksheet(name)
    plain = book.add_format({"text_wrap": True, "valign": "top", "border": 1})
    bold = book.add_format({"text_wrap": True, "valign": "top", "border": 1, "bold": True})
    for cell in table.cells:
        look = bold if cell.header else plain
        bottom = min(cell.row + cell.rows, table.rows) - 1
        right = min(cell.column + cell.columns, table.columns) - 1
        if (bottom, right) != (cell.row, cell.column):
            sheet.merge_range(cell.row, cell.column, bottom, right, "", look)
        number = _number(cell.text)
        if number is None:
            sheet.write_string(cell.row, cell.column, _text(cell.text), look)
        else:
            value, pattern = number
            sheet.write_number(cell.row, cell.column, value, book.add_format({"border": 1, "num_format": pattern}))


def _number(text: str) -> tuple[float, str] | None:
    """The value and a number format that shows it as it was read; None for text that may mean something else."""
    shown = text.strip()
    if not _NUMBER.fullmatch(shown):
        return None
    whole, _, decimals = shown.partition(",")
    digits = re.sub(r"[ \u00a0\u202f]", "", whole)
    pattern = ("0" if digits == whole else "#,##0") + ("." + "0" * len(decimals) if decimals else "")
    return float(f"{digits}.{decimals or 0}"), pattern


def _text(text: str) -> str:
    shown = clean(text)
    return (defuse(shown) if shown[:1] in "=+-@" else shown)[:_CELL]
