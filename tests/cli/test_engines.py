"""What the command line shows and asks of the process that owns the accelerator."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm.models import find
from tests.conftest import Outcome
from tests.engines.rig import host, settings

Cli = Callable[..., Outcome]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the command line and a pool of this test share."""
    monkeypatch.setenv("CHATVLMLLM_DATA", str(tmp_path / "data"))
    return tmp_path


def test_nothing_is_loaded_at_first(cli: Cli, data: Path) -> None:
    """Without an owner there is nothing to show, nothing to unload and no log; each says so."""
    assert "No process" in cli("models", "status").text
    assert json.loads(cli("models", "status", "--json").out) == {"pid": None, "models": []}
    assert cli("models", "unload", "qwen_vl_2b").code == 1
    assert cli("models", "logs", "qwen_vl_2b").code == 1


def test_another_command_sees_and_unloads_a_model(cli: Cli, data: Path) -> None:
    """State, engine and log of a loaded model are seen from outside, and a request from outside unloads it."""
    with host(settings(data), {"qwen_vl_2b": ()}) as pool:
        pool.load(find("qwen_vl_2b"))
        until = time.monotonic() + 10
        while "ready" not in cli("models", "status").text and time.monotonic() < until:
            time.sleep(0.2)
        line = cli("models", "status").text
        assert "qwen_vl_2b" in line
        assert "vllm" in line
        assert "first engine of its card" in line
        assert "starting" in cli("models", "logs", "qwen_vl_2b").text
        assert cli("models", "unload", "qwen_vl_2b").code == 0
        assert pool.running() == frozenset()


def test_gpu_says_what_it_knows(cli: Cli, data: Path) -> None:
    """Figures of the driver, or that there are none; never an invented zero."""
    found = cli("gpu")
    assert found.code == 0
    assert found.text.strip()
    assert "0.0 of 0.0" not in found.text


def test_t37b_an_unknown_model_is_refused_by_every_command(cli: Cli, data: Path) -> None:
    """A misspelt key is an error that names near ones, not a silent nothing."""
    for command in ("load", "unload", "logs"):
        outcome = cli("models", command, "qwen_vl_3b")
        assert outcome.code == 2
        assert "qwen_vl_2b" in outcome.err
