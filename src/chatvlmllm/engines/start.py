"""Which engine runs a model here, and how it is started."""

import sys

from chatvlmllm import weights
from chatvlmllm.config import Settings
from chatvlmllm.engines import Engine, environment
from chatvlmllm.engines.embedded import Embedded
from chatvlmllm.engines.placement import Wanted
from chatvlmllm.engines.worker import BOOTSTRAP, Launch, WorkerEngine
from chatvlmllm.errors import EngineNotSupported, UnpinnedCode
from chatvlmllm.models.card import AnyRuntime, Model, Runtime, Worker


def start(model: Model, settings: Settings) -> Engine:
    """The engine that the user named, or the first that the card allows and this version can start.

    Raises EngineNotSupported, MissingWeights, UnpinnedCode and what the engine itself raises.
    """
    name, runtime = _runtime(model, settings)
    if isinstance(runtime, Runtime):
        return Embedded(model, settings)
    if isinstance(runtime, Worker):
        return WorkerEngine(model, launch(model, runtime, settings))
    raise EngineNotSupported(model=model.key, engine=name, reason="it is not available in this version")


def _runtime(model: Model, settings: Settings) -> tuple[str, AnyRuntime]:
    named = settings.of(model.key).engine
    if named is None:
        return next(iter(model.runtimes.items()))
    if named not in model.runtimes:
        reason = model.excluded.get(named, {}).get("en", "its card does not list it")
        raise EngineNotSupported(model=model.key, engine=named, reason=reason)
    return named, model.runtimes[named]


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
    )
