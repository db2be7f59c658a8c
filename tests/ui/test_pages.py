"""Every page: how it looks, that it can be read, that it survives being opened first; batches, models, comparisons."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from chatvlmllm.bench.specimens import make, raster
from chatvlmllm.ui.words import catalogue
from tests.conftest import encoded, picture
from tests.hub import Hub
from tests.pdfs import text_pdf
from tests.ui import rig
from tests.ui.rig import settled

pytestmark = pytest.mark.real

PAGES = ("recognize", "chat", "compare", "batch", "history", "models", "about")

#: Every visible text whose contrast with what is behind it is below WCAG AA (4.5, or 3 for large text).
DIM = """() => {
  const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = (c) => { const f = c.map((v) => linear(v / 255));
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number);
    return { rgb: n.slice(0, 3), a: n[3] ?? 1 }; };
  const over = (top, a, low) => top.map((v, i) => v * a + low[i] * (1 - a));
  const ground = (element) => { const layers = [];
    for (let e = element; e; e = e.parentElement ?? e.getRootNode().host)
      layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((low, one) => over(one.rgb, one.a, low), [255, 255, 255]); };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement, style = getComputedStyle(element);
    if (!node.data.trim() || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    if (element.closest(":disabled, [aria-disabled=true], style, script, [data-testid=stIconMaterial]")) continue;
    if (style.fontSize === "0px" || element.getBoundingClientRect().width < 2) continue;
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    const low = ground(element), colour = parse(style.color);
    const a = light(over(colour.rgb, colour.a * opacity, low)), b = light(low);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), size = parseFloat(style.fontSize);
    if (ratio < (size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5) - .01)
      found.push(`${ratio.toFixed(2)} ${node.data.trim().slice(0, 40)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def filled(bench: rig.Workbench) -> dict[str, str]:
    """Addresses of every page with something on it: an invoice that was drawn, read, asked about and compared."""
    invoice = make("invoice", 3)
    png = encoded(raster(invoice, 0, 150), "PNG")
    base = bench.server.url

    def post(path: str, **more: object) -> dict[str, str]:
        return httpx.post(base + path, trust_env=False, timeout=60, **more).json()  # type: ignore[arg-type]

    def job(model: str, *files: tuple[str, bytes]) -> str:
        uploads = [("files", file) for file in files]
        number = post("/v1/jobs", files=uploads, data={"model": model, "kind": "invoice"})["id"]
        rig.until(lambda: bench.get(f"/v1/jobs/{number}")["state"] == "finished", 120)
        return number

    first, second = job("embedded", ("Счёт.png", png)), job("tesseract", ("Счёт.png", png))
    many = job("text_layer", *[(f"Договор {n}.pdf", text_pdf(f"Contract {n}")) for n in range(1, 9)])
    long = job("text_layer", ("Отчёт.pdf", text_pdf("A page of a report", pages=40)))
    chat = post("/v1/chats", json={"title": "Что в счёте?"})["id"]
    post(f"/v1/chats/{chat}/pictures", files=[("files", ("Счёт.png", png))])
    answer = {"role": "assistant", "asked": rig.MODEL, "model": rig.MODEL, "seen": [1], "finish": "stop", "stop": "end"}
    answer |= {"verdict": "ok", "seconds": 2.4, "tokens": 31, "pages": [], "broken": ""}
    asked = {"role": "user", "text": "Какая сумма к оплате?", "pictures": [1], "task": "chat"}
    told = f"К оплате **{invoice.fields['total']['value']}** рублей, НДС уже внутри."
    kept = {"title": "Что в счёте?", "messages": [asked, {**answer, "text": told}]}
    httpx.put(f"{base}/v1/chats/{chat}", json=kept, trust_env=False, timeout=60).raise_for_status()
    return {
        "recognize": "/?",
        "result": f"/?job={first}&",
        "long": f"/?job={long}&",
        "chat": f"/chat?chat={chat}&",
        "compare": f"/compare?jobs={first},{second}&",
        "batch": f"/batch?batch={many}&",
        **{name: f"/{name}?" for name in ("history", "models", "about")},
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_t29_t51_t57_every_page_can_be_read_in_both_themes(
    chromium: Browser, bench: rig.Workbench, filled: dict[str, str], shots: Path, scheme: str, language: str
) -> None:
    """No page fails when it is the first to be opened, asks another machine for anything, or shows dim text."""
    for width in (1440, 390):
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 400 else 844},
            color_scheme=scheme,  # type: ignore[arg-type]
            base_url=bench.url,
        )
        page, elsewhere = context.new_page(), []
        page.on("request", lambda request, urls=elsewhere: urls.append(request.url))
        for name, path in filled.items():
            page.goto(f"{path}lang={language}")
            settled(page)
            title = name if name in PAGES else "recognize"
            expect(page.locator("h1").first).to_have_text(catalogue(language)[f"pages.{title}"])
            assert page.locator("[data-testid=stException]").count() == 0
            page.screenshot(path=shots / f"{name}-{language}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate(DIM) == [], name
            assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), f"{name} is wider than {width}"
        context.close()
        assert [url for url in elsewhere if not url.startswith((bench.url, "data:", "blob:"))] == []


def test_failed_pages_are_read_again_by_one_button(page: Page, bench: rig.Workbench) -> None:
    """Two files of three meet a model that gives no answer; the button reads these two again, and they are read."""
    page.goto("/batch")
    settled(page)
    files = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": encoded(picture(f"Number {n}"), "PNG")}
             for n in range(2)]  # fmt: skip
    files.append({"name": "blank.png", "mimeType": "image/png", "buffer": encoded(picture(""), "PNG")})
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("combobox", name=re.compile("Модель")).click()
    page.get_by_role("option", name="Qwen3-VL 2B", exact=True).click()
    settled(page)
    page.get_by_text("Дополнительно").click()
    page.get_by_text("Если модель подведёт, прочитать другой").click()
    settled(page)
    with bench.told("refuse"):
        page.get_by_role("button", name="Начать").click()
        again = page.get_by_role("button", name="Повторить неудачные (2)")
        expect(again).to_be_visible(timeout=60_000)
        page.screenshot(path=rig.SHOTS / "batch-failed.png")
        first = page.url.rpartition("batch=")[2]
    # An engine that failed so often is left alone for a while.
    rig.until(lambda: answers(bench), seconds=300)
    again.click()
    page.wait_for_url(lambda url: "batch=" in url and first not in url)
    expect(page.get_by_role("button", name="Всё (zip)")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Повторить неудачные")).to_have_count(0)
    job = bench.get(f"/v1/jobs/{page.url.rpartition('batch=')[2]}")
    assert [file["name"] for file in job["files"]] == ["0.png", "1.png"]
    assert "failed" not in job["verdicts"]


def answers(bench: rig.Workbench) -> bool:
    """Whether the model says something."""
    asked = {"model": rig.MODEL, "messages": [{"role": "user", "content": "Есть кто?"}]}
    url = f"{bench.server.url}/v1/chat/completions"
    return httpx.post(url, json=asked, trust_env=False, timeout=60).status_code == 200


def test_the_appearance_is_switched_in_the_page(page: Page) -> None:
    """Dark is chosen in the workbench itself and stays, on every page and after a reload, whatever the system has."""
    page.goto("/about")
    settled(page)
    ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Тёмное").click()
    page.wait_for_function(f"{ground} === 'rgb(17, 22, 31)'")
    for path in ("/models", "/"):
        page.goto(path)
        settled(page)
        assert page.evaluate(ground) == "rgb(17, 22, 31)"
    expect(page.get_by_role("button", name="Тёмное")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Светлое").click()
    page.wait_for_function(f"{ground} === 'rgb(255, 255, 255)'")


def test_a_batch_of_twenty_survives_the_server(page: Page, bench: rig.Workbench) -> None:
    """Twenty files as one job; the server is killed in the middle and started again, and every file is read once."""
    page.goto("/batch")
    files = [{"name": f"file {n}.png", "mimeType": "image/png", "buffer": encoded(picture(f"Number {n}"), "PNG")}
             for n in range(19)]  # fmt: skip
    files.append({"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 broken"})
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("combobox", name=re.compile("Модель")).click()
    page.get_by_role("option", name="Embedded reader", exact=True).click()
    page.get_by_role("button", name="Начать").click()
    page.wait_for_url(re.compile("batch="), timeout=30_000)
    job = page.url.rpartition("batch=")[2]
    rig.until(lambda: bench.get(f"/v1/jobs/{job}")["pages"]["done"] >= 3)
    bench.kill_server()
    bench.start_server()
    ended = rig.until(lambda: (found := bench.get(f"/v1/jobs/{job}"))["state"] == "finished" and found, 120)
    assert ended["pages"]["done"] == 19
    page.reload()
    expect(page.get_by_role("button", name="Всё (zip)")).to_be_visible(timeout=30_000)
    with page.expect_download(timeout=90_000) as taken:
        page.get_by_role("button", name="Всё (zip)").click()
    packed = zipfile.ZipFile(taken.value.path())
    texts = {name: packed.read(name).decode() for name in packed.namelist() if name.endswith(".txt")}
    assert len([name for name in texts if "fields" not in name]) == 19
    assert all("umber" in text for name, text in texts.items() if "fields" not in name)
    page.get_by_text("Посмотреть файл").click()
    expect(page.locator(".picture .box").first).to_be_visible(timeout=30_000)


def test_a_model_is_switched(page: Page, bench: rig.Workbench) -> None:
    """A model is brought in and ended from its card; the card shows the state that the server has."""
    page.goto("/models")
    page.get_by_text("Только готовые к работе").click()
    settled(page)
    card = page.locator("[data-testid=stVerticalBlockBorderWrapper], [data-testid=stVerticalBlock]").filter(
        has=page.get_by_text(rig.MODEL, exact=True)
    ).last  # fmt: skip
    expect(card).to_contain_text("ваш сервер")
    button = page.locator(f".st-key-load-{rig.MODEL} button, .st-key-unload-{rig.MODEL} button").first
    button.wait_for()
    if button.inner_text() == "Выгрузить":
        button.click()
        rig.until(lambda: state(bench) == "absent")
        page.reload()
        settled(page)
    page.locator(f".st-key-load-{rig.MODEL} button").click()
    rig.until(lambda: state(bench) == "ready")
    page.locator(f".st-key-unload-{rig.MODEL} button").click(timeout=20_000)
    rig.until(lambda: state(bench) == "absent")


def test_a_model_is_downloaded_stopped_and_downloaded_to_its_end(page: Page, bench: rig.Workbench, hub: Hub) -> None:
    """A download shows how far it is and can be stopped; the next one goes on, and the model counts as installed."""
    key = "qwen_vl_2b"
    hub.open.clear()
    page.goto("/models")
    page.locator(f".st-key-pull-{key} button").click()
    expect(page.get_by_text("Скачивается: 10 МБ из 30 МБ")).to_be_visible()
    page.screenshot(path=rig.SHOTS / "pulling.png")
    page.locator(f".st-key-cancel-pull-{key} button").click()
    expect(page.get_by_text("Останавливается")).to_be_visible()
    hub.open.set()
    expect(page.get_by_text("Скачивание остановлено")).to_be_visible()
    page.locator(f".st-key-pull-{key} button").click()
    rig.until(lambda: (pulled(bench, key) or {}).get("stage") == "finished")
    expect(page.locator(f".st-key-load-{key} button")).to_be_visible()
    assert [asked for _, path, asked in hub.log if path.endswith("model.safetensors") and asked > "bytes=1"]
    shutil.rmtree(bench.folder / "data" / "models")


def pulled(bench: rig.Workbench, key: str) -> dict | None:
    found: dict | None = bench.get(f"/v1/models/{key}")["chatvlmllm"]["pull"]
    return found


def state(bench: rig.Workbench) -> str:
    return str(bench.get(f"/v1/models/{rig.MODEL}")["chatvlmllm"]["state"])


def test_two_models_are_compared(page: Page) -> None:
    """One picture through two models: both texts, their differences, and shares of errors where the truth is given."""
    page.goto("/compare")
    page.locator("input[type=file]").first.set_input_files(
        [{"name": "one.png", "mimeType": "image/png", "buffer": encoded(picture("Hello world"), "PNG")}]
    )
    page.get_by_role("button", name="Сравнить").click()
    expect(page.locator(".diff")).to_have_count(2, timeout=90_000)
    expect(page.locator(".diff").first).to_contain_text("Hello world")
    page.get_by_role("textbox", name="Верный текст").fill("Hello world")
    page.get_by_role("textbox", name="Верный текст").press("Control+Enter")
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible()
    page.wait_for_timeout(1500)
    assert page.locator("[data-testid=stException]").count() == 0


def test_t52_the_history_finds_opens_and_deletes(page: Page, bench: rig.Workbench) -> None:
    """A job is found by a part of its file's name in any letter case, opened again, and deleted for good.

    The button within a button fires, and what it says is there after the page was drawn again.
    """
    files = {"files": ("Счёт РОМАШКА.pdf", text_pdf("Invoice 17"))}
    url = bench.server.url + "/v1/jobs"
    job = httpx.post(url, files=files, data={"model": "text_layer"}, trust_env=False, timeout=60).json()["id"]
    rig.until(lambda: bench.get(f"/v1/jobs/{job}")["state"] == "finished")
    page.goto("/history")
    page.get_by_label("Искать по имени файла").fill("ромашка")
    page.get_by_label("Искать по имени файла").press("Enter")
    expect(page.get_by_text("Счёт РОМАШКА.pdf")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Открыть").first.click()
    expect(page.locator(".reading")).to_contain_text("Invoice 17", timeout=30_000)
    page.get_by_role("button", name="Назад к истории").click()
    page.get_by_role("button", name="Удалить").first.click()
    page.get_by_role("button", name="Удалить без возврата").click()
    expect(page.get_by_text("Удалено.")).to_be_visible()
    rig.until(lambda: httpx.get(f"{url}/{job}", trust_env=False).status_code == 404)


def test_the_system_page_says_only_what_is_known(page: Page, bench: rig.Workbench) -> None:
    """Where documents go is said from the settings; a number of sent bytes is not claimed, because nobody counts."""
    page.goto("/about")
    settled(page)
    expect(page.get_by_text("Сервер слушает только этот компьютер")).to_be_visible()
    expect(page.get_by_text("Подключены ваши серверы")).to_be_visible()
    expect(page.get_by_text("Исходящий трафик программа не измеряет")).to_be_visible()


def test_the_system_page_says_what_doctor_says(page: Page, bench: rig.Workbench) -> None:
    """Every finding of `chatvlmllm doctor` stands there with what was found, and with the command where it was not."""
    command = [sys.executable, "-m", "chatvlmllm", "doctor", "--json"]
    told = subprocess.run(command, env=bench.environ, capture_output=True, text=True, check=True).stdout
    page.goto("/about")
    settled(page)
    lines = page.locator("table.facts").first.locator("tr").all()[1:]
    rows = {line.locator("td").first.inner_text(): line for line in lines}
    for finding in json.loads(told):
        expect(rows[finding["name"]]).to_contain_text(finding["found"] or finding["mend"] or "нет")
