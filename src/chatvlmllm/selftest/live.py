"""The same nine steps against the real server on a socket, and the server killed in the middle of a job."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from chatvlmllm.selftest.check import Check, Group, NotPossible, Shop, attempt, last, want
from chatvlmllm.selftest.workflow import PAPER, fields, recognized, rows

if TYPE_CHECKING:
    from chatvlmllm.client import Client

_PATIENCE = 120.0


def checks(shop: Shop) -> Iterator[Check]:
    """Start a server of its own, go through the steps, kill it and look whether the job lives on."""
    if not (find_spec("fastapi") and find_spec("uvicorn")):
        reason = 'pip install "chatvlmllm[server]"'
        yield attempt(Group.SERVER, "start", lambda: _impossible(reason))
        return
    first = _Server(shop)
    started = attempt(Group.SERVER, "start", first.start)
    yield started
    if started.outcome != "passed":
        first.kill()
        return
    try:
        with first.client() as client:
            yield from _steps(shop, client)
    finally:
        first.kill()
    yield attempt(Group.FAULTS, "killed_server", lambda: _killed(shop))


def _impossible(reason: str) -> str:
    raise NotPossible(reason)


def _steps(shop: Shop, client: Client) -> Iterator[Check]:
    jobs: list[str] = []
    steps = {
        "config": lambda: ", ".join(sorted(client.system())),
        "choose": lambda: _models(client),
        "upload": lambda: _upload(shop, client, jobs),
        "recognize": lambda: _recognized(shop, client, jobs[0]),
        "results": lambda: _results(shop, client, jobs[0]),
        "fields": lambda: _fields(shop, client),
        "json": lambda: client.result(jobs[0]).schema,
        "csv": lambda: rows(client.download(jobs[0], "csv")),
    }
    for name, do in steps.items():
        if name in ("recognize", "results", "json", "csv") and not jobs:
            return
        yield attempt(Group.SERVER, name, do)


def _models(client: Client) -> str:
    found = [str(model["id"]) for model in client.models()]
    want(found, "the server offers no model")
    return ", ".join(found)


def _upload(shop: Shop, client: Client, jobs: list[str]) -> str:
    job = client.submit([shop.sample])
    jobs.append(job.id)
    return job.id


def _recognized(shop: Shop, client: Client, job: str) -> str:
    """The events tell of the page, and the result is right."""
    pages = sum(event.kind == "page" for event in client.events(job))
    want(pages == 1, f"{pages} pages were told of")
    return recognized(client.result(job), shop.truth)


def _results(shop: Shop, client: Client, job: str) -> str:
    first = shop.truth.splitlines()[0].split()[0]
    for name in ("txt", "md", "html"):
        want(first in client.download(job, name).decode(), f"{name} lacks the text")
    return "txt, md, html"


def _fields(shop: Shop, client: Client) -> str:
    import json

    return fields(json.loads(client.extract_as(shop.sample, "json", PAPER)))


def _killed(shop: Shop) -> str:
    """`kill -9` in the middle of a job; a second server over the same data finishes it."""
    first = _Server(shop, "killed-server")
    first.start()
    with first.client() as client:
        job = client.submit([shop.sample]).id
    first.kill()
    second = _Server(shop, "killed-server")
    try:
        second.start()
        with second.client() as client:
            client.wait(job)
            return recognized(client.result(job), shop.truth)
    finally:
        second.kill()


class _Server:
    """`chatvlmllm serve` on a free port, with data of its own."""

    def __init__(self, shop: Shop, folder: str = "server") -> None:
        self._shop = shop
        self._data = shop.scrap / folder
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self.url = ""

    def start(self) -> str:
        """Wait until it says where it listens; raises NotPassed with its last words."""
        environ = {**self._shop.environ, "CHATVLMLLM_DATA": str(self._data)}
        self._process = subprocess.Popen(  # noqa: S603 our own command
            self._shop.command("serve", "--host", "127.0.0.1", "--port", 0), env=environ, encoding="utf-8",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        deadline = time.monotonic() + _PATIENCE
        while not self.url and time.monotonic() < deadline and self._process.poll() is None:
            time.sleep(0.05)
        want(self.url, last("\n".join(self._said)) or "the server did not start")
        return self.url

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._said.append(line)
                place = line.find("http://127.0.0.1:")
                if place >= 0 and not self.url:
                    self.url = line[place:].split()[0]

    @contextmanager
    def client(self) -> Iterator[Client]:
        from chatvlmllm.client import Client

        keys = [key.get_secret_value() for key in self._shop.settings.server.keys.values()]
        with Client(self.url, key=keys[0] if keys else "") as client:
            yield client

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
