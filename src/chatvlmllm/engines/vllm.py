"""One vLLM server that we start and end: as a local process here, as a container in `container`.

The server listens on the loopback only, with a random key. It is ready when `/health` is well *and* `/v1/models` names
the model; it is dead when its process is, or when its port answers but its engine does not. Does not cover what else
must stop for it (`policy`).
"""

import json
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from chatvlmllm.engines import diagnosis
from chatvlmllm.engines.interrupt import Interruptible
from chatvlmllm.engines.openai import Endpoint, OpenAI
from chatvlmllm.engines.process import ServerProcess, free_port, random_key
from chatvlmllm.errors import (
    ChatVLMLLMError,
    EngineBusy,
    EngineCrashed,
    EngineError,
    EngineStartFailed,
    GenerationFailed,
    PortTaken,
    ServerUnreachable,
    UnpinnedCode,
)
from chatvlmllm.exchange import Delta, Reply, Request
from chatvlmllm.models.card import Model, Served

_REMOTE_CODE = "--trust-remote-code"
_CONTEXT = "--max-model-len"
#: How often a starting server is asked whether it is ready, in seconds.
_TICK = 0.25
#: A port may be taken between finding it free and listening on it.
_PORTS_TRIED = 3


class Hull(Protocol):
    """What a server lives in: a process or a container."""

    @property
    def status(self) -> int | None: ...
    @property
    def log(self) -> tuple[str, ...]: ...
    def settled(self, seconds: float = ...) -> int | None: ...
    def stop(self, grace: float) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a server for a local checkpoint; times in seconds, `share` of the GPU's memory, `cache` in GB (CPU).

    `program` starts the API server; `marks` are added to its environment so that it can be found again; `arguments` are
    those beyond the card's.
    """

    folder: Path
    program: tuple[str, ...]
    device: str = "cuda:0"
    share: float | None = None
    cache: int = 4
    slots: int = 8
    start_patience: float = 900.0
    silence: float = 120.0
    grace: float = 10.0
    sleep: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def served(model: Model) -> Served:
    """The card's vLLM runtime."""
    runtime = model.runtimes["vllm"]
    assert isinstance(runtime, Served)
    return runtime


def arguments(model: Model, launch: Launch, folder: str, host: str, port: int) -> list[str]:
    """The server's command line after the program; raises UnpinnedCode for code that may change unseen."""
    runtime = served(model)
    revision = runtime.revision or (model.weights.revision if model.weights else None)
    if _REMOTE_CODE in runtime.arguments and revision is None:
        raise UnpinnedCode(model=model.key, target=runtime.repo or (model.weights.repo if model.weights else folder))
    own = [f"--model={folder}", f"--served-model-name={model.key}", f"--host={host}", f"--port={port}"]
    if launch.device == "cpu":
        own += ["--dtype=float32", "--enforce-eager"]
    elif launch.share is not None:
        own.append(f"--gpu-memory-utilization={launch.share:.2f}")
    if launch.sleep:
        own.append("--enable-sleep-mode")
    return own + [_bounded(argument, context_of(launch.folder)) for argument in runtime.arguments] + [*launch.arguments]


def _bounded(argument: str, longest: int | None) -> str:
    """A context length that the checkpoint can hold."""
    name, _, value = argument.partition("=")
    if name == _CONTEXT and longest is not None and int(value) > longest:
        return f"{_CONTEXT}={longest}"
    return argument


def context(model: Model, folder: Path) -> int | None:
    """The longest context that a server for this checkpoint is started with."""
    for argument in served(model).arguments:
        name, _, value = _bounded(argument, context_of(folder)).partition("=")
        if name == _CONTEXT:
            return int(value)
    return context_of(folder)


def context_of(folder: Path) -> int | None:
    """The checkpoint's own longest context, where its configuration says so."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = config.get("text_config", {}).get("max_position_embeddings") or config.get("max_position_embeddings")
    return found if isinstance(found, int) else None


def variables(launch: Launch, key: str) -> dict[str, str]:
    """What the server's environment must say."""
    said = {
        "VLLM_API_KEY": key,
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if launch.device == "cpu":
        said["VLLM_CPU_KVCACHE_SPACE"] = str(launch.cache)
    if launch.sleep:
        # The routes for sleeping exist in this mode only; the port is on the loopback and behind the key.
        said["VLLM_SERVER_DEV_MODE"] = "1"
    return said | dict(launch.marks)


def inherited(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Our environment without what configures us or our interpreter."""
    ours = ("CHATVLMLLM_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in environ.items() if not name.startswith(ours)}


def start(model: Model, launch: Launch, unwanted: Callable[[], bool], seen: Callable[[Hull], None]) -> "VllmEngine":
    """A ready server in a process of its own.

    `seen` is told about the process as soon as it exists; `unwanted` is asked while waiting and ends the start.
    """

    def hull(port: int, key: str) -> ServerProcess:
        command = [*launch.program, *arguments(model, launch, str(launch.folder), "127.0.0.1", port)]
        return ServerProcess(command, inherited() | variables(launch, key))

    return start_in(hull, model, launch, unwanted, seen)


def start_in(
    make: Callable[[int, str], Hull],
    model: Model,
    launch: Launch,
    unwanted: Callable[[], bool],
    seen: Callable[[Hull], None],
) -> "VllmEngine":
    """A ready server in the hull that `make` makes for a port and a key; other ports are tried when one is taken."""
    for tried in range(1, _PORTS_TRIED + 1):
        port, key = free_port(), random_key()
        endpoint = endpoint_of(model, launch, f"http://127.0.0.1:{port}/v1", key)
        name = "vllm" if isinstance(hull := make(port, key), ServerProcess) else "container"
        seen(hull)
        engine = VllmEngine(model, endpoint, hull, launch, name)
        try:
            engine.wait_ready(unwanted)
        except PortTaken:
            engine.close()
            if tried == _PORTS_TRIED:
                raise
            continue
        except BaseException:
            engine.close()
            raise
        return engine
    raise AssertionError


def endpoint_of(model: Model, launch: Launch, url: str, key: str) -> Endpoint:
    """How to talk to the server of `model`."""
    runtime = served(model)
    return Endpoint(
        url=url,
        served=model.key,
        key=key,
        silence=launch.silence,
        slots=launch.slots,
        body=runtime.body,
        prefix=runtime.prefix,
        vllm=True,
    )


class VllmEngine:
    """A client of a server that we own, so that it also knows why the server died."""

    def __init__(self, model: Model, endpoint: Endpoint, hull: Hull, launch: Launch, name: str) -> None:
        self._model, self._hull, self._launch = model, hull, launch
        self.name, self.device, self.slots = name, launch.device, launch.slots
        self.url = endpoint.url
        self.client = OpenAI(endpoint, device=launch.device, name=name)
        headers = {"Authorization": f"Bearer {endpoint.key}"}
        root = endpoint.url.removesuffix("/v1")
        self._control = httpx.Client(base_url=root, timeout=5.0, trust_env=False, headers=headers)

    @property
    def log(self) -> tuple[str, ...]:
        return self._hull.log

    @property
    def alive(self) -> bool:
        """Does the process run? Any exit of a wanted server is a crash, status 0 included."""
        return self._hull.status is None

    @property
    def can_sleep(self) -> bool:
        return self._launch.sleep

    def wait_ready(self, unwanted: Callable[[], bool]) -> None:
        """Return when the model can be asked; raises what kept the server from starting."""
        until = time.monotonic() + self._launch.start_patience
        while not self._ready():
            status = self._hull.status
            if status is not None:
                self._hull.settled()
                raise diagnosis.crash(self._model.key, self.log, status, starting=True)
            if unwanted():
                raise EngineStartFailed(model=self._model.key, reason="the start was cancelled")
            if time.monotonic() > until:
                reason = f"not ready after {self._launch.start_patience:g} s; {diagnosis.last_words(self.log)}"
                raise EngineStartFailed(model=self._model.key, reason=reason)
            time.sleep(_TICK)

    def _ready(self) -> bool:
        if not self.healthy():
            return False
        try:
            return self._model.key in {entry.get("id") for entry in self.client.models()}
        except EngineError:
            return False

    def healthy(self) -> bool:
        """Whether the server says that its engine is well."""
        try:
            return self._control.get("/health").status_code == httpx.codes.OK
        except (httpx.HTTPError, RuntimeError):
            # The library's own error for a client that somebody has closed meanwhile is a plain RuntimeError.
            return False

    def stream(self, request: Request) -> Interruptible:
        """Deltas, then the reply; an engine that died is named with its last words."""
        inner = self.client.stream(request)
        return Interruptible(self._examining(inner), inner.interrupt)

    def _examining(self, inner: Interruptible) -> Generator[Delta | Reply]:
        try:
            with closing(inner):
                yield from inner
        except (EngineCrashed, EngineBusy, ServerUnreachable) as error:
            raise self._examined(error) from error

    def _examined(self, error: ChatVLMLLMError) -> ChatVLMLLMError:
        """The error as it is when one knows whether the engine is dead or only failed to answer."""
        if isinstance(error, EngineBusy) and self.healthy():
            return error
        # A dying server takes a moment to say why, and to stop calling itself healthy.
        status = self._hull.settled(2.0)
        if status is None and self.healthy():
            return GenerationFailed(model=self._model.key, reason=error.details.get("reason", ""))
        return diagnosis.crash(self._model.key, (*self.log, str(error.details.get("reason", ""))), status)

    def sleep(self) -> None:
        """Move the weights to main memory; raises EngineCrashed."""
        self._order("/sleep?level=1&mode=wait")

    def wake(self) -> None:
        """Bring the weights back; raises EngineCrashed."""
        self._order("/wake_up")

    def _order(self, path: str) -> None:
        try:
            self._control.post(path, timeout=60.0).raise_for_status()
        except httpx.HTTPError as error:
            raise EngineCrashed(model=self._model.key, status=self._hull.status, reason=str(error)) from error

    def close(self) -> None:
        """End the server: politely within the grace period, then for certain."""
        self._hull.stop(self._launch.grace)
        self.client.close()
        self._control.close()
