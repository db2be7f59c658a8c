"""One workbench and one browser for all tests of a session; every test gets a fresh window."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.hub import Hub
from tests.ui import rig

# A busy machine is slow, not wrong.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that has one model, of thirty megabytes: what the hub's client reports of less is its end."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "config.json").write_text('{"model_type": "qwen2_vl"}')
    (folder / "model.safetensors").write_bytes(os.urandom(30_000_000))
    with Hub({"Qwen/Qwen2-VL-2B-Instruct": folder}) as found:
        yield found


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[rig.Workbench]:
    """A workbench whose server has the embedded readers, a model that talks, and a hub to fetch another from."""
    folder = tmp_path_factory.mktemp("bench")
    with rig.talker() as url, rig.workbench(folder, url, HF_ENDPOINT=hub.url, HF_HOME=str(folder / "hf")) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=rig.CHROMIUM, args=list(rig.FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, bench: rig.Workbench) -> Iterator[Page]:
    """A window that may reach this machine only: whatever it asks of others is a failure (T-57)."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, base_url=bench.url, accept_downloads=True)
    page, elsewhere = context.new_page(), []

    def look(request: Request) -> None:
        if not request.url.startswith((bench.url, "data:", "blob:", bench.url.replace("http", "ws"))):
            elsewhere.append(request.url)

    page.on("request", look)
    yield page
    rig.SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=rig.SHOTS / "last.png")
    hacked = page.evaluate("window.hacked")
    context.close()
    assert elsewhere == []
    assert hacked is None


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where pictures of pages are left for a person to look at."""
    rig.SHOTS.mkdir(exist_ok=True)
    return rig.SHOTS
