"""Word documents: headings, paragraphs, lists and tables with their spans; a page break between pages."""

import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chatvlmllm.errors import MissingExtra
from chatvlmllm.export.xml import clean
from chatvlmllm.reading import Block, Kind, Reading, Table
from chatvlmllm.run import Run

if TYPE_CHECKING:
    from docx.document import Document

_BULLET = re.compile(r"^\s*[-–—•·*]\s+")
_NUMBER = re.compile(r"^\s*\d{1,3}[.)]\s+")
#: The most characters that a property of an Office file may have.
_PROPERTY = 255


def docx(run: Run, readings: Iterable[Reading]) -> Iterator[bytes]:
    """The whole file as one piece; raises MissingExtra without python-docx."""
    try:
        from docx import Document
    except ImportError as error:
        raise MissingExtra(feature="DOCX", command="pip install 'chatvlmllm[archive]'") from error
    document = Document()
    document.core_properties.title = clean(run.document.name)[:_PROPERTY]
    document.core_properties.author = ""
    document.core_properties.comments = ""
    for number, reading in enumerate(readings):
        if number:
            document.add_page_break()  # type: ignore[no-untyped-call]
        for block in reading.blocks:
            _add(document, block)
    stream = io.BytesIO()
    document.save(stream)
    yield stream.getvalue()


def _add(document: "Document", block: Block) -> None:
    if block.table is not None and block.table.rows and block.table.columns:
        _add_table(document, block.table)
    elif block.kind in (Kind.TITLE, Kind.HEADING) and block.text:
        level = block.level or (1 if block.kind is Kind.TITLE else 2)
        document.add_heading(clean(" ".join(block.text.split())), level=min(level, 9))
    elif block.kind is Kind.LIST:
        for item in block.text.split("\n"):
            _add_item(document, item)
    elif block.text:
        document.add_paragraph(_lines(block.text))


def _add_item(document: "Document", item: str) -> None:
    """A list's own mark becomes Word's bullet; numbers stay as they were read, because Word would count anew."""
    if not item.strip():
        return
    if _NUMBER.match(item):
        document.add_paragraph(_lines(item), style="List")
    else:
        document.add_paragraph(_lines(_BULLET.sub("", item, count=1)), style="List Bullet")


def _add_table(document: "Document", table: Table) -> None:
    grid = document.add_table(rows=table.rows, cols=table.columns, style="Table Grid")
    # `Table.cell` walks the whole grid at each call; the rows' own lists are asked once.
    places = [list(row.cells) for row in grid.rows]
    for cell in table.cells:
        place = places[cell.row][cell.column]
        last = (min(cell.row + cell.rows, table.rows) - 1, min(cell.column + cell.columns, table.columns) - 1)
        if last != (cell.row, cell.column):
            place = place.merge(places[last[0]][last[1]])
        place.text = _lines(cell.text)
        if cell.header:
            for run in place.paragraphs[0].runs:
                run.bold = True


def _lines(text: str) -> str:
    """python-docx turns line feeds into line breaks; other control characters have no place in XML."""
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"))
