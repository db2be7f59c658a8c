"""Containers for real: Podman's Docker API, first with the fault program, then with a real vLLM server inside."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatvlmllm import pipeline
from chatvlmllm.config import Settings
from chatvlmllm.engines import container, start
from chatvlmllm.engines.container import Box
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.process import listening
from chatvlmllm.engines.start import Hooks, Start
from chatvlmllm.errors import EngineStartFailed, ImageMissing, NoContainerEngine
from chatvlmllm.models import find
from chatvlmllm.models.card import Model
from chatvlmllm.reading import Verdict
from chatvlmllm.run import Options
from tests.engines.rig import PROGRAM, launch, request
from tests.real.conftest import ROOT
from tests.real.test_vllm import read, told
from tests.tiny.training import PAGES

pytestmark = pytest.mark.real

QWEN2 = find("qwen_vl_2b")


@pytest.fixture
def small(box: Box) -> Box:
    """The same container with the fault program instead of a server."""
    program = (str(Path(sys.base_prefix) / "bin" / "python3"), str(PROGRAM))
    return replace(box, program=program, mounts={**box.mounts, str(PROGRAM.parent): str(PROGRAM.parent)})


@pytest.fixture(autouse=True)
def _nothing_is_left(podman: str) -> Iterator[None]:
    """Every scene ends without a container."""
    yield
    client = container.connect(podman)
    assert client.containers.list(all=True) == []
    client.close()


def fast(box: Box, *modes: str, folder: Path) -> Host:
    """A host whose only model is the fault program in a container."""
    how = launch(*modes, folder=folder)
    inside = replace(box, program=(*box.program, *modes))

    def planner(model: Model, settings: Settings, cpu: bool) -> Start:
        if model != QWEN2 or cpu:
            return start.plan(model, settings, cpu=cpu)

        def run(hooks: Hooks) -> object:
            wanted = replace(how, marks=hooks.marks)
            return container.start(model, wanted, inside, hooks.unwanted, hooks.made, hooks.pulled)

        return Start(engine="container", reason="configured", run=run, slots=4)  # type: ignore[arg-type]

    return Host(Settings(data=folder / "data"), planner)


def test_t39_t40_a_container_is_labelled_never_restarts_and_listens_on_the_loopback(small: Box, tmp_path: Path) -> None:
    """What the engine knows of our container: labels, no restart, read-only files, an address that only we reach."""
    with fast(small, folder=tmp_path) as pool, pool.ensure(QWEN2) as engine:
        *_, reply = engine.stream(request())
        assert reply.text.strip() == "seen 280 x 140 by qwen_vl_2b"  # type: ignore[union-attr]
        assert engine.name == "container"
        client = container.connect(small.socket)
        (ours,) = client.containers.list(all=True, filters={"label": f"{container.MODEL}=qwen_vl_2b"})
        assert ours.attrs["HostConfig"]["RestartPolicy"]["Name"] in ("no", "")
        assert all(not mount["RW"] for mount in ours.attrs["Mounts"] if mount["Destination"] == "/model")
        assert "--host=127.0.0.1" in ours.attrs["Args"]
        port = next(int(word.partition("=")[2]) for word in ours.attrs["Args"] if word.startswith("--port="))
        assert listening(port)
        client.close()
    assert not listening(port)


@pytest.mark.parametrize("fault", ["die=1", "quit=1"])
def test_a_container_that_ends_is_a_crash_and_is_replaced(small: Box, tmp_path: Path, fault: str) -> None:
    """Its exit status, 0 included, and its last words are the error; the next try has a fresh container."""
    options = Options("qwen_vl_2b", languages=("eng",))
    with fast(small, fault, "once=/scratch/once", folder=tmp_path) as pool:
        (reading,) = [r for _, r in pipeline.read_pages([next(_pages())], options, pool)]
    outcomes = [(a.reason, a.failure.code if a.failure else a.outcome) for a in reading.attempts]
    assert outcomes == [("chosen", "engine_crashed"), ("after_crash", "end")]
    assert reading.verdict is Verdict.OK


def _pages() -> Iterator[pipeline.Page]:
    from tests.engines.test_ladder import sheets

    return sheets(560)


def test_an_image_that_is_not_there_has_a_name(box: Box, tmp_path: Path) -> None:
    """A missing image that may not be, or cannot be, fetched is an error that names it."""
    missing = replace(box, image="localhost/nowhere:1")
    for forbidden in (True, False):
        pool = fast(replace(missing, offline=forbidden), folder=tmp_path)
        with pool, pytest.raises(ImageMissing), pool.ensure(QWEN2):
            pass


def test_a_program_that_is_not_in_the_image_has_a_name(box: Box, tmp_path: Path) -> None:
    """A container that cannot start leaves nothing behind and says what was missing."""
    pool = fast(replace(box, program=("/no/such/program",)), folder=tmp_path)
    with pool, pytest.raises(EngineStartFailed, match="no/such/program"), pool.ensure(QWEN2):
        pass


def test_no_container_engine_has_a_name(box: Box, tmp_path: Path) -> None:
    """Nobody listens at the address: an error that says so."""
    pool = fast(replace(box, socket="tcp://127.0.0.1:9"), folder=tmp_path)
    with pool, pytest.raises(NoContainerEngine), pool.ensure(QWEN2):
        pass


PARENT = """
import os, sys
sys.path[:0] = [{root!r}, {source!r}]
from pathlib import Path
from tests.real.test_container import *
pool = fast({box!r}, folder=Path({folder!r}))
with pool.ensure(QWEN2):
    os.kill(os.getpid(), 9)
"""


def test_t38_containers_of_a_killed_parent_are_removed_and_no_others(small: Box, tmp_path: Path) -> None:
    """The next parent removes what the dead one left, by label; a stranger's container of the same image stays."""
    code = PARENT.format(root=str(ROOT), source=str(ROOT / "src"), box=small, folder=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    client = container.connect(small.socket)
    (left,) = client.containers.list(all=True)
    stranger = client.containers.create(small.image, command=["/bin/busybox", "sleep", "60"])
    try:
        with fast(small, folder=tmp_path) as pool, pool.ensure(QWEN2):
            names = {one.id for one in client.containers.list(all=True)}
            assert left.id not in names
            assert stranger.id in names
            assert len(names) == 2
    finally:
        stranger.remove(force=True)
        client.close()
    assert os.getpid()


def test_a_page_is_read_by_a_real_server_in_a_real_container(real_settings: Settings, box: Box) -> None:
    """vLLM inside Podman reads both pages to the letter, and is gone afterwards with its port."""

    def planner(model: Model, settings: Settings, cpu: bool) -> Start:
        return start.boxed(model, settings, box) if model == QWEN2 else start.plan(model, settings, cpu=cpu)

    with Host(real_settings, planner) as pool:
        readings = read(pool, Options("qwen_vl_2b"), "bill", "deed")
        assert [told(reading) for reading in readings] == [[("qwen_vl_2b", "chosen", "end")]] * 2
        assert [reading.text for reading in readings] == list(PAGES.values())
        for reading in readings:
            assert reading.reply is not None
            assert reading.reply.engine == "container"
