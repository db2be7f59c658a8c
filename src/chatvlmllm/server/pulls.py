"""Downloads of models that somebody asked for: one per model at a time, each with how far it is and how it ended."""

import logging
import threading
from dataclasses import dataclass, field
from enum import StrEnum

from chatvlmllm import weights
from chatvlmllm.config import Settings
from chatvlmllm.engines import environment
from chatvlmllm.errors import ChatVLMLLMError, InternalError
from chatvlmllm.ladder import failure
from chatvlmllm.models.card import Model
from chatvlmllm.reading import Failure

_log = logging.getLogger(__name__)


class Stage(StrEnum):
    """running → installing (the libraries of an isolated environment) → finished; failed from anywhere.

    running → stopping (asked to end; it does with the next megabytes) → cancelled.
    """

    RUNNING = "running"
    STOPPING = "stopping"
    INSTALLING = "installing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Pull:
    """How far a download is, in bytes; `total` is 0 until the hub has said it."""

    stage: Stage
    done: int
    total: int
    failure: Failure | None = None


class _Cancelled(Exception):
    """Somebody no longer wants it."""


@dataclass(slots=True)
class _Task:
    """A download as its thread sees it: bytes so far by file."""

    stop: threading.Event = field(default_factory=threading.Event)
    stage: Stage = Stage.RUNNING
    total: int = 0
    files: dict[str, int] = field(default_factory=dict)
    failure: Failure | None = None
    thread: threading.Thread | None = None

    def heard(self, name: str, done: int, _size: int) -> None:
        if self.stop.is_set():
            raise _Cancelled
        self.files[name] = done

    def planned(self, plan: weights.Plan) -> None:
        self.total = plan.bytes


class Pulls:
    """Every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}

    def begin(self, model: Model) -> None:
        """Fetch what the model needs, unless that is going on; what an earlier try left is not fetched again."""
        with self._lock:
            known = self._tasks.get(model.key)
            if known is not None and known.thread is not None and known.thread.is_alive():
                return
            task = self._tasks[model.key] = _Task()
            task.thread = threading.Thread(target=self._run, args=(model, task), name=f"pull-{model.key}", daemon=True)
            task.thread.start()

    def cancel(self, key: str) -> None:
        """End a download; what has come stays for the next try."""
        task = self._tasks.get(key)
        if task is not None:
            task.stop.set()

    def look(self, key: str) -> Pull | None:
        """How the last download of a model stands; None where there was none."""
        task = self._tasks.get(key)
        if task is None:
            return None
        stage = Stage.STOPPING if task.stop.is_set() and task.stage is Stage.RUNNING else task.stage
        return Pull(stage, sum(list(task.files.values())), task.total, task.failure)

    def close(self) -> None:
        """End every download."""
        for key in list(self._tasks):
            self.cancel(key)

    def _run(self, model: Model, task: _Task) -> None:
        try:
            weights.pull(model, self._settings, task.heard, task.planned)
            task.stage = Stage.INSTALLING
            for requirements in environment.wanted(model):
                environment.make(requirements, self._settings)
            task.stage = Stage.FINISHED
        except _Cancelled:
            task.stage = Stage.CANCELLED
        except ChatVLMLLMError as error:
            task.failure, task.stage = failure(error), Stage.FAILED
        except Exception:  # noqa: BLE001 the edge of a thread: a mistake of ours costs one download
            _log.exception("the download of %s", model.key)
            task.failure, task.stage = failure(InternalError(request=f"pull {model.key}")), Stage.FAILED
