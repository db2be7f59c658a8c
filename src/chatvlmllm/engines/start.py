"""Which engine runs a model here and why, what it will need, and how it is started."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from chatvlmllm import weights
from chatvlmllm.config import Server, Settings
from chatvlmllm.engines import Engine, container, environment, gpu, policy, vllm
from chatvlmllm.engines.embedded import Embedded
from chatvlmllm.engines.openai import Endpoint, OpenAI
from chatvlmllm.engines.placement import Wanted
from chatvlmllm.engines.worker import BOOTSTRAP, Launch, WorkerEngine
from chatvlmllm.errors import (
    EngineNotSupported,
    MissingExtra,
    MissingWeights,
    NoContainerEngine,
    NotEnoughMemory,
    ServerRefused,
    SetupError,
    UnpinnedCode,
)
from chatvlmllm.models.card import Model, Served, Worker

#: Beyond its weights a running model needs this much: code, activations, cache.
_OVERHEAD = 1_600_000_000

#: The engines that can hold an answer to a given form.
CONSTRAINED = frozenset({"openai", "vllm", "container"})

#: The engines that hold memory of the accelerator; the others never wait for it.
ACCELERATED = frozenset({"transformers", "vllm", "container"})


@dataclass(frozen=True, slots=True)
class Hooks:
    """How a start talks to its host: is it `unwanted`, what was `made`, what is `pulled`, and the owner's mark."""

    unwanted: Callable[[], bool] = lambda: False
    made: Callable[[object], None] = lambda _: None
    pulled: Callable[[str], None] = lambda _: None
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A decided start: the engine's name, why it (a stable word), the bytes it will need, and how to do it.

    `check` raises what is known beforehand to prevent the start, so that nothing is stopped for a model that cannot
    run. `slots` is how many requests are worth making at once.
    """

    engine: str
    reason: str
    run: Callable[[Hooks], Engine]
    needed: int = 0
    slots: int = 1
    cpu: bool = False
    check: Callable[[], object] = lambda: None

    @property
    def accelerated(self) -> bool:
        """Whether it takes memory of the accelerator, and so a turn."""
        return self.engine in ACCELERATED and not self.cpu


def plan(model: Model, settings: Settings, *, cpu: bool = False) -> Start:
    """How `model` is to be started; `cpu` asks for the same model on the CPU.

    Raises EngineNotSupported or MissingExtra.
    """
    if cpu:
        return replace(_transformers(model, settings, "cpu"), reason="on_the_cpu", cpu=True)
    server = next((server for server in settings.servers if model.key in server.models), None)
    if server is not None:
        return Start(
            engine="openai",
            reason="your_server",
            run=lambda _: own_server(model, server, settings),
            slots=server.requests,
        )
    named = settings.of(model.key).engine
    if named is not None:
        return replace(_MAKERS[named](model, settings), reason="configured")
    first: SetupError | None = None
    for name in _possible(model, settings):
        try:
            return _MAKERS[name](model, settings)
        except (MissingExtra, EngineNotSupported, NoContainerEngine) as error:
            first = first or error
    raise first or EngineNotSupported(model=model.key, engine="—", reason="its card lists no engine")


def _possible(model: Model, settings: Settings) -> Iterator[str]:
    """The card's engines in its order; where it says vllm, the ways to start one that the settings allow."""
    for name in model.runtimes:
        if name != "vllm":
            yield name
        elif settings.vllm.mode == "auto":
            yield from ("vllm", "container")
        elif settings.vllm.mode != "off":
            yield "vllm" if settings.vllm.mode == "process" else "container"


def _refuse(model: Model, engine: str) -> EngineNotSupported:
    reason = model.excluded.get(engine, {}).get("en", "its card does not list it")
    return EngineNotSupported(model=model.key, engine=engine, reason=reason)


def _embedded(model: Model, settings: Settings) -> Start:
    if "embedded" not in model.runtimes:
        raise _refuse(model, "embedded")
    return Start(engine="embedded", reason="inside", run=lambda _: Embedded(model, settings))


def _transformers(model: Model, settings: Settings, device: str = "") -> Start:
    runtime = model.runtimes.get("transformers")
    if not isinstance(runtime, Worker):
        raise _refuse(model, "transformers")
    if not runtime.requirements and not (find_spec("torch") and find_spec("transformers")):
        command = f'{sys.executable} -m pip install "chatvlmllm[transformers]"'
        raise MissingExtra(feature="Transformers", command=command)

    def run(hooks: Hooks) -> Engine:
        wanted = launch(model, runtime, settings)
        if device:
            wanted = replace(wanted, wanted=replace(wanted.wanted, device=device))
        return WorkerEngine(model, replace(wanted, marks=hooks.marks))

    return Start(
        engine="transformers",
        reason="first_of_card",
        run=run,
        needed=needed(model, settings),
        check=lambda: launch(model, runtime, settings),
    )


def launch(model: Model, worker: Worker, settings: Settings) -> Launch:
    """How the model's worker is started: where its files are, under which interpreter, with which wishes."""
    chosen = settings.of(model.key)
    if model.weights is not None and model.weights.remote_code and model.weights.revision is None:
        raise UnpinnedCode(model=model.key, target=model.weights.repo)
    interpreter = sys.executable
    if worker.requirements:
        interpreter = str(environment.interpreter(model.key, worker.requirements, settings))
    return Launch(
        folder=weights.folder(model, settings),
        wanted=Wanted(chosen.device, chosen.dtype, chosen.attention, chosen.quantization),
        context=chosen.context,
        command=(interpreter, str(BOOTSTRAP)),
        start_patience=settings.gpu.start_seconds,
        patience=settings.gpu.silence_seconds,
    )


def _vllm(model: Model, settings: Settings) -> Start:
    python = _served(model, settings)
    if python is None:
        raise MissingExtra(
            feature="vLLM", command="python3 -m venv ENV && ENV/bin/pip install vllm (vllm.python: ENV/bin/python)"
        )

    def run(hooks: Hooks) -> Engine:
        how = server_launch(model, settings, (str(python), "-m", "vllm.entrypoints.openai.api_server"), hooks)
        return vllm.start(model, how, hooks.unwanted, hooks.made)

    return Start(
        engine="vllm",
        reason="first_of_card",
        run=run,
        slots=settings.vllm.requests,
        needed=needed(model, settings),
        check=lambda: weights.folder(model, settings),
    )


def _served(model: Model, settings: Settings) -> Path | None:
    """The interpreter that has vLLM, if there is one; raises EngineNotSupported for a model that vLLM does not run."""
    if not isinstance(model.runtimes.get("vllm"), Served):
        raise _refuse(model, "vllm")
    if settings.vllm.python is not None:
        return settings.vllm.python if settings.vllm.python.exists() else None
    return Path(sys.executable) if find_spec("vllm") else None


def server_launch(model: Model, settings: Settings, program: tuple[str, ...], hooks: Hooks) -> vllm.Launch:
    """How a vLLM server for `model` is started with what is free now; raises NotEnoughMemory."""
    memory = gpu.memory()
    chosen = settings.of(model.key)
    share = chosen.memory_fraction
    if memory.device != "cpu" and share is None and memory.total and memory.free:
        wanted = needed(model, settings) + _OVERHEAD
        share = policy.utilization(memory.total, memory.free, wanted, weight(model, settings))
        if share is None:
            reason = f"{memory.free / 1e9:.1f} GB of {memory.total / 1e9:.1f} GB are free"
            raise NotEnoughMemory(model=model.key, reason=reason)
    return vllm.Launch(
        folder=weights.folder(model, settings),
        program=program,
        device=memory.device,
        share=share,
        cache=settings.vllm.cache_gb,
        slots=settings.vllm.requests,
        start_patience=settings.gpu.start_seconds,
        silence=settings.gpu.silence_seconds,
        sleep=settings.gpu.sleep and memory.device != "cpu",
        marks=hooks.marks,
        arguments=(f"--max-model-len={chosen.context}",) if chosen.context else (),
    )


def _container(model: Model, settings: Settings) -> Start:
    if not isinstance(model.runtimes.get("vllm"), Served):
        raise _refuse(model, "container")
    if find_spec("docker") is None:
        command = f'{sys.executable} -m pip install "chatvlmllm[containers]"'
        raise MissingExtra(feature="Docker SDK", command=command)
    if container.found(settings.vllm.socket) is None:
        raise NoContainerEngine(reason="no socket of Docker or Podman was found")
    box = container.Box(image=settings.vllm.image, socket=settings.vllm.socket, offline=settings.offline)
    return boxed(model, settings, box)


def boxed(model: Model, settings: Settings, box: container.Box) -> Start:
    """The start of a server in a container made of `box`."""

    def run(hooks: Hooks) -> Engine:
        how = server_launch(model, settings, box.program, hooks)
        return container.start(model, how, box, hooks.unwanted, hooks.made, hooks.pulled)

    return Start(
        engine="container",
        reason="first_of_card",
        run=run,
        slots=settings.vllm.requests,
        needed=needed(model, settings),
        check=lambda: (weights.folder(model, settings), container.connect(box.socket)),
    )


def own_server(model: Model, server: Server, settings: Settings) -> Engine:
    """A client of the user's own server; raises ServerUnreachable, or ServerRefused if it does not serve the model."""
    name = server.models[model.key]
    key = os.environ.get(server.key_variable, "") if server.key_variable else ""
    endpoint = Endpoint(
        url=server.url, served=name, key=key, silence=settings.gpu.silence_seconds, slots=server.requests
    )
    client = OpenAI(endpoint)
    try:
        listed = client.models()
    finally:
        client.close()
    ours = next((entry for entry in listed if entry.get("id") == name), None)
    if ours is None:
        known = ", ".join(str(entry.get("id")) for entry in listed) or "nothing"
        raise ServerRefused(model=model.key, status=404, reason=f"it serves {known}, not {name}")
    runtime = model.runtimes.get("vllm")
    if ours.get("owned_by") == "vllm" and isinstance(runtime, Served):
        endpoint = replace(endpoint, vllm=True, body=runtime.body, prefix=runtime.prefix)
    return OpenAI(endpoint)


def weight(model: Model, settings: Settings) -> int:
    """Bytes of the checkpoint's weight files on this machine; the card's figure where they are elsewhere."""
    files = weights.folder(model, settings).glob("*.safetensors")
    return sum(file.stat().st_size for file in files) or (model.weights.bytes if model.weights else 0)


def context(model: Model, engine: str, settings: Settings) -> int | None:
    """How many tokens the engine can hold, where that is less than the card says."""
    own = settings.of(model.key).context
    if own is not None or engine not in ("vllm", "container"):
        return own
    try:
        return vllm.context(model, weights.folder(model, settings))
    except MissingWeights:
        return None


def needed(model: Model, settings: Settings) -> int:
    """Bytes that the running model will take: by its files, and no more than its card says."""
    most = model.weights.vram if model.weights else _OVERHEAD
    try:
        size = weight(model, settings)
    except MissingWeights:
        return most
    return min(most, size + size // 7 + _OVERHEAD)


_MAKERS: Mapping[str, Callable[[Model, Settings], Start]] = {
    "embedded": _embedded,
    "transformers": _transformers,
    "vllm": _vllm,
    "container": _container,
}
