"""Archive exports: text lies where it stands on the page, nothing is lost, hostile text is inert."""

import io
import random
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chatvlmllm.document import open_document
from chatvlmllm.errors import PicturesMissing
from chatvlmllm.export import FORMATS, export, find, notices
from chatvlmllm.export.located import located
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Cell, Evidence, Format, Kind, Line, Reading, Table, Verdict, Word
from chatvlmllm.run import Options, Run, Source
from tests.conftest import SAMPLES, Outcome, encoded
from tests.pdfs import breaches_of_pdfa

A4 = Size(2480, 3508)
_SAID = "Исполнитель Заказчик договор оплата № 792 от 29.06.2025 «Ёлки-Иголки» ИНН 3695842320 сумма, руб. — кв.м"
VOCABULARY = _SAID.split()
HOSTILE = ["\x00", "\x1b[31m", "<script>alert(1)</script>", '"/><x a="', "]]>", "&amp;&#x26;", "\ufffe\uffff", "=1+1"]
HOSTILE.append("\ud800")


def _run(name: str = "акт.png") -> Run:
    return Run(
        document=Source(name=name),
        options=Options(),
        environment={"chatvlmllm": "0.1.0"},
        started="2026-01-01T00:00:00+00:00",
    )


def _page(*blocks: Block, number: int = 1, size: Size = A4, words: tuple[Word, ...] = ()) -> Reading:
    return Reading(
        page=number,
        size=size,
        verdict=Verdict.OK,
        asked="auto",
        answered="embedded",
        blocks=blocks,
        evidence=Evidence(words=words),
    )


def _line(words: list[Word]) -> Line:
    box = Box(words[0].box.x1, words[0].box.y1, words[-1].box.x2, words[0].box.y2)
    return Line(" ".join(word.text for word in words), box, tuple(words))


def _generated(seed: int) -> list[Line]:
    """Lines of words with known boxes on an A4 page at 300 dpi."""
    chance = random.Random(seed)
    lines, top = [], 200.0
    while top < A4.height - 300:
        height, left, words = chance.uniform(25, 70), chance.uniform(100, 400), []
        while left < A4.width - 700:
            text = chance.choice(VOCABULARY)
            width = len(text) * height * chance.uniform(0.4, 0.8)
            words.append(Word(text, Box(left, top, left + width, top + height)))
            left += width + height * chance.uniform(0.3, 0.9)
        lines.append(_line(words))
        top += height * chance.uniform(1.2, 2.5)
    return lines


def _scan(tmp_path: Path, size: Size = A4, frames: int = 1) -> Path:
    """White pages at 300 dpi."""
    path = tmp_path / "scan.tiff"
    pages = [Image.new("L", (size.width, size.height), 255) for _ in range(frames)]
    pages[0].save(path, save_all=True, append_images=pages[1:], dpi=(300, 300), compression="tiff_deflate")
    return path


def _pdf(scan: Path, *readings: Reading, run: Run | None = None) -> bytes:
    with open_document(scan) as document:
        return b"".join(export(run or _run(), readings, find("pdf"), document=document))


def _words_of(pdf: bytes, index: int = 0, dpi: float = 300) -> list[tuple[str, Box]]:
    """What a viewer selects: words and their boxes in pixels, by PDFium."""
    page = pypdfium2.PdfDocument(pdf)[index]
    text, (_, height) = page.get_textpage(), page.get_size()
    found: list[tuple[str, list[tuple[float, ...]]]] = [("", [])]
    for at in range(text.count_chars()):
        char = text.get_text_range(at, 1)
        if char.isspace() or not char:
            found.append(("", []))
        else:
            found[-1] = (found[-1][0] + char, [*found[-1][1], text.get_charbox(at)])
    scale = dpi / 72
    return [
        (
            word,
            Box(
                min(b[0] for b in boxes) * scale,
                (height - max(b[3] for b in boxes)) * scale,
                max(b[2] for b in boxes) * scale,
                (height - min(b[1] for b in boxes)) * scale,
            ),
        )
        for word, boxes in found
        if boxes
    ]


def _off(one: Box, other: Box) -> float:
    pairs = ((one.x1, other.x1), (one.y1, other.y1), (one.x2, other.x2), (one.y2, other.y2))
    return max(abs(a - b) for a, b in pairs)


@pytest.mark.parametrize("seed", range(3))
def test_text_selects_where_it_stands(seed: int, tmp_path: Path) -> None:
    """Every word of a searchable PDF is selected within 3 pixels of its place at 300 dpi, in reading order."""
    lines = _generated(seed)
    block = Block(Kind.TEXT, "\n".join(line.text for line in lines), lines=tuple(lines))
    found = _words_of(_pdf(_scan(tmp_path), _page(block)))
    wanted = [(word.text, word.box) for line in lines for word in line.words]
    assert [text for text, _ in found] == [text for text, _ in wanted]
    assert max(_off(box, true) for (_, box), (_, true) in zip(found, wanted, strict=True)) <= 3


def test_a_russian_phrase_is_found_in_a_recognised_scan(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    """`recognize --format pdf` of the shipped scan: a search finds words and phrases, the picture is under them."""
    assert cli("recognize", SAMPLES / "sample.png", "-f", "pdf", "-o", tmp_path).code == 0
    data = (tmp_path / "sample.searchable.pdf").read_bytes()
    page = pypdfium2.PdfDocument(data)[0]
    for phrase in ("Исполнитель", "договору", "генерального директора"):
        assert page.get_textpage().search(phrase, match_case=True).get_next() is not None, phrase
    drawn = page.render(scale=1).to_pil().convert("L").histogram()
    assert sum(drawn[:128]) > 1000, "the scan's ink is seen"
    assert breaches_of_pdfa(data) == []


def test_the_text_of_a_searchable_pdf_is_invisible(tmp_path: Path) -> None:
    """The layer over a white page leaves it white."""
    block = Block(Kind.TEXT, "", lines=tuple(_generated(1)))
    drawn = pypdfium2.PdfDocument(_pdf(_scan(tmp_path), _page(block)))[0].render(scale=1).to_pil().convert("L")
    assert drawn.getextrema() == (255, 255)


def test_a_long_pdf_has_every_page_in_order(tmp_path: Path) -> None:
    """A document of more pages than are kept in memory at once comes out whole."""
    size = Size(300, 200)
    pages = [_page(_text(f"страница{n}", Box(10, 10, 200, 40)), number=n, size=size) for n in range(1, 41)]
    data = _pdf(_scan(tmp_path, size, 40), *pages)
    assert [_words_of(data, n)[0][0] for n in range(40)] == [f"страница{n}" for n in range(1, 41)]
    assert breaches_of_pdfa(data) == []


def test_a_pdf_needs_the_pictures() -> None:
    """Without the document there is an error, not a file of white pages."""
    with pytest.raises(PicturesMissing):
        list(export(_run(), [], find("pdf")))


def _text(text: str, box: Box | None = None) -> Block:
    return Block(Kind.TEXT, text, box)


WITNESS = _generated(7)[:12]


@pytest.mark.parametrize("order", ["same", "blocks swapped"])
def test_text_without_boxes_takes_those_of_the_witness(order: str) -> None:
    """A model's text is laid over the second reader's words, also where it reads the page in another order."""
    halves = [WITNESS[:6], WITNESS[6:]] if order == "same" else [WITNESS[6:], WITNESS[:6]]
    words = tuple(word for line in WITNESS for word in line.words)
    blocks = [_text("\n".join(line.text for line in half)) for half in halves]
    found = located(_page(*blocks, words=words))
    placed = [word for block in found.blocks for line in block.lines for word in line.words]
    said = [word for half in halves for line in half for word in line.words if any(map(str.isalnum, word.text))]
    shown = {(word.text.split()[0], word.box) for word in placed}
    assert sum((word.text, word.box) in shown for word in said) >= 0.97 * len(said)


@given(st.lists(st.sampled_from([*VOCABULARY, "Чужое", "слово"]), max_size=30), st.integers(0, 3))
@settings(max_examples=40)
def test_no_word_is_dropped_whatever_the_witness_saw(said: list[str], rows: int) -> None:
    """Every word of the answer is either placed or listed, in each format."""
    words = tuple(word for line in WITNESS[:rows] for word in line.words)
    reading = _page(_text(" ".join(said)), words=words)
    found = located(reading)
    placed = [word.text for block in found.blocks for line in block.lines for word in line.words]
    assert sorted(" ".join([*placed, *found.unplaced]).split()) == sorted(said)
    for name in ("hocr", "alto"):
        written = b"".join(export(_run(), [reading], find(name))).decode()
        assert all(word.replace('"', "") in written for word in said)


def test_unplaced_text_is_told_and_can_be_searched(tmp_path: Path) -> None:
    """What the witness has no word for is named in a notice, and a search in the PDF still finds its page."""
    words = tuple(word for line in WITNESS for word in line.words)
    text = "\n".join(line.text for line in WITNESS) + "\nПриписка карандашом"
    reading = _page(_text(text), words=words)
    told = [notice for notice in notices(reading, [find("pdf")]) if notice.code == "text_unplaced"]
    assert "Приписка карандашом" in str(told[0].details["text"])
    assert notices(reading, [find("txt")]) == ()
    page = pypdfium2.PdfDocument(_pdf(_scan(tmp_path), reading))[0]
    assert page.get_textpage().search("карандашом").get_next() is not None


def test_text_in_a_frame_stays_in_the_frame() -> None:
    """A block with a frame and no words has its text spread inside the frame, said to be a guess."""
    frame = Box(200, 300, 1200, 700)
    reading = _page(_text("слово " * 60, frame))
    found = located(reading)
    boxes = [word.box for line in found.blocks[0].lines for word in line.words]
    assert len(boxes) == 60
    assert all(frame.overlap(box) >= 0.99 * box.area for box in boxes)
    assert [notice.code for notice in notices(reading, [find("alto")])] == ["text_placed_roughly"]


hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), min_size=1, max_size=6).map("".join)


@given(hostile)
@settings(max_examples=60)
def test_t28_read_text_is_inert_in_xml(text: str) -> None:
    """Whatever a document says, hOCR and ALTO are well formed and have our own elements only."""
    words = (Word(text, Box(1, 2, 30, 40), 0.5),)
    table = Block(Kind.TABLE, text, table=Table(1, 1, (Cell(0, 0, text),)))
    block = Block(Kind.TEXT, text, lines=(Line(text, Box(1, 2, 30, 40), words),))
    for name, allowed in (
        ("hocr", {"html", "head", "title", "meta", "body", "div", "span", "p"}),
        ("alto", None),
    ):
        root = ET.fromstring(b"".join(export(_run(text), [_page(block, table, _text(text))], find(name))))
        seen = {element.tag.split("}")[1] for element in root.iter()}
        assert allowed is None or seen <= allowed
        ids = [
            element.get("id") or element.get("ID") for element in root.iter() if element.get("id") or element.get("ID")
        ]
        assert len(ids) == len(set(ids))


def test_alto_and_hocr_say_where_words_stand() -> None:
    """A word's text, box and confidence come back from both formats."""
    line = _line([Word("Счёт", Box(10.4, 20, 60, 40), 0.98), Word("«№»", Box(70, 20, 90, 40))])
    reading = _page(Block(Kind.HEADING, line.text, line.box, lines=(line,)))
    alto = ET.fromstring(b"".join(export(_run(), [reading], find("alto"))))
    first, second = alto.iter("{http://www.loc.gov/standards/alto/ns-v4#}String")
    assert first.attrib == {
        "CONTENT": "Счёт",
        "HPOS": "10",
        "VPOS": "20",
        "WIDTH": "50",
        "HEIGHT": "20",
        "WC": "0.9800",
    }
    assert second.get("CONTENT") == "«№»"
    hocr = ET.fromstring(b"".join(export(_run(), [reading], find("hocr"))))
    titles = {e.text: e.get("title") for e in hocr.iter() if e.get("class") == "ocrx_word"}
    assert titles == {"Счёт": "bbox 10 20 60 40; x_wconf 98", "«№»": "bbox 70 20 90 40"}


TABLE = Table(
    3,
    3,
    (
        Cell(0, 0, "Наименование", rows=2, header=True),
        Cell(0, 1, "Сумма", columns=2, header=True),
        Cell(1, 1, "без НДС"),
        Cell(1, 2, "с НДС"),
        Cell(2, 0, "=cmd|' /C calc'!A0"),
        Cell(2, 1, "1 200,50"),
        Cell(2, 2, "007"),
    ),
)


def test_a_word_document_keeps_headings_lists_and_spans() -> None:
    """Blocks come back from the DOCX as what they are, cells merged as they span."""
    blocks = (
        Block(Kind.TITLE, "Акт № 792"),
        Block(Kind.HEADING, "Состав работ", level=3),
        Block(Kind.TEXT, "Первая строка\nвторая строка"),
        Block(Kind.LIST, "- шпалы\n2) рельсы"),
        Block(Kind.TABLE, "", table=TABLE),
    )
    data = b"".join(export(_run(), [_page(*blocks), _page(_text("Лист 2"), number=2)], find("docx")))
    document = docx.Document(io.BytesIO(data))
    shown = [(p.style.name, p.text) for p in document.paragraphs if p.text.strip()]
    assert shown == [
        ("Heading 1", "Акт № 792"),
        ("Heading 3", "Состав работ"),
        ("Normal", "Первая строка\nвторая строка"),
        ("List Bullet", "шпалы"),
        ("List", "2) рельсы"),
        ("Normal", "Лист 2"),
    ]
    grid = document.tables[0]
    assert grid.cell(0, 0)._tc is grid.cell(1, 0)._tc
    assert grid.cell(0, 1)._tc is grid.cell(0, 2)._tc
    assert [cell.text for cell in grid.rows[2].cells] == ["=cmd|' /C calc'!A0", "1 200,50", "007"]


def test_a_workbook_has_the_tables_with_spans_numbers_and_no_formula() -> None:
    """Quantities are numbers, codes stay text, spans are merged and nothing is run."""
    data = b"".join(export(_run(), [_page(Block(Kind.TABLE, "=1", table=TABLE))], find("xlsx")))
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book["1-1"]
    assert {str(area) for area in sheet.merged_cells.ranges} == {"A1:A2", "B1:C1"}
    assert (sheet["B3"].value, sheet["B3"].number_format) == (1200.5, "#,##0.00")
    assert sheet["C3"].value == "007"
    assert sheet["A3"].value.endswith("=cmd|' /C calc'!A0")
    assert not [cell for page in book for row in page.iter_rows() for cell in row if cell.data_type == "f"]


@given(hostile)
@settings(max_examples=25)
def test_hostile_text_breaks_no_office_file(text: str) -> None:
    """Control characters and markup leave DOCX and XLSX readable and say nothing to the program that opens them."""
    table = Block(Kind.TABLE, text, table=Table(1, 1, (Cell(0, 0, text),)))
    reading = _page(_text(text), Block(Kind.HEADING, text), Block(Kind.LIST, text), table)
    docx.Document(io.BytesIO(b"".join(export(_run(text), [reading], find("docx")))))
    openpyxl.load_workbook(io.BytesIO(b"".join(export(_run(text), [reading], find("xlsx")))))


@given(hostile)
@settings(max_examples=25)
def test_hostile_text_is_inert_in_a_pdf(text: str) -> None:
    """Text stays text: no operator, no script, and the file keeps the rules of PDF/A."""
    picture = io.BytesIO(encoded(Image.new("RGB", (60, 60), "white"), "PNG"))
    line = Line(text, Box(1, 2, 30, 40), (Word(text, Box(1, 2, 30, 40)),))
    reading = _page(Block(Kind.TEXT, text, lines=(line,)), _text(text), size=Size(60, 60))
    with open_document(picture.getvalue()) as document:
        data = b"".join(export(_run(text), [reading], find("pdf"), document=document))
    assert breaches_of_pdfa(data) == []


def test_every_format_writes_a_page_that_could_not_be_read(tmp_path: Path) -> None:
    """A failed page without size, text or picture is in each file and breaks none."""
    failed = replace(_page(size=Size(1, 1)), verdict=Verdict.FAILED, answered=None)
    with open_document(_scan(tmp_path, Size(50, 50))) as document:
        for format in FORMATS.values():
            assert b"".join(export(_run(), [failed], format, document=document))


def test_markup_of_a_model_is_no_word() -> None:
    """Tags and table bars of a model's Markdown are not laid over the page."""
    block = Block(Kind.TEXT, "## **Акт** | <b>сдачи</b>", Box(0, 0, 400, 40), Format.MARKDOWN)
    words = [word.text for line in located(_page(block)).blocks[0].lines for word in line.words]
    assert words == ["Акт", "сдачи"]
