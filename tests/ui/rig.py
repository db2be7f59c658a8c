"""The workbench as a user has it: `chatvlmllm ui` in a process of its own, the server it starts, and a browser."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from chatvlmllm.engines.process import free_port
from chatvlmllm.server import presence

#: Chromium speaks to nobody but us; everything it might ask the internet for is off.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM = "/usr/bin/chromium"
TALKER = Path(__file__).with_name("talker.py")
MODEL = "qwen3_vl_2b"
SHOTS = Path(__file__).parents[2] / "shots"


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for something to become true; what it was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            found = true()
            if found:
                return found
        time.sleep(0.1)
    raise AssertionError


@dataclass
class Workbench:
    """A running workbench: its folder, its address, and what it was started with."""

    folder: Path
    url: str
    environ: dict[str, str]
    model_url: str = ""

    @property
    def server(self) -> presence.Owner:
        """The server it found or started."""
        return until(lambda: presence.running(self.folder / "data"))

    def get(self, path: str, **query: Any) -> Any:
        return httpx.get(self.server.url + path, params=query, timeout=60, trust_env=False).json()

    @contextlib.contextmanager
    def told(self, order: str) -> Iterator[None]:
        """For so long the model is on `hold` in the middle of its answers, or gives none (`refuse`)."""
        program = self.model_url.removesuffix("/v1")
        httpx.post(f"{program}/{order}", trust_env=False)
        try:
            yield
        finally:
            httpx.post(f"{program}/go", trust_env=False)

    def kill_server(self) -> None:
        """As a power cut would."""
        os.kill(self.server.pid, signal.SIGKILL)
        until(lambda: presence.running(self.folder / "data") is None)

    def start_server(self) -> None:
        """As somebody would by hand."""
        command = [sys.executable, "-m", "chatvlmllm", "serve"]
        subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: presence.running(self.folder / "data"))


def settled(page: Page) -> None:
    """Wait until the page has stopped drawing."""
    page.locator("h1").first.wait_for(timeout=30_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-stale=true], .stSpinner')", timeout=60_000)
    page.wait_for_timeout(400)


@contextlib.contextmanager
def talker() -> Iterator[str]:
    """A model that can hold a conversation; the URL of its server."""
    port = free_port()
    with subprocess.Popen([sys.executable, str(TALKER), str(port)]) as process:
        url = f"http://127.0.0.1:{port}/v1"
        try:
            until(lambda: httpx.get(f"{url}/models", trust_env=False).status_code == 200)
            yield url
        finally:
            process.kill()


@contextlib.contextmanager
def workbench(
    folder: Path, model_url: str = "", models: Mapping[str, Mapping[str, str]] | None = None, **more: str
) -> Iterator[Workbench]:
    """`chatvlmllm ui` with settings and an environment of its own.

    A model that talks is behind `model_url`; `models` are settings of single models.
    """
    settings: dict[str, Any] = {"data": str(folder / "data"), "workers": 2, "server": {"port": 0}}
    settings["models"] = dict(models or {})
    if model_url:
        settings["servers"] = [{"url": model_url, "models": {MODEL: "model"}}]
    (folder / "config.yaml").write_text(json.dumps(settings))
    port = free_port()
    environ = {**os.environ, "CHATVLMLLM_CONFIG": str(folder / "config.yaml"), "HOME": str(folder), **more}
    command = [sys.executable, "-m", "chatvlmllm", "ui", "--no-browser", "--port", str(port)]
    with (folder / "ui.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    found = Workbench(folder, f"http://127.0.0.1:{port}", environ, model_url)
    try:
        until(lambda: httpx.get(f"{found.url}/_stcore/health", trust_env=False).status_code == 200)
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        owner = presence.running(folder / "data")
        if owner is not None:
            os.kill(owner.pid, signal.SIGTERM)
            until(lambda: presence.running(folder / "data") is None)
