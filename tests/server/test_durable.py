"""A server that is killed in the middle of a long job, again and again: every page exactly once, none lost."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from chatvlmllm.server.presence import running
from chatvlmllm.store.database import Database
from chatvlmllm.store.tables import EVENTS, JOB_PAGES, PAGES
from tests.postgres import cluster
from tests.server.papers import followed, numbered, queued

PAGES_OF_JOB = 300

pytestmark = pytest.mark.real


@contextmanager
def process(folder: Path, store: str) -> Iterator[tuple["subprocess.Popen[bytes]", httpx.Client]]:
    """`chatvlmllm serve` on a data folder, once it listens; killed at the end."""
    environ = {**os.environ, "CHATVLMLLM_DATA": str(folder / "data")}
    if store:
        environ["CHATVLMLLM_STORE__URL"] = store
    command = [sys.executable, "-m", "chatvlmllm", "serve", "--port", "0"]
    server = subprocess.Popen(command, env=environ, stderr=(folder / "log").open("ab"))
    try:
        while (found := running(folder / "data")) is None or found.pid != server.pid:
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        with httpx.Client(base_url=found.url, trust_env=False, timeout=60) as http:
            yield server, http
    finally:
        server.kill()
        server.wait()


def _survives(folder: Path, store: str, url: str, kills: int) -> None:
    content = numbered(PAGES_OF_JOB, "durable")
    with process(folder, store) as (server, http):
        job = queued(http, {"files": ("long.pdf", content)})
        seen, killed_at = 0, []
        _wait_for(http, job, 20)
        killed_at.append(_done(http, job))
        server.send_signal(signal.SIGKILL)
        server.wait()
    for _ in range(kills - 1):
        with process(folder, store) as (server, http):
            _wait_for(http, job, killed_at[-1] + 20)
            killed_at.append(_done(http, job))
            server.send_signal(signal.SIGKILL)
            server.wait()
    assert killed_at == sorted(killed_at)
    assert killed_at[-1] < PAGES_OF_JOB, "the job ended before it was interrupted"
    with process(folder, store) as (_, http):
        events = followed(http, job, seen)
        told = Counter(data["page"] for _, kind, data in events if kind == "page")
        assert told == Counter(range(1, PAGES_OF_JOB + 1))
        assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
        found = http.get(f"/v1/jobs/{job}").json()
        assert (found["state"], found["verdicts"]) == ("finished", {"ok": PAGES_OF_JOB})
        text = http.get(f"/v1/jobs/{job}/result?format=txt").text
        assert text.split("\f") == [f"durable {number}\n" for number in range(1, PAGES_OF_JOB + 1)]
    with Database(url) as database, database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(JOB_PAGES)) == PAGES_OF_JOB
        assert connection.scalar(select(func.count()).select_from(PAGES)) == PAGES_OF_JOB
        assert connection.scalar(select(func.count()).select_from(EVENTS)) == len(events)


def _done(http: httpx.Client, job: str) -> int:
    return int(http.get(f"/v1/jobs/{job}").json()["pages"]["done"])


def _wait_for(http: httpx.Client, job: str, pages: int) -> None:
    while _done(http, job) < pages:
        time.sleep(0.01)


def test_a_killed_server_loses_no_page_on_sqlite(tmp_path: Path) -> None:
    """`kill -9` four times in a 300-page job: it goes on by itself and every page is there exactly once."""
    _survives(tmp_path, "", f"sqlite:///{tmp_path / 'data' / 'store.sqlite3'}", kills=4)


def test_a_killed_server_loses_no_page_on_postgresql(tmp_path: Path) -> None:
    """The same on PostgreSQL."""
    with cluster() as url:
        _survives(tmp_path, url, url, kills=4)


def test_another_server_takes_over_on_postgresql(tmp_path: Path) -> None:
    """Two servers on one database: one runs the job; when it is killed the other one finishes it."""
    with cluster() as url, process(_folder(tmp_path, "one"), url) as (first, _http):
        originals = tmp_path / "one" / "data" / "originals"
        (tmp_path / "two" / "data").mkdir(parents=True)
        (tmp_path / "two" / "data" / "originals").symlink_to(originals)
        with process(_folder(tmp_path, "two"), url) as (_, other):
            job = queued(other, {"files": ("long.pdf", numbered(PAGES_OF_JOB, "shared"))})
            _wait_for(other, job, 20)
            first.send_signal(signal.SIGKILL)
            first.wait()
            assert _done(other, job) < PAGES_OF_JOB
            events = followed(other, job)
            told = Counter(data["page"] for _, kind, data in events if kind == "page")
            assert told == Counter(range(1, PAGES_OF_JOB + 1))


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir(exist_ok=True)
    return parent / name


def test_a_server_that_ends_politely_goes_on_later(tmp_path: Path) -> None:
    """SIGTERM in the middle of a job: pages under way are finished, the rest is read after the next start."""
    with process(tmp_path, "") as (server, http):
        job = queued(http, {"files": ("long.pdf", numbered(120, "polite"))})
        _wait_for(http, job, 5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 128 + signal.SIGTERM
    with process(tmp_path, "") as (_, http):
        events = followed(http, job)
        told = Counter(data["page"] for _, kind, data in events if kind == "page")
        assert told == Counter(range(1, 121))
        states = [data["state"] for _, kind, data in events if kind == "state"]
        assert states == ["queued", "running", "queued", "running", "finished"]


def test_a_job_that_keeps_ending_the_server_is_given_up(tmp_path: Path) -> None:
    """After three starts without a page in between a job is failed, so that the others are read."""
    with process(tmp_path, "") as (_, http):
        job = queued(http, {"files": ("long.pdf", numbered(2, "deadly"))})
        followed(http, job)
    with Database(f"sqlite:///{tmp_path / 'data' / 'store.sqlite3'}") as database, database.write() as connection:
        # As three servers would have left it that were killed before the first page.
        connection.execute(JOB_PAGES.delete())
        connection.exec_driver_sql("UPDATE jobs SET state = 'running', starts = 3, ended = NULL")
    with process(tmp_path, "") as (_, http):
        followed(http, job)
        found = http.get(f"/v1/jobs/{job}").json()
        assert (found["state"], found["error"]["code"]) == ("failed", "job_abandoned")
        assert http.get(f"/v1/jobs/{job}/result").json()["error"]["code"] == "job_abandoned"
