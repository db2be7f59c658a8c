"""Hosts whose vLLM servers are the fault program: everything but the program is the real thing."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chatvlmllm.config import Gpu, Settings
from chatvlmllm.engines import vllm
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.process import ServerProcess, free_port, listening
from chatvlmllm.engines.start import Hooks, Start, plan
from chatvlmllm.exchange import Request, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models.card import Model
from tests.conftest import picture

PROGRAM = Path(__file__).parents[1] / "faults" / "server.py"


def launch(*modes: str, folder: Path, **more: object) -> vllm.Launch:
    """A server of the fault program, with patience fit for a test."""
    program = (sys.executable, str(PROGRAM), *modes)
    wanted = {"start_patience": 20.0, "silence": 1.5, "grace": 2.0, "slots": 4, **more}
    return vllm.Launch(folder=folder, program=program, device="cpu", **wanted)  # type: ignore[arg-type]


def settings(tmp_path: Path, **gpu: object) -> Settings:
    return Settings(data=tmp_path / "data", gpu=Gpu(**gpu), workers=4)  # type: ignore[arg-type]


def host(chosen: Settings, modes: Mapping[str, tuple[str, ...]], **more: object) -> Host:
    """A host that starts the fault program for the models in `modes` and decides about others as always."""

    def planner(model: Model, settings: Settings, cpu: bool) -> Start:
        if model.key not in modes or cpu:
            return plan(model, settings, cpu=cpu)

        def run(hooks: Hooks) -> vllm.VllmEngine:
            how = launch(*modes[model.key], folder=chosen.data, marks=hooks.marks, **more)
            return vllm.start(model, how, hooks.unwanted, hooks.made)

        needed = 1_000_000_000
        return Start(engine="vllm", reason="first_of_card", run=run, needed=needed, slots=4)

    return Host(chosen, planner)


def request(model: str = "qwen_vl_2b", size: tuple[int, int] = (280, 140)) -> Request:
    image = picture("text", size=size)
    return Request(
        model=model, task=Task.TEXT, page=Size(*size), region=whole(Size(*size)), image=image, prompt="Read."
    )


@contextmanager
def server(*modes: str, name: str = "model") -> Iterator[str]:
    """A server that a user runs; its URL."""
    port = free_port()
    command = [sys.executable, str(PROGRAM), *modes, f"--port={port}", f"--served-model-name={name}"]
    process = ServerProcess(command, {})
    try:
        while not listening(port) and process.status is None:
            pass
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
