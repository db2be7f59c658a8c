"""What was read leaves the program unchanged and harmless."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm import run as runs
from chatvlmllm.export import FORMATS, export, find
from chatvlmllm.export.sheet import defuse
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Cell, Kind, Reading, Table, Verdict
from chatvlmllm.run import Options, Run, Source

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)
TABLE = Table(2, 2, (Cell(0, 0, "Наименование", columns=2, header=True), Cell(1, 0, "Бумага"), Cell(1, 1, "1 200,50")))


def _reading(page: int = 1, *blocks: Block, verdict: Verdict = Verdict.OK) -> Reading:
    return Reading(page=page, size=Size(1000, 1400), verdict=verdict, asked="auto", answered="tesseract", blocks=blocks)


def _text(text: str) -> Block:
    return Block(Kind.TEXT, text, Box(10, 20.5, 300, 40.25), confidence=0.973)


def _run(name: str = "акт.png") -> Run:
    return Run(document=Source(name=name), options=Options(), environment={}, started="2026-01-01T00:00:00+00:00")


def _export(name: str, *readings: Reading, run: Run | None = None) -> bytes:
    return b"".join(export(run or _run(), readings, find(name)))


@given(texts)
def test_t24_plain_text_is_exactly_what_was_read(text: str) -> None:
    """The text export changes no character: no spaces put in, no letters swapped, no rows dropped."""
    assert _export("txt", _reading(1, _text(text))).decode() == text + "\n"


@given(st.lists(texts, min_size=1, max_size=5))
def test_t26_nothing_is_added_to_the_text(pieces: list[str]) -> None:
    """No footer, model name or time stands inside the content: the export is the blocks and the page breaks."""
    readings = [_reading(number, _text(piece)) for number, piece in enumerate(pieces, 1)]
    assert _export("txt", *readings).decode() == "\n\f".join(pieces) + "\n"


@given(texts)
def test_t54_a_csv_cell_comes_back_as_it_was(text: str) -> None:
    """Delimiters, quotes and line ends survive; only a formula gets an apostrophe before it."""
    content = _export("csv", _reading(1, _text(text)))
    assert content.startswith(b"\xef\xbb\xbf")
    header, row = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert dict(zip(header, row, strict=True))["text"] == defuse(text)
    assert defuse(text).removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", " =1", "=HYPERLINK(1)"])
def test_t28_a_spreadsheet_formula_is_defused(cell: str) -> None:
    """Text that a spreadsheet would run is stored as text."""
    assert defuse(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-1 200,50", "+7", "-5%", "12", "Итого"])
def test_numbers_stay_numbers(cell: str) -> None:
    """A negative number is no formula."""
    assert defuse(cell) == cell


def test_t54_coordinates_are_no_dates() -> None:
    """A spreadsheet takes 20.5 for the 20th of May, so measures in CSV are whole numbers."""
    _, row = csv.reader(io.StringIO(_export("csv", _reading(1, _text("a"))).decode("utf-8-sig")), delimiter=";")
    assert row[-6:] == ["97", "10", "20", "300", "40", ""]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(
    texts | st.sampled_from(["<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", '"><svg onload=1>'])
)
def test_t28_read_text_is_inert_in_html(text: str) -> None:
    """Whatever a document says, its HTML export has our own tags only and shows the text itself."""
    page = _Tags()
    cell = Block(Kind.TABLE, text, table=Table(1, 1, (Cell(0, 0, text),)))
    page.feed(_export("html", _reading(1, _text(text), cell), run=_run(text)).decode())
    assert page.seen <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "section",
        "header",
        "p",
        "table",
        "tr",
        "td",
    }
    assert text.replace("\r\n", "\n").strip() in page.text


def test_t27_no_export_indents_html_into_code() -> None:
    """A line of four spaces would make Markdown renderers show our HTML as code."""
    lines = _export("html", _reading(1, _text("a"), Block(Kind.TABLE, "", table=TABLE))).decode().splitlines()
    assert not [line for line in lines if line.startswith("    ")]


def test_t57_a_page_needs_no_network() -> None:
    """The HTML export names no other file: no font, script, style or picture from anywhere."""
    page = _export("html", _reading(1, _text("a"), Block(Kind.TABLE, "", table=TABLE))).decode()
    assert not re.search(r"(src|href|url|@import|<script|<link)", page)


def test_a_table_keeps_its_spans_in_html() -> None:
    """A cell over two columns says so, and header cells are header cells."""
    page = _export("html", _reading(1, Block(Kind.TABLE, "", table=TABLE))).decode()
    assert '<th colspan="2">Наименование</th>' in page
    assert "<tr><td>Бумага</td><td>1 200,50</td></tr>" in page


def test_a_table_is_a_table_in_markdown() -> None:
    """Every row has as many cells as the grid, under a header rule."""
    rows = _export("md", _reading(1, Block(Kind.TABLE, "", table=TABLE))).decode().splitlines()
    assert rows == ["| Наименование |  |", "| --- | --- |", "| Бумага | 1 200,50 |"]


@pytest.mark.parametrize("text", ["# не заголовок", "1. не список", "*не курсив*", "a|b", "<b>", "- не пункт", "a_b_c"])
def test_read_text_is_not_markdown(text: str) -> None:
    """Plain text that looks like Markdown is shown as the characters it is."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(_export("md", _reading(1, _text(text))).decode())
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    shown = "".join(child.content for child in tokens[1].children or [])
    assert shown == text


@given(st.lists(st.tuples(texts, st.sampled_from(list(Verdict))), max_size=4))
def test_json_is_valid_and_comes_back(pages: list[tuple[str, Verdict]]) -> None:
    """The JSON export satisfies the published schema and parses into an equal run."""
    readings = tuple(_reading(n, _text(text), verdict=verdict) for n, (text, verdict) in enumerate(pages, 1))
    content = _export("json", *readings)
    jsonschema.validate(json.loads(content), runs.json_schema())
    assert runs.from_json(content).readings == readings


def test_no_page_is_missing_from_any_format() -> None:
    """A page that was not read is in every export all the same."""
    good, bad = _reading(1, _text("первая")), _reading(2, verdict=Verdict.FAILED)
    assert _export("txt", good, bad).decode().count("\f") == 1
    assert "<!-- page 2 -->" in _export("md", good, bad).decode()
    assert 'id="page-2"' in _export("html", good, bad).decode()
    assert [
        row["page"] for row in csv.DictReader(io.StringIO(_export("csv", good, bad).decode("utf-8-sig")), delimiter=";")
    ] == ["1", "2"]
    assert [page["page"] for page in json.loads(_export("json", good, bad))["readings"]] == [1, 2]


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"pdf", "docx", "xlsx"}))
def test_an_export_is_written_page_by_page(name: str) -> None:
    """A writer asks for the next page only when the one before was handed out."""
    asked = 0

    def readings():
        nonlocal asked
        for page in range(1, 101):
            asked = page
            yield _reading(page, _text(f"страница {page}"))

    pieces = export(_run(), readings(), find(name))
    for _ in range(5):
        next(pieces)
    assert asked <= 6
