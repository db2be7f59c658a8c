"""A run becomes bytes. `FORMATS` is the one table of what can be written.

A writer gets a finished run and its readings as an iterable, page by page, and yields pieces of the file; text formats
are written in the memory of one page, the others (PDF, DOCX, XLSX) in that of their libraries.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from chatvlmllm.document import Document
from chatvlmllm.errors import PicturesMissing, UnknownFormat
from chatvlmllm.export import alto, docx, hocr, pdf, sheet, text, workbook
from chatvlmllm.export.doubts import mended
from chatvlmllm.export.located import located
from chatvlmllm.reading import Notice, Reading
from chatvlmllm.run import Run


@dataclass(frozen=True, slots=True)
class Style:
    """What a reader's programs expect: the language of captions and the list separator of CSV.

    `repaired` applies the certain repairs of look-alike letters to what is written; JSON always keeps the text as read.
    """

    language: str = "ru"
    csv_delimiter: str = ";"
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Material:
    """What a file is written from; `document` is there when the format shows the pages' pictures."""

    run: Run
    readings: Iterable[Reading]
    style: Style
    document: Document | None = None

    @property
    def pictures(self) -> Document:
        assert self.document is not None
        return self.document


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a run. `encoding` is a Python codec name; `places`: words stand where they stand on the page."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Material], Iterator[str] | Iterator[bytes]]
    encoding: str = "utf-8"
    pictures: bool = False
    places: bool = False


_OFFICE = "application/vnd.openxmlformats-officedocument"

FORMATS = {
    format.name: format
    for format in (
        Format("txt", ".txt", "text/plain", lambda it: text.plain(it.readings)),
        Format("md", ".md", "text/markdown", lambda it: text.markdown(it.readings)),
        Format("html", ".html", "text/html", lambda it: text.html(it.run, it.readings, it.style.language)),
        Format("json", ".json", "application/json", lambda it: text.json(it.run, it.readings)),
        # Excel takes a CSV for UTF-8 only when it begins with a byte order mark.
        Format(
            "csv",
            ".csv",
            "text/csv",
            lambda it: sheet.csv(it.run, it.readings, it.style.csv_delimiter),
            encoding="utf-8-sig",
        ),
        Format(
            "xlsx",
            ".xlsx",
            f"{_OFFICE}.spreadsheetml.sheet",
            lambda it: workbook.xlsx(it.run, it.readings, it.style.language),
        ),
        Format(
            "docx",
            ".docx",
            f"{_OFFICE}.wordprocessingml.document",
            lambda it: docx.docx(it.run, it.readings),
        ),
        Format(
            "pdf",
            ".searchable.pdf",
            "application/pdf",
            lambda it: pdf.searchable(it.run, it.readings, it.pictures),
            pictures=True,
            places=True,
        ),
        Format("hocr", ".hocr", "application/xhtml+xml", lambda it: hocr.hocr(it.run, it.readings), places=True),
        Format("alto", ".alto.xml", "application/xml", lambda it: alto.alto(it.run, it.readings), places=True),
    )
}


def find(name: str) -> Format:
    """The format called `name`; raises UnknownFormat."""
    wanted = name.lower().lstrip(".")
    if wanted not in FORMATS:
        near = difflib.get_close_matches(wanted, FORMATS, n=1) or list(FORMATS)
        raise UnknownFormat(format=name, near=", ".join(near))
    return FORMATS[wanted]


def export(
    run: Run,
    readings: Iterable[Reading],
    format: Format,
    style: Style = Style(),
    document: Document | None = None,
) -> Iterator[bytes]:
    """The pieces of the file; together they are the whole of it.

    A format with `pictures` needs the open `document`: raises PicturesMissing without it, and MissingExtra when the
    format's library is not installed.
    """
    if format.pictures and document is None:
        raise PicturesMissing(format=format.name)
    codec = format.encoding
    if style.repaired and format.name != "json":
        readings = map(mended, readings)
    for piece in format.write(Material(run, readings, style, document)):
        yield piece if isinstance(piece, bytes) else piece.encode(codec)
        # Only the first piece may carry the byte order mark.
        codec = codec.removesuffix("-sig")


def notices(reading: Reading, formats: Iterable[Format]) -> tuple[Notice, ...]:
    """What a reader of these formats has to know about a page: its text whose place is guessed or not known."""
    if not any(format.places for format in formats):
        return ()
    found = located(reading)
    told = []
    if found.rough:
        told.append(Notice("text_placed_roughly", {"count": found.rough}))
    if found.unplaced:
        listed = " · ".join(found.unplaced)
        told.append(Notice("text_unplaced", {"count": len(found.unplaced), "text": listed}))
    return tuple(told)


def noted(reading: Reading, formats: Iterable[Format]) -> Reading:
    """The reading with those notices."""
    return replace(reading, notices=(*reading.notices, *notices(reading, formats)))
