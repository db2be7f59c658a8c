"""A real vLLM server with tiny checkpoints, as a process: read, switch, kill, stop, break; nothing is left.

A start takes a minute on two cores, so the scenes share one pool and come in one order, each a step of one story.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from chatvlmllm import open_document, pipeline, routing
from chatvlmllm.config import ModelSettings, Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.ownership import birth
from chatvlmllm.engines.state import State
from chatvlmllm.exchange import Stop
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Options
from tests.conftest import encoded, picture
from tests.real.conftest import ROOT
from tests.tiny.training import PAGES, page

pytestmark = pytest.mark.real

#: The first reader inside the program.
INSIDE = routing.table().embedded[0]

QWEN2, QWEN3 = Options("qwen_vl_2b"), Options("qwen3_vl_2b")


def servers() -> list[int]:
    """Leaders of our server processes, whichever parent started them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            marked = b"CHATVLMLLM_OWNER=" in (entry / "environ").read_bytes()
            leads = os.getpgid(int(entry.name)) == int(entry.name)
        except OSError:
            continue
        # A child that was forked and not yet become another program looks like its parent.
        if marked and leads and b"vllm.entrypoints.openai.api_server" in words:
            found.append(int(entry.name))
    return sorted(found)


def ports() -> set[int]:
    """Loopback ports on which our servers listen."""
    words = [(Path("/proc") / str(pid) / "cmdline").read_text().split("\0") for pid in servers()]
    return {int(word.partition("=")[2]) for line in words for word in line if word.startswith("--port=")}


def sheet(name: str) -> pipeline.Page:
    (found,) = open_document(encoded(page(name), "PNG")).pages()
    return found


def read(pool: Host, options: Options, *names: str) -> list[Reading]:
    return [reading for _, reading in pipeline.read_pages(map(sheet, names), options, pool)]


def told(reading: Reading) -> list[tuple[str, str, str]]:
    return [(a.model, a.reason, a.failure.code if a.failure else a.outcome) for a in reading.attempts]


PARENT = """
import os, sys
sys.path[:0] = [{root!r}, {source!r}]
from pathlib import Path
from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.models import find
pool = Host(Settings.model_validate_json({settings!r}))
with pool.ensure(find("qwen_vl_2b")):
    pass
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Whatever happened, no server process outlives its scene."""
    yield
    until = time.monotonic() + 5
    while servers() and time.monotonic() < until:
        time.sleep(0.1)
    assert servers() == []


def test_a_working_day_of_a_server(real_settings: Settings, checkpoints: Path, vllm_python: Path) -> None:
    """Orphans ended, pages read as Transformers reads them, models switched and back, a kill and a hang survived."""
    orphans = _a_parent_is_killed(real_settings)
    with Host(real_settings) as pool:
        readings = read(pool, QWEN2, "bill", "deed")
        assert [birth(pid) for pid in orphans] == [None] * len(orphans)
        for reading, expected in zip(readings, PAGES.values(), strict=True):
            assert reading.text == expected
            assert reading.verdict is Verdict.OK
            assert reading.reply is not None
            assert (reading.reply.engine, reading.reply.served) == ("vllm", "qwen_vl_2b")
        _transformers_agrees(readings, checkpoints, vllm_python)
        _two_parents(real_settings, pool)
        (other,) = read(pool, QWEN3, "bill")
        assert other.answered == "qwen3_vl_2b"
        assert len(servers()) == 1
        _killed_while_talking(pool)
        assert read(pool, QWEN2, "deed")[0].text == PAGES["deed"]
        _stopped_dead(pool)
        used = ports()
        (status,) = (status for status in pool.status() if status.model == "qwen_vl_2b")
        assert status.state is State.READY
        assert status.log
    assert servers() == []
    assert used
    from chatvlmllm.engines.process import listening

    assert not any(listening(port) for port in used)


def _a_parent_is_killed(settings: Settings) -> list[int]:
    """A parent starts a server and is killed; what it leaves behind."""
    code = PARENT.format(root=str(ROOT), source=str(ROOT / "src"), settings=settings.model_dump_json())
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    orphans = servers()
    assert orphans
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert all(birth(pid) is not None for pid in orphans)
    return orphans


def _transformers_agrees(readings: list[Reading], checkpoints: Path, vllm_python: Path) -> None:
    """Greedy output through vLLM is that of Transformers on the same checkpoint, to the character."""
    environ = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [vllm_python, "-m", "tests.real.says", checkpoints / "qwen_vl_2b"]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [reading.reply.text for reading in readings if reading.reply] == list(json.loads(done.stdout).values())


def _two_parents(settings: Settings, first: Host) -> None:
    """A second owner is refused, its page is read by the embedded reader, and the first one's server is untouched."""
    before = servers()
    with Host(settings) as second:
        (reading,) = read(second, QWEN2, "bill")
    assert told(reading)[0] == ("qwen_vl_2b", "chosen", "accelerator_taken")
    assert (reading.answered, reading.verdict) == (INSIDE, Verdict.FELL_BACK)
    assert servers() == before
    assert read(first, QWEN2, "bill")[0].answered == "qwen_vl_2b"


def _during(pool: Host, act: object) -> list[Reading]:
    """Two pages are read; `act` happens at the first token of the first generation."""
    done = threading.Event()

    def heard(_: object, __: str) -> None:
        if not done.is_set():
            done.set()
            act()  # type: ignore[operator]

    watch = pipeline.Watch(heard=heard)
    long = [encoded(picture(f"Page {n}", size=(800, 700)), "PNG") for n in (1, 2)]
    pages = [sheet for content in long for sheet in open_document(content).pages()]
    found = [reading for _, reading in pipeline.read_pages(pages, QWEN3, pool, watch)]
    assert done.is_set()
    return found


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@contextmanager
def _slowly(pids: Iterable[int]) -> Iterator[None]:
    """The servers work five of every fifty milliseconds, as if the card were slow: their answers have a middle."""
    over = threading.Event()

    def pace() -> None:
        with suppress(ProcessLookupError):
            groups = [os.getpgid(pid) for pid in pids]
            while not over.wait(0.005):
                for blow, seconds in ((signal.SIGSTOP, 0.045), (signal.SIGCONT, 0)):
                    for group in groups:
                        os.killpg(group, blow)
                    time.sleep(seconds)

    thread = threading.Thread(target=pace)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _killed_while_talking(pool: Host) -> None:
    """`kill -9` in the middle: both pages end with text from a fresh server, and their attempts say what happened."""
    before = servers()
    with _slowly(before):
        readings = _during(pool, partial(_kill, before))
    assert not set(before) & set(servers())
    assert {reading.answered for reading in readings} == {"qwen3_vl_2b"}
    assert all(reading.text for reading in readings)
    met = [(reason, code) for reading in readings for _, reason, code in told(reading)]
    assert "engine_crashed" in [code for _, code in met]
    assert "after_crash" in [reason for reason, _ in met]


def _stopped_dead(pool: Host) -> None:
    """SIGSTOP: a server that says nothing any more is ended, and a fresh one answers."""
    for pid in servers():
        os.killpg(os.getpgid(pid), signal.SIGSTOP)
    (reading,) = read(pool, QWEN2, "bill")
    assert told(reading) == [("qwen_vl_2b", "chosen", "engine_hung"), ("qwen_vl_2b", "after_crash", "end")]
    assert reading.text == PAGES["bill"]


def test_an_engine_that_dies_at_every_page(real_settings: Settings, checkpoints: Path) -> None:
    """The port answers, the engine behind it dies at the first request: twice, then the page is read by another."""
    broken = ModelSettings(engine="vllm", weights=checkpoints / "broken")
    chosen = real_settings.model_copy(update={"models": {"qwen_vl_2b": broken}})
    with Host(chosen) as pool:
        (reading,) = read(pool, QWEN2, "bill")
    codes = told(reading)
    assert [reason for _, reason, _ in codes] == ["chosen", "after_crash", "fallback"]
    assert [code for _, _, code in codes[:2]] == ["engine_crashed", "engine_crashed"]
    assert (reading.answered, reading.verdict) == (INSIDE, Verdict.FELL_BACK)
    assert reading.reply is not None
    assert reading.reply.stop is Stop.END
    assert "quarantined" in {notice.code for notice in reading.notices}


def test_out_of_memory_by_a_limit_of_the_system(real_settings: Settings, tmp_path: Path) -> None:
    """A server that may not have the memory it needs fails to start by that name; the page is still read."""
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -v 3000000\nexec {real_settings.vllm.python} "$@"\n')
    limited.chmod(0o755)
    chosen = real_settings.model_copy(update={"vllm": real_settings.vllm.model_copy(update={"python": limited})})
    with Host(chosen) as pool:
        (reading,) = read(pool, QWEN2, "bill")
    assert told(reading)[0] == ("qwen_vl_2b", "chosen", "not_enough_memory")
    assert (reading.answered, reading.verdict) == (INSIDE, Verdict.FELL_BACK)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_without_fallback_a_start_that_fails_is_a_failed_page(real_settings: Settings, tmp_path: Path) -> None:
    """An interpreter without vLLM: the page fails with the last line of the log, and no other model answers."""
    wrong = real_settings.vllm.model_copy(update={"python": Path(sys.executable)})
    with Host(real_settings.model_copy(update={"vllm": wrong})) as pool:
        (reading,) = read(pool, replace(QWEN2, fallback=False), "bill")
    assert reading.verdict is Verdict.FAILED
    assert reading.failure is not None
    assert "vllm" in reading.failure.message
