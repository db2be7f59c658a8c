"""A run becomes bytes. `FORMATS` is the one table of what can be written.

A writer gets a finished run and its readings as an iterable, page by page, and yields pieces of text, so that a
document of any length is exported in the memory of one page.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from chatvlmllm.errors import UnknownFormat
from chatvlmllm.export import sheet, text
from chatvlmllm.export.doubts import mended
from chatvlmllm.reading import Reading
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
class Format:
    """One way to write a run. `encoding` is a Python codec name."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Run, Iterable[Reading], Style], Iterator[str]]
    encoding: str = "utf-8"


FORMATS = {
    format.name: format
    for format in (
        Format("txt", ".txt", "text/plain", lambda _run, readings, _style: text.plain(readings)),
        Format("md", ".md", "text/markdown", lambda _run, readings, _style: text.markdown(readings)),
        Format(
            "html",
            ".html",
            "text/html",
            lambda run, readings, style: text.html(run, readings, style.language),
        ),
        Format("json", ".json", "application/json", lambda run, readings, _style: text.json(run, readings)),
        # Excel takes a CSV for UTF-8 only when it begins with a byte order mark.
        Format(
            "csv",
            ".csv",
            "text/csv",
            lambda run, readings, style: sheet.csv(run, readings, style.csv_delimiter),
            encoding="utf-8-sig",
        ),
    )
}


def find(name: str) -> Format:
    """The format called `name`; raises UnknownFormat."""
    wanted = name.lower().lstrip(".")
    if wanted not in FORMATS:
        near = difflib.get_close_matches(wanted, FORMATS, n=1) or list(FORMATS)
        raise UnknownFormat(format=name, near=", ".join(near))
    return FORMATS[wanted]


def export(run: Run, readings: Iterable[Reading], format: Format, style: Style = Style()) -> Iterator[bytes]:
    """The pieces of the file; together they are the whole of it."""
    codec = format.encoding
    if style.repaired and format.name != "json":
        readings = map(mended, readings)
    for piece in format.write(run, readings, style):
        yield piece.encode(codec)
        # Only the first piece may carry the byte order mark.
        codec = codec.removesuffix("-sig")
