"""A tiny network that was taught two pages: what it reads is asserted, in the worker and on the command line."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatvlmllm import models
from chatvlmllm.engines.worker import Launch, WorkerEngine
from chatvlmllm.exchange import Limits, Reply, Request, Stop, Task
from chatvlmllm.geometry import Size, whole
from tests.hub import Hub
from tests.tiny import training

pytest.importorskip("torch")

KEY = "qwen_vl_2b"


@pytest.fixture(scope="module")
def taught(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint after training on both pages."""
    folder = tmp_path_factory.mktemp("taught") / "checkpoint"
    shutil.copytree(tiny(KEY), folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss = training.overfit(folder, models.find(KEY).recipes[Task.TEXT].prompt, steps=150)
    assert loss < 0.1
    return folder


@pytest.fixture(scope="module")
def worker(taught: Path) -> Iterator[WorkerEngine]:
    engine = WorkerEngine(models.find(KEY), Launch(folder=taught))
    yield engine
    engine.close()


@pytest.mark.parametrize("name", training.PAGES)
def test_the_page_that_is_shown_is_the_page_that_is_read(worker: WorkerEngine, name: str) -> None:
    """The same prompt gives each page's own text, ends by itself, and arrives in whole letters."""
    page = Size(*training.SIZE)
    recipe = models.find(KEY).recipes[Task.TEXT]
    request = Request(
        model=KEY, task=Task.TEXT, page=page, region=whole(page), image=training.page(name), prompt=recipe.prompt,
        limits=Limits(100, 60),
    )  # fmt: skip
    *deltas, reply = worker.stream(request)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.stop) == (training.PAGES[name], Stop.END)
    assert len(deltas) > 5
    assert not any("\ufffd" in delta.text for delta in deltas)
    blocks = recipe.decode(reply, request).blocks
    assert "\n\n".join(block.text for block in blocks) == training.PAGES[name]


def _run(arguments: list[object], folder: Path, config: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CHATVLMLLM", "HF_"))}
    return subprocess.run(
        [sys.executable, "-m", "chatvlmllm", "--ui-lang", "en", *map(str, arguments)], capture_output=True, text=True,
        cwd=folder, env={**inherited, **environ}, timeout=300, check=False,
    )  # fmt: skip


def test_a_local_folder_and_the_hub_read_alike(taught: Path, tmp_path: Path) -> None:
    """`recognize --model KEY` gives the same text from a local folder and from files that `models pull` fetched."""
    for name in training.PAGES:
        training.page(name).save(tmp_path / f"{name}.png")
    files = [tmp_path / f"{name}.png" for name in training.PAGES]
    local = _run(
        ["recognize", *files, "--model", KEY, "--json"], tmp_path, f"models: {{{KEY}: {{weights: '{taught}'}}}}"
    )
    assert local.returncode == 0, local.stderr
    data = f"data: '{tmp_path / 'data'}'"
    with Hub({"Qwen/Qwen2-VL-2B-Instruct": taught}) as hub:
        pulled = _run(["models", "pull", KEY], tmp_path, data, HF_ENDPOINT=hub.url)
    assert pulled.returncode == 0, pulled.stderr
    fetched = _run(["recognize", *files, "--model", KEY, "--json"], tmp_path, data)
    assert fetched.returncode == 0, fetched.stderr
    said = [[json.loads(line)["readings"][0] for line in run.stdout.splitlines()] for run in (local, fetched)]
    for readings in said:
        assert [reading["reply"]["text"] for reading in readings] == list(training.PAGES.values())
        assert [reading["verdict"] for reading in readings] == ["ok", "ok"]
        assert {reading["answered"] for reading in readings} == {KEY}
        assert {reading["reply"]["device"] for reading in readings} == {"cpu"}


def test_t23_an_unknown_model_is_never_replaced(tmp_path: Path) -> None:
    """A model that is misspelt or whose files are missing ends in its own error; no other model answers."""
    training.page("bill").save(tmp_path / "bill.png")
    wrong = _run(["recognize", tmp_path / "bill.png", "--model", "qwen_vl_2"], tmp_path, "")
    assert wrong.returncode == 2
    assert "qwen_vl_2b" in wrong.stderr
    absent = _run(["recognize", tmp_path / "bill.png", "--model", KEY], tmp_path, f"data: '{tmp_path}'")
    assert absent.returncode != 0
    assert f"chatvlmllm models pull {KEY}" in absent.stderr
    assert absent.stdout.strip() == ""
