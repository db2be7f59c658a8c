"""Carrying out a swap: end the victims, start the target; when that fails, bring back what worked before.

Runs outside the host's lock; what it changes it reports through `move`.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from chatvlmllm.config import Settings
from chatvlmllm.engines import Engine, container, gpu
from chatvlmllm.engines.ownership import MARK, Ownership
from chatvlmllm.engines.policy import Plan
from chatvlmllm.engines.process import ServerProcess
from chatvlmllm.engines.start import Hooks, Start
from chatvlmllm.engines.state import State, Unit
from chatvlmllm.errors import ChatVLMLLMError, EngineStartFailed

_log = logging.getLogger(__name__)

#: How long memory may take to come back after an engine ended, in seconds; drivers free it lazily.
_MEMORY_PATIENCE = 10.0


class Sleeper(Protocol):
    """An engine that can keep its weights in main memory."""

    def sleep(self) -> None: ...
    def wake(self) -> None: ...


def living(engine: Engine) -> bool:
    """Does the engine still run? Those inside this process always do."""
    return bool(getattr(engine, "alive", True))


class Swap:
    """Starts and ends engines for one host."""

    def __init__(
        self,
        settings: Settings,
        ownership: Ownership,
        closing: threading.Event,
        move: Callable[[Unit, State, str], None],
    ) -> None:
        self._settings, self._ownership, self._closing, self._move = settings, ownership, closing, move
        self._starts: dict[str, Start] = {}

    def run(self, unit: Unit, start: Start, before: State, victims: Sequence[Unit], plan: Plan) -> None:
        """Bring `unit` in. Raises what kept it out, after the last victim was brought back."""
        try:
            # Whatever is known to prevent the start is found before anything is stopped for it.
            start.check()
            if unit.accelerated:
                self._own()
        except ChatVLMLLMError:
            for victim in victims:
                self._move(victim, State.READY, "kept")
            raise
        for victim in victims:
            self._retire(victim, sleep=victim.key in plan.sleep)
        try:
            self._start(unit, start, before)
        except ChatVLMLLMError:
            self._roll_back(victims)
            raise
        self._starts[unit.key] = start

    def _own(self) -> None:
        if not self._ownership.held:
            self._ownership.acquire()
            for left in self._ownership.end_orphans():
                _log.warning("ended process %s, which process %s had left behind", left.pid, left.owner.pid)
            # Asking a container engine that was never used would be a needless wait.
            if self._ownership.containers.exists():
                address = self._ownership.containers.read_text(encoding="utf-8")
                for name in container.end_orphans(address, self._ownership.folder):
                    _log.warning("removed container %s, which a dead process had left behind", name[:12])

    def _retire(self, victim: Unit, *, sleep: bool) -> None:
        engine = victim.engine
        assert engine is not None
        if sleep and hasattr(engine, "sleep"):
            with contextlib.suppress(ChatVLMLLMError):
                engine.sleep()
                self._move(victim, State.SLEEPING, victim.reason)
                return
        victim.engine = None
        self.end(victim, engine)
        self._move(victim, State.ABSENT, victim.reason)

    def _start(self, unit: Unit, start: Start, before: State) -> None:
        if before is State.SLEEPING and unit.engine is not None and hasattr(unit.engine, "wake"):
            try:
                unit.engine.wake()
            except ChatVLMLLMError:
                engine, unit.engine = unit.engine, None
                self.end(unit, engine)
            else:
                self._move(unit, State.READY, "woken")
                return
        free = gpu.memory().free
        unit.engine = self._made(unit, start)
        left = gpu.memory()
        if free and left.free and left.device != "cpu":
            unit.measured = max(0, free - left.free)
            unit.needed = max(unit.needed, unit.measured)
        unit.used_at = time.monotonic()
        self._move(unit, State.READY, start.reason)

    def _made(self, unit: Unit, start: Start) -> Engine:
        def made(hull: object) -> None:
            if isinstance(hull, ServerProcess):
                self._ownership.note(hull.pid, unit.key)
                unit.pid = hull.pid
            elif isinstance(hull, container.Container):
                self._ownership.containers.write_text(hull.address, encoding="utf-8")
            unit.log = lambda: getattr(hull, "log", ())

        def pulled(progress: str) -> None:
            self._move(unit, State.PULLING, progress)

        hooks = Hooks(self._closing.is_set, made, pulled, {MARK: self._ownership.mark})
        try:
            engine = start.run(hooks)
        except OSError as error:
            raise EngineStartFailed(model=unit.key, reason=error.strerror or str(error)) from error
        unit.log = lambda: getattr(engine, "log", ())
        return engine

    def _roll_back(self, victims: Sequence[Unit]) -> None:
        """The model that worked last works again; when even that fails, the next request tries anew."""
        worked = max((v for v in victims if v.state is State.ABSENT), key=lambda v: v.used_at, default=None)
        if worked is None or self._closing.is_set() or worked.key not in self._starts:
            return
        self._move(worked, State.STARTING, "rolled_back")
        try:
            self._start(worked, self._starts[worked.key], State.ABSENT)
        except ChatVLMLLMError as error:
            self._move(worked, State.FAILED, error.message())

    def end(self, unit: Unit, engine: Engine) -> None:
        """End an engine, keep its last words, and see its memory come back."""
        tail = tuple(unit.log())
        before = gpu.memory()
        engine.close()
        unit.log = lambda: tail
        if unit.pid is not None:
            self._ownership.forget(unit.pid)
            unit.pid = None
        if unit.accelerated and before.device != "cpu" and before.free is not None:
            self._await_memory(unit, before.free)

    def _await_memory(self, unit: Unit, before: int) -> None:
        """A model is gone when its memory is free again, not when its process is."""
        until = time.monotonic() + _MEMORY_PATIENCE
        while (gpu.memory().free or 0) < before + unit.needed // 2:
            if time.monotonic() > until:
                _log.warning("%s ended but its memory did not come back", unit.key)
                return
            time.sleep(0.1)
