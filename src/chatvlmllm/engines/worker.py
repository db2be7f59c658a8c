"""Parent side of a worker: a model in a process of its own, behind the one `Engine` protocol.

Closing a stream asks the child to stop and kills it only after a grace period, since a kill costs a reload. A child
that crashed or was killed is replaced at the next request.
"""

import os
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chatvlmllm import errors
from chatvlmllm.engines import frames
from chatvlmllm.engines.child import Child, Ended, Silent
from chatvlmllm.engines.interrupt import Interruptible
from chatvlmllm.engines.placement import Wanted
from chatvlmllm.errors import ChatVLMLLMError, EngineCrashed, EngineStartFailed, EngineTimeout
from chatvlmllm.exchange import Delta, Reply, Request, Stop, Usage
from chatvlmllm.models.card import Model

#: Runs before anything of this package exists in the child.
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a worker: the local checkpoint, wishes, the interpreter, and how patient to be (seconds).

    `marks` are added to the child's environment so that it can be found again.
    """

    folder: Path
    wanted: Wanted = field(default_factory=Wanted)
    context: int | None = None
    command: tuple[str, ...] = (sys.executable, str(BOOTSTRAP))
    start_patience: float = 900.0
    patience: float = 180.0
    grace: float = 10.0
    marks: Mapping[str, str] = field(default_factory=dict)


class WorkerEngine:
    """Runs one model through Transformers. Starts its child at once, and again whenever it was lost."""

    name = "transformers"
    slots = 1

    def __init__(self, model: Model, launch: Launch) -> None:
        self._model, self._launch = model, launch
        self._turn = threading.Lock()
        self._number = 0
        self._ready: Mapping[str, Any] = {}
        self._child: Child | None = None
        self._started()

    @property
    def device(self) -> str:
        """Where the network is, as the worker reported it."""
        return str(self._ready["placement"]["device"])

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines of the worker's standard error."""
        return tuple(self._child.log) if self._child else ()

    @property
    def alive(self) -> bool:
        """Is the worker there? One that was lost is replaced at the next request."""
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """The worker's process, if there is one."""
        return self._child.pid if self._child and self._child.alive else None

    def stream(self, request: Request) -> Interruptible:
        """Deltas, then the reply; raises EngineCrashed, EngineTimeout and whatever the worker names."""
        return Interruptible(self._stream(request), self._interrupt)

    def _interrupt(self) -> None:
        """The child ends what it says now; the answer then says that it was cancelled."""
        child = self._child
        if child is not None:
            child.send({"type": "cancel", "number": self._number})

    def _stream(self, request: Request) -> Generator[Delta | Reply]:
        with self._turn:
            child = self._started()
            self._number += 1
            header, body = frames.pack(request)
            child.send({**header, "number": self._number, "context": self._launch.context}, body)
            finished = False
            try:
                for item in self._listen(child, request):
                    finished = isinstance(item, Reply)
                    yield item
            except ChatVLMLLMError:
                finished = True
                raise
            finally:
                if not finished:
                    self._cancel(child)

    def _listen(self, child: Child, request: Request) -> Iterator[Delta | Reply]:
        said: list[str] = []
        deadline = time.monotonic() + request.limits.seconds + self._launch.grace
        while True:
            frame = self._receive(child, min(self._launch.patience, deadline - time.monotonic()))
            if frame.get("number", self._number) != self._number:
                continue  # the rest of an answer that nobody wants any more
            match frame["type"]:
                case "delta":
                    said.append(frame["text"])
                    yield Delta(frame["text"])
                case "done":
                    yield self._reply("".join(said), frame)
                    return
                case "error":
                    raise _error(frame)

    def _receive(self, child: Child, seconds: float) -> dict[str, Any]:
        try:
            return child.receive(seconds)
        except Silent as error:
            self._lose(child)
            raise EngineTimeout(model=self._model.key, seconds=round(seconds, 1)) from error
        except Ended as error:
            raise self._crashed(child) from error

    def _crashed(self, child: Child) -> EngineCrashed:
        status, last = child.status(), child.log[-1] if child.log else "no message"
        self._lose(child)
        return EngineCrashed(model=self._model.key, status=status, reason=f"exit status {status}; {last}")

    def _reply(self, text: str, frame: Mapping[str, Any]) -> Reply:
        placement = self._ready["placement"]
        return Reply(
            text=text,
            stop=Stop(frame["stop"]),
            model=self._model.key,
            engine=self.name,
            device=placement["device"],
            dtype=placement["quantization"] or placement["dtype"],
            attention=placement["attention"],
            choices=placement["reasons"],
            usage=Usage(**frame["usage"]),
            seconds=frame["seconds"],
            versions=self._ready["versions"],
        )

    def _cancel(self, child: Child) -> None:
        """Ask the child to stop; it is killed when it has not done so within the grace period."""
        child.send({"type": "cancel", "number": self._number})
        until = time.monotonic() + self._launch.grace
        try:
            while child.receive(until - time.monotonic())["type"] == "delta":
                continue
        except (Silent, Ended):
            self._lose(child)

    def _started(self) -> Child:
        """The running child, or a fresh one that has loaded the model."""
        if self._child is not None and self._child.alive:
            return self._child
        if self._child is not None:
            self._lose(self._child)
        child = Child(self._launch.command, _environ() | dict(self._launch.marks))
        child.send(self._order())
        try:
            frame = child.receive(self._launch.start_patience)
        except (Silent, Ended) as error:
            silent = isinstance(error, Silent)
            reason = "it said nothing" if silent else f"it ended with status {child.status()}"
            last = child.log[-1] if child.log else ""
            child.close()
            raise EngineStartFailed(model=self._model.key, reason=f"{reason}. {last}".strip()) from error
        if frame["type"] == "error":
            child.close()
            raise _error(frame)
        self._child, self._ready = child, frame
        return child

    def _order(self) -> dict[str, object]:
        """What the child is to load."""
        weights, worker = self._model.weights, self._model.runtimes[self.name]
        return {
            "type": "load",
            "key": self._model.key,
            "runtime": self.name,
            "module": worker.load.__module__ if hasattr(worker, "load") else "",
            "folder": str(self._launch.folder),
            "wanted": asdict(self._launch.wanted),
            "remote_code": bool(weights and weights.remote_code),
        }

    def _lose(self, child: Child) -> None:
        child.close()
        self._child = None

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._lose(self._child)


def _environ() -> dict[str, str]:
    """The child's environment: ours, forbidden to fetch anything or to read configuration of other tools."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHATVLMLLM_", "PYTHONPATH"))}
    return kept | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}


def _error(frame: Mapping[str, Any]) -> ChatVLMLLMError:
    """The error that the child named by its code."""
    kinds = {
        kind.code: kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ChatVLMLLMError)
    }
    return kinds[frame["code"]](**frame["details"])
