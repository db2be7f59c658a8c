"""How long a person waits for the workbench: every page's first content, and a PDF of 200 pages.

`python -m benchmarks.ui` starts a server, the pages and a browser of its own. Needs the extra `ui`, Playwright and
Chromium. First content is the page's heading together with the first thing below it; each is the median of five
openings after one that is not counted.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright
from tests.pdfs import text_pdf
from tests.ui import rig

PAGES = {"recognize": "/", **{name: f"/{name}" for name in ("chat", "compare", "batch", "history", "models", "about")}}
TIMES = 5
LONG = 200


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def first_content(page: Page, path: str) -> None:
    page.goto(path)
    page.locator("[data-testid=stMain] h1").wait_for()
    page.locator("[data-testid=stMain] [data-testid=stElementContainer]").nth(2).wait_for(state="attached")


def dropped(page: Page) -> None:
    """From dropping a long PDF to its first pages in small, and on to the next ones."""
    page.goto("/")
    rig.settled(page)
    file = {"name": "long.pdf", "mimeType": "application/pdf", "buffer": text_pdf("A page of many", pages=LONG)}

    def seen(number: int) -> None:
        page.locator(f".strip .leaf[title='Страница {number}'] img").wait_for(timeout=60_000)

    took = seconds(lambda: (page.locator("input[type=file]").first.set_input_files([file]), seen(1)))  # type: ignore[list-item]
    print(f"{LONG} pages dropped, the first in small: {took:.2f} s")
    took = seconds(lambda: (page.get_by_role("button", name="Дальше").click(), seen(13)))
    print(f"the next pages in small: {took:.2f} s")


def long_document(bench: rig.Workbench, page: Page) -> None:
    """Upload, watch, open, leaf and jump."""
    files = {"files": ("long.pdf", text_pdf("A page of many", pages=LONG))}
    began = time.perf_counter()
    sent = httpx.post(bench.server.url + "/v1/jobs", files=files, data={"model": "text_layer"}, timeout=120)
    job = sent.json()["id"]
    rig.until(lambda: bench.get(f"/v1/jobs/{job}")["state"] == "finished", 300)
    print(f"{LONG} pages read from their text layer: {time.perf_counter() - began:.1f} s")

    def opened(number: int) -> None:
        page.locator(f".picture .view[aria-label^='Страница {number} ']").wait_for(timeout=60_000)

    def jump(number: int) -> None:
        # While the page before is still being taken away there are two fields; the first is the new one.
        field = page.get_by_label("Страница", exact=True).first
        field.fill(str(number))
        field.press("Enter")
        opened(number)

    def leaf(number: int) -> None:
        page.locator(f".strip .leaf[title^='Страница {number}:']").click()
        opened(number)

    print(f"open its first page: {seconds(lambda: (page.goto(f'/?job={job}'), opened(1))):.2f} s")
    print(f"leaf to page 2: {seconds(lambda: leaf(2)):.2f} s")
    print(f"jump to page 150: {seconds(lambda: jump(150)):.2f} s")
    print(f"leaf to page 151: {seconds(lambda: leaf(151)):.2f} s")
    print(f"thumbnails on the page: {page.locator('.strip .leaf').count()}")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        rig.talker() as model,
        sync_playwright() as play,
        rig.workbench(Path(folder), model) as bench,
    ):
        browser = play.chromium.launch(executable_path=rig.CHROMIUM, args=list(rig.FLAGS))
        page = browser.new_page(base_url=bench.url, viewport={"width": 1440, "height": 900})
        print("page        first content, s (median, worst)")
        for name, path in PAGES.items():
            first_content(page, path)
            took = [seconds(lambda path=path: first_content(page, path)) for _ in range(TIMES)]  # type: ignore[misc]
            print(f"{name:<12}{statistics.median(took):.2f}  {max(took):.2f}")
        dropped(page)
        long_document(bench, page)
        browser.close()


if __name__ == "__main__":
    main()
