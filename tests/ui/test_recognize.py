"""«Распознавание» in a real browser, on the live server, with the embedded readers."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import httpx
import openpyxl
import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, expect

from chatvlmllm import forms
from chatvlmllm.bench.specimens import make
from chatvlmllm.document import open_document
from tests.conftest import encoded, picture
from tests.pdfs import text_pdf
from tests.ui import rig
from tests.ui.test_pages import DIM

pytestmark = pytest.mark.real

HOSTILE = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "=HYPERLINK\\(1;2\\)",
    "![p]\\(http://198.51.100.7/p.png\\) [l]\\(javascript:window.hacked=1\\)",
)


def drop(page: Page, *files: tuple[str, bytes], path: str = "/") -> None:
    """Open the page and choose files, as a drop would."""
    page.goto(path)
    rig.settled(page)
    uploads = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
    page.locator("input[type=file]").first.set_input_files(uploads)  # type: ignore[arg-type]
    expect(page.get_by_text(re.compile(r"^Выбрано: \d+ файл"))).to_be_visible()


def choose(page: Page, label: str, option: str) -> None:
    """Take an option of a select box, once nothing is drawn any more: a list that is redrawn closes."""
    rig.settled(page)
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def looks_well(page: Page, name: str) -> None:
    """Pictures in both themes and widths; nothing is dim or wider than the window."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_timeout(500)
            page.screenshot(path=rig.SHOTS / f"{name}-ru-{scheme}-{width}.png")
            assert page.evaluate(DIM) == []
            assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def read(page: Page, *files: tuple[str, bytes], model: str = "Embedded reader") -> None:
    """Drop files and wait until the first page is there."""
    drop(page, *files)
    choose(page, "Модель", model)
    page.get_by_role("button", name="Распознать").click()
    page.locator(".picture .box").first.wait_for(timeout=60_000)
    expect(page.get_by_text("Скачать", exact=True)).to_be_visible(timeout=60_000)


def table_page() -> bytes:
    """A ruled table of two columns with a heading above it."""
    image = Image.new("RGB", (800, 500), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(34)
    draw.text((60, 40), "Prices of the year", fill="black", font=font)
    for row, cells in enumerate((("Name", "Price"), ("Apple", "120"), ("Melon", "340"))):
        for column, text in enumerate(cells):
            box = (60 + 320 * column, 140 + 90 * row, 380 + 320 * column, 230 + 90 * row)
            draw.rectangle(box, outline="black", width=3)
            draw.text((box[0] + 20, box[1] + 24), text, fill="black", font=font)
    return encoded(image, "PNG")


def test_a_scan_becomes_boxes_and_text(page: Page) -> None:
    """Uploaded, a picture is read; a box chosen on it chooses its text, and the verdict is said in words."""
    read(page, ("scan.png", encoded(picture("Hello world"), "PNG")))
    expect(page.locator(".badge").first).to_contain_text("прочитана")
    expect(page.get_by_text("уверенность").first).to_be_visible()
    page.locator(".picture .box").first.click()
    chosen = page.locator(".reading .block.chosen")
    expect(chosen).to_contain_text("Hello world")
    page.locator(".picture .legend button").first.click()
    expect(page.locator(".picture .box")).to_have_count(0)
    page.get_by_label("Увеличить").click()
    expect(page.locator(".picture .zoom")).to_have_text("150 %")


def test_text_is_seen_while_its_page_is_read(page: Page, bench: rig.Workbench) -> None:
    """What a model has said of a page so far stands there before the page is read, with the model's name."""
    with bench.told("hold"):
        drop(page, ("scan.png", encoded(picture("Hello world"), "PNG")))
        choose(page, "Модель", "Qwen3-VL 2B")
        page.get_by_role("button", name="Распознать").click()
        aloud = page.locator(".aloud section")
        expect(aloud).to_contain_text("Вопросов 1")
        expect(aloud).to_contain_text(f"Страница 1 · читает {rig.MODEL}")
        expect(aloud).not_to_contain_text("image")
        expect(page.get_by_text("Прочитано страниц: 0 из 1")).to_be_visible()
        looks_well(page, "reading")
    expect(page.locator(".reading")).to_contain_text("in the image")
    expect(page.locator(".aloud")).to_have_count(0)


def test_t32_boxes_stand_where_the_words_are(page: Page) -> None:
    """A box on the screen covers the ink it belongs to, at every zoom."""
    image = Image.new("RGB", (1000, 600), "white")
    ImageDraw.Draw(image).text((600, 400), "CORNER", fill="black", font=ImageFont.load_default(60))
    ink = image.convert("L").point(lambda value: 255 * (value < 128)).getbbox()
    assert ink is not None
    read(page, ("corner.png", encoded(image, "PNG")))
    for _ in range(2):
        page.wait_for_timeout(300)
        sheet, box = page.locator(".picture img").bounding_box(), page.locator(".picture .box").first.bounding_box()
        assert sheet is not None
        assert box is not None
        scale = 1000 / sheet["width"]
        left, top = (box["x"] - sheet["x"]) * scale, (box["y"] - sheet["y"]) * scale
        right, bottom = left + box["width"] * scale, top + box["height"] * scale
        assert left <= ink[0] + 12
        assert top <= ink[1] + 12
        assert right >= ink[2] - 12
        assert bottom >= ink[3] - 12
        assert right - left < 400
        page.get_by_label("Увеличить").click()


def test_t54_edits_are_kept_and_exported(page: Page, bench: rig.Workbench) -> None:
    """A text put right survives a reload and is in the file that is downloaded; the raw answer stays as it was."""
    read(page, ("edit.png", encoded(picture("Hello world"), "PNG")))
    page.locator(".picture .box").first.click()
    area = page.get_by_label("Исправить выбранный блок")
    area.fill("Привет, мир; =1+1")
    page.get_by_role("button", name="Сохранить исправления").click()
    expect(page.get_by_text("исправлено вручную: 1")).to_be_visible()
    page.reload()
    expect(page.locator(".reading")).to_contain_text("Привет, мир")
    rig.settled(page)
    with page.expect_download(timeout=60_000) as taken:
        page.get_by_role("button", name="Скачать TXT").click()
    assert "Привет, мир; =1+1" in Path(taken.value.path()).read_text(encoding="utf-8")
    page.get_by_role("tab", name="Сырой ответ").click()
    expect(page.locator("[data-testid=stCode]")).to_contain_text("Hello")


def test_t54_fields_put_right_are_kept_and_inert_in_every_file(page: Page, bench: rig.Workbench) -> None:
    """A field's value that was changed is kept, and to the letter in JSON, CSV, XLSX and text, never acting."""
    value = "=HYPERLINK(1;2) <script>window.hacked=1</script>"
    read(page, ("Счёт.pdf", make("invoice", 3).pdf), model="PDF text layer")
    job = page.url.rpartition("job=")[2]
    page.get_by_role("tab", name="Поля").click()
    grid = page.locator("[data-testid=stDataFrame]")
    expect(grid).to_be_visible()
    rig.settled(page)
    fields = bench.get(f"/v1/jobs/{job}/files/0/fields")["fields"]
    key, row = next((one["key"], row) for row, one in enumerate(fields) if one["key"] == "number")
    place = grid.bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + 30, place["y"] + 35 + 17)
    for direction in ("ArrowRight", *["ArrowDown"] * row, "Enter"):
        page.keyboard.press(direction)
    page.locator("#portal textarea, .gdg-style textarea, textarea.gdg-input").last.fill(value)
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    rig.settled(page)
    page.get_by_role("button", name="Сохранить исправления").click()
    expect(page.get_by_text("Исправления сохранены и войдут в файлы для скачивания.")).to_be_visible()
    assert bench.get(f"/v1/jobs/{job}/files/0/corrections")["fields"] == {key: value}
    page.reload()
    page.get_by_role("tab", name="Поля").click()
    for format in ("JSON", "CSV", "XLSX", "TXT"):
        rig.settled(page)
        with page.expect_download(timeout=60_000) as taken:
            page.get_by_role("button", name=f"Поля: {format}").click()
        content = Path(taken.value.path()).read_bytes()
        check(f"fields.{format.lower()}", content)
        assert value in told(format, content)
    with page.expect_download(timeout=60_000) as taken:
        page.get_by_role("button", name="Скачать всё").click()
    packed = zipfile.ZipFile(taken.value.path())
    for name in packed.namelist():
        if ".fields." in name:
            check(name, packed.read(name))


def told(format: str, content: bytes) -> str:
    """Everything that a file of fields says, as text."""
    if format == "XLSX":
        sheets = openpyxl.load_workbook(io.BytesIO(content))
        return "\n".join(str(cell.value) for sheet in sheets for row in sheet.iter_rows() for cell in row)
    text = content.decode("utf-8-sig")
    return json.dumps(json.loads(text), ensure_ascii=False) if format == "JSON" else text


def test_t49_document_types_are_there_whatever_model_is(page: Page) -> None:
    """With a model of the user's own server at work, every document type can be chosen, and fields are found."""
    drop(page, ("Счёт.pdf", make("invoice", 3).pdf))
    choose(page, "Модель", "Qwen3-VL 2B")
    rig.settled(page)
    page.get_by_role("combobox", name=re.compile("Тип документа")).click()
    options = page.get_by_role("option")
    expect(options.first).to_have_text("Определить")
    assert options.count() >= min(10, len(forms.forms()))
    page.keyboard.press("Escape")
    choose(page, "Модель", "PDF text layer")
    page.get_by_role("button", name="Распознать").click()
    page.get_by_role("tab", name="Поля").click(timeout=60_000)
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible()


def test_t34_a_layout_shows_its_boxes_and_its_table(page: Page) -> None:
    """A page that a model was asked to lay out has its boxes on the picture and its table in a grid, in one go."""
    drop(page, ("scan.png", table_page()))
    choose(page, "Что нужно", "Разметка страницы с рамками")
    choose(page, "Модель", "Qwen3-VL 2B")
    rig.settled(page)
    page.get_by_role("button", name="Распознать").click()
    expect(page.locator(".picture .box")).to_have_count(3)
    expect(page.locator(".reading .block.heading")).to_contain_text("Заголовок")
    page.get_by_role("tab", name="Таблицы").click()
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible()


def test_t53_an_open_page_outlives_its_server(page: Page, bench: rig.Workbench) -> None:
    """When the server is another one, the page that was open still shows what it had and reads the next document."""
    read(page, ("first.png", encoded(picture("FIRST"), "PNG")))
    bench.kill_server()
    bench.start_server()
    page.get_by_role("tab", name="Markdown").click()
    expect(page.locator(".paper")).to_contain_text("FIRST")
    page.get_by_role("button", name="Новый документ").click()
    rig.settled(page)
    uploads = [{"name": "second.pdf", "mimeType": "application/pdf", "buffer": text_pdf("SECOND")}]
    page.locator("input[type=file]").first.set_input_files(uploads)  # type: ignore[arg-type]
    page.get_by_role("button", name="Распознать").click()
    expect(page.locator(".reading")).to_contain_text("SECOND")
    expect(page.get_by_text("FIRST")).to_have_count(0)


def test_both_stages_of_a_page_are_told(page: Page, bench: rig.Workbench) -> None:
    """A page that was drafted by one model and read by another shows both attempts and both raw answers."""
    files = [("files", ("page.png", encoded(picture("DRAFTED"), "PNG")))]
    wishes = {"model": rig.MODEL, "draft": "embedded", "lang": "eng", "witness": "off"}
    posted = httpx.post(bench.server.url + "/v1/jobs", files=files, data=wishes, trust_env=False, timeout=60)
    job = posted.json()["id"]
    rig.until(lambda: bench.get(f"/v1/jobs/{job}")["state"] == "finished", 60)
    page.goto(f"/?job={job}")
    rig.settled(page)
    page.get_by_text("Как читалась страница").click()
    for stage in ("первый из двух проходов", "второй из двух проходов"):
        expect(page.get_by_text(stage).first).to_be_visible()
    page.get_by_role("tab", name="Сырой ответ").click()
    expect(page.locator("pre", has_text="DRAFTED").first).to_be_visible()
    expect(page.locator("[data-testid=stCaptionContainer]", has_text=rig.MODEL).first).to_be_visible()


def test_t54_no_result_under_another_file(page: Page) -> None:
    """With the next document the result before it is gone from the page."""
    read(page, ("first.png", encoded(picture("FIRST"), "PNG")))
    page.get_by_role("button", name="Новый документ").click()
    expect(page.locator(".picture")).to_have_count(0)
    page.locator("input[type=file]").first.set_input_files(
        [{"name": "second.png", "mimeType": "image/png", "buffer": encoded(picture("SECOND"), "PNG")}]
    )
    page.wait_for_timeout(500)
    expect(page.get_by_text("FIRST")).to_have_count(0)


def test_t27_t28_a_hostile_document_is_inert_in_every_tab_and_file(page: Page, bench: rig.Workbench) -> None:
    """Markup, scripts, links, pictures and formulas of a document are text on every tab and in every download."""
    read(page, ("hostile <b>&.pdf", text_pdf(*HOSTILE)), model="PDF text layer")
    for tab in ("Текст", "Markdown", "Таблицы", "Поля", "JSON", "Сырой ответ"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(700)
        panel = page.locator("[data-testid=stTabs]")
        assert panel.locator("img[src^=http], a[href^=javascript], script, iframe").count() == 0
        assert page.evaluate("window.hacked") is None
    page.get_by_role("tab", name="Markdown").click()
    expect(page.locator(".paper")).to_contain_text("<script>window.hacked=1</script>")
    rig.settled(page)
    with page.expect_download(timeout=60_000) as taken:
        page.get_by_role("button", name="Скачать всё").click()
    packed = zipfile.ZipFile(taken.value.path())
    for name in packed.namelist():
        check(name, packed.read(name))


def check(name: str, content: bytes) -> None:
    """Nothing in a downloaded file acts."""
    if name.endswith((".html", ".hocr", ".xml")):
        text = content.decode()
        assert "&lt;script&gt;" in text
        assert "<script>window" not in text
        assert not re.search(r"<img|onerror=(?!window)", text)
    elif name.endswith(".csv"):
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "@")]
    elif name.endswith(".xlsx"):
        for sheet in openpyxl.load_workbook(io.BytesIO(content)):
            assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f" or cell.hyperlink]
    elif name.endswith(".pdf"):
        with pikepdf.open(io.BytesIO(content)) as pdf:
            assert "/OpenAction" not in pdf.Root
            assert all("/Annots" not in one for one in pdf.pages)
    elif name.endswith(".docx"):
        inner = zipfile.ZipFile(io.BytesIO(content))
        assert b"<script>" not in inner.read("word/document.xml")
        assert not [one for one in inner.namelist() if "vba" in one.lower()]
    elif name.endswith(".json"):
        json.loads(content)


def test_t30_tables_are_grids_that_can_be_put_right(page: Page, bench: rig.Workbench) -> None:
    """A ruled table is a grid with its own key; a changed cell is in the export, the others as read."""
    read(page, ("table.png", table_page()))
    job = page.url.rpartition("job=")[2]
    page.get_by_role("tab", name="Таблицы").click()
    grid = page.locator("[data-testid=stDataFrame]")
    expect(grid).to_be_visible()
    rig.settled(page)
    cell = grid.bounding_box()
    assert cell is not None
    page.mouse.dblclick(cell["x"] + cell["width"] * 0.6, cell["y"] + 35 * 2 + 17)
    editor = page.locator("#portal textarea, .gdg-style textarea, textarea.gdg-input").last
    editor.wait_for()
    editor.fill("999")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    rig.settled(page)
    page.get_by_role("button", name="Сохранить исправления").click()
    expect(page.get_by_text("исправлено вручную: 1")).to_be_visible()
    cells = bench.get(f"/v1/jobs/{job}/files/0/corrections")["cells"]
    assert list(cells.values()) == ["999"]


def test_a_long_document_is_read_page_by_page(page: Page) -> None:
    """Pages of a PDF come as thumbnails; one that is chosen is shown, and the strip holds only those around it."""
    read(page, ("long.pdf", text_pdf("A page of many", pages=30)), model="PDF text layer")
    expect(page.locator(".strip .leaf").first).to_be_visible()
    rig.settled(page)
    assert page.locator(".strip .leaf").count() <= 13
    page.locator(".strip .leaf").nth(3).click()
    expect(page.locator(".strip .leaf[aria-current=page]")).to_contain_text("4")
    expect(page.locator(".picture .view").first).to_have_attribute("aria-label", re.compile("Страница 4"))


def test_pages_are_chosen_from_thumbnails(page: Page, bench: rig.Workbench) -> None:
    """Dropped, a long PDF shows a window of its pages; pages clicked off or typed are those that the job reads."""
    drop(page, ("long.pdf", text_pdf("A page of many", pages=200)))
    leaves = page.locator(".strip .leaf")
    expect(leaves).to_have_count(12)
    expect(page.locator(".route")).to_contain_text("PDF text layer: в PDF есть текст")
    page.get_by_role("button", name="Дальше").click()
    expect(leaves.first).to_contain_text("13")
    field = page.get_by_role("textbox", name="Какие страницы читать")
    field.fill("13-15")
    field.press("Enter")
    expect(page.get_by_text("выбрано: 3.")).to_be_visible()
    leaves.nth(1).click()
    expect(field).to_have_value("13,15")
    rig.settled(page)
    looks_well(page, "choosing")
    page.get_by_role("button", name="Распознать").click()
    page.wait_for_url(re.compile("job="))
    job = bench.get(f"/v1/jobs/{page.url.rpartition('job=')[2]}")
    assert job["files"][0]["wanted"] == [13, 15]


def test_a_file_without_a_chosen_page_is_not_read(page: Page, bench: rig.Workbench) -> None:
    """Of two files one has no page left: the job is about the other one, and about its chosen pages only."""
    drop(page, ("first.pdf", text_pdf("ONE", pages=3)), ("second.pdf", text_pdf("TWO", pages=3)))
    page.get_by_role("button", name="Ни одной").click()
    expect(page.get_by_text("выбрано: 0.")).to_be_visible()
    choose(page, "Файл", "second.pdf")
    rig.settled(page)
    page.locator(".strip .leaf").first.click()
    expect(page.get_by_text("выбрано: 2.")).to_be_visible()
    rig.settled(page)
    page.get_by_role("button", name="Распознать").click()
    page.wait_for_url(re.compile("job="))
    files = bench.get(f"/v1/jobs/{page.url.rpartition('job=')[2]}")["files"]
    assert [(file["name"], file["wanted"]) for file in files] == [("second.pdf", [2, 3])]


def test_auto_names_its_choice_before_reading(page: Page) -> None:
    """The model that «Авто» would ask and the reason stand there before anything is read, and follow the choices."""
    drop(page, ("scan.png", encoded(picture("Hello world"), "PNG")))
    route = page.locator(".route")
    expect(route).to_contain_text("«Авто» выберет модель Qwen3-VL 2B: универсальная модель, знающая язык.")
    expect(route).to_contain_text("Если она подведёт: Embedded reader")
    choose(page, "Тип документа", "Паспорт гражданина РФ")
    expect(route).to_contain_text("удостоверение личности")
    choose(page, "Модель", "Embedded reader")
    expect(route).to_have_count(0)


def test_what_cannot_be_read_says_why(page: Page) -> None:
    """A file that is no picture is refused in words, with what to do; nothing else breaks."""
    drop(page, ("broken.png", b"\x89PNG\r\n\x1a\nbroken"))
    page.get_by_role("button", name="Распознать").click()
    expect(page.get_by_role("alert").first).to_contain_text("broken")
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def test_every_format_can_be_taken_home(page: Page) -> None:
    """Each export format downloads under its own name and holds the text."""
    from chatvlmllm.export import FORMATS
    from chatvlmllm.ui.words import catalogue

    read(page, ("scan.png", encoded(picture("Hello world"), "PNG")))
    for name, format in FORMATS.items():
        choose(page, "Формат", catalogue("ru")[f"formats.{name}"])
        rig.settled(page)
        with page.expect_download(timeout=60_000) as taken:
            page.get_by_role("button", name=f"Скачать {name.upper()}", exact=True).click()
        assert taken.value.suggested_filename == f"scan.png{format.suffix}"
        said = opened(name, Path(taken.value.path()).read_bytes())
        assert "Hello" in said, name
        assert "world" in said, name


def opened(format: str, content: bytes) -> str:
    """What a downloaded file says, opened as its reader would."""
    if format == "pdf":
        with open_document(content) as document:
            layer = next(document.pages()).text_layer()
            return layer.text if layer is not None else ""
    if format == "docx":
        return zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml").decode()
    return json.dumps(json.loads(content)) if format == "json" else told(format.upper(), content)
