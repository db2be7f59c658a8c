"""The one owner of running engines and of the accelerator: starts each at most once, swaps them, ends them all.

with Host(settings) as host, host.ensure(model) as engine:
    engine.stream(request)

Every decision is taken by `policy` under the host's lock and on the state of that moment; starting and ending happen
outside the lock (`swap`), one swap at a time. Does not cover what a page does when its engine failed (`ladder`).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Self

from chatvlmllm.config import Settings
from chatvlmllm.engines import Engine, gpu, policy
from chatvlmllm.engines.ownership import Ownership
from chatvlmllm.engines.policy import Breaker, Plan, Resident, Rules, Ticket
from chatvlmllm.engines.start import Start, context, plan
from chatvlmllm.engines.state import MOVING, RESIDENT, RUNNING, Observer, State, Status, Unit
from chatvlmllm.engines.steward import Steward
from chatvlmllm.engines.swap import Swap, living
from chatvlmllm.errors import (
    ChatVLMLLMError,
    CudaFailed,
    EngineCrashed,
    EngineHung,
    EngineResting,
    EngineStartFailed,
    EngineTimeout,
    NotEnoughMemory,
)
from chatvlmllm.models import catalogue, find
from chatvlmllm.models.card import Model

_log = logging.getLogger(__name__)

#: After these an engine is not asked again: it is dead, silent, or its GPU context is beyond repair.
FATAL = (EngineCrashed, EngineHung, EngineTimeout, CudaFailed)

#: Decides how a model is started here: `start.plan` unless somebody knows better.
Planner = Callable[[Model, Settings, bool], Start]


def _plan(model: Model, settings: Settings, cpu: bool) -> Start:
    return plan(model, settings, cpu=cpu)


class Host:
    """Owns every engine that this process started. `url` is where our own server listens, for others to find."""

    def __init__(self, settings: Settings, planner: Planner = _plan, url: str = "") -> None:
        for key in settings.models:
            find(key)  # a misspelt key must not leave its settings without effect
        self.settings = settings
        self.swaps = 0
        self._planner = planner
        self._changed = threading.Condition(threading.RLock())
        self._units: dict[str, Unit] = {}
        self._starts: dict[str, Start] = {}
        self._waiting: dict[int, Ticket] = {}
        self._numbers = count()
        self._served = 0
        self._breakers: dict[str, Breaker] = {}
        self._observers: list[Observer] = []
        self._closing = threading.Event()
        self._ownership = Ownership(settings.data / "engines", url)
        self._swap = Swap(settings, self._ownership, self._closing, self._move)
        self._swapping = False
        self._steward = Steward(self, settings, self._closing)

    @contextmanager
    def ensure(self, model: Model, *, cpu: bool = False, alone: bool = False) -> Iterator[Engine]:
        """A ready engine for `model`, leased for the duration; waits for its turn on the accelerator.

        `cpu` asks for the model on the CPU, `alone` for an engine that nobody else uses meanwhile. Raises whatever
        keeps the engine from starting, and EngineResting for a model that failed too often.
        """
        unit, engine = self._lease(model, cpu, alone)
        try:
            yield engine
        except ChatVLMLLMError as error:
            self._failed(unit, engine, error)
            raise
        else:
            with self._changed:
                self._breakers[unit.key] = self._breaker(unit.key).worked()
        finally:
            self._leave(unit)

    def _lease(self, model: Model, cpu: bool, alone: bool) -> tuple[Unit, Engine]:
        arrived = time.monotonic()
        with self._changed:
            unit = self._unit(model, cpu)
            ticket = Ticket(next(self._numbers), unit.key)
            self._waiting[ticket.number] = ticket
            try:
                while not self._entered(unit, ticket, alone):
                    self._refuse(unit, arrived)
                    if self._must_start(unit):
                        self._bring_in(unit)
                    else:
                        self._changed.wait(0.5)
            finally:
                del self._waiting[ticket.number]
                self._changed.notify_all()
            assert unit.engine is not None
            return unit, unit.engine

    def _unit(self, model: Model, cpu: bool) -> Unit:
        """The record of a model; how it starts is decided anew while nothing of it runs."""
        key = f"{model.key}@cpu" if cpu else model.key
        unit = self._units.get(key)
        if unit is None or unit.state in (State.ABSENT, State.FAILED):
            start = self._planner(model, self.settings, cpu)
            self._starts[key] = start
            if unit is None:
                unit = self._units[key] = Unit(key, start.engine, start.needed, start.accelerated)
            unit.engine_name, unit.needed, unit.accelerated = start.engine, start.needed, start.accelerated
            unit.pinned = unit.pinned or key in self.settings.gpu.pinned
        return unit

    def _entered(self, unit: Unit, ticket: Ticket, alone: bool) -> bool:
        """Take a lease if it is this ticket's turn."""
        if unit.state not in RUNNING or unit.engine is None or not self._lives(unit):
            return False
        if unit.alone or unit.leases >= (1 if alone else unit.engine.slots):
            return False
        if unit.accelerated and self._turn().ticket != ticket:
            return False
        unit.leases, unit.alone, unit.used_at = unit.leases + 1, alone, time.monotonic()
        if unit.accelerated and policy.overtakes(ticket, self._accelerated(), self._running()):
            self._served += 1
        self._move(unit, State.BUSY)
        return True

    def _lives(self, unit: Unit) -> bool:
        """An engine that ended while nobody used it is a crash too, whatever its exit status says."""
        if unit.engine is not None and unit.leases == 0 and not living(unit.engine):
            self._discard(unit, unit.engine, EngineCrashed(model=unit.key, status=None, reason="it ended while idle"))
            return False
        return True

    def _refuse(self, unit: Unit, arrived: float) -> None:
        """Raise what makes waiting pointless."""
        if self._closing.is_set():
            raise EngineStartFailed(model=unit.key, reason="the program is ending")
        if unit.failure is not None and unit.failed_at >= arrived:
            raise type(unit.failure)(**unit.failure.details)
        rest = self._breaker(unit.key).resting(time.monotonic())
        if rest and unit.state not in RESIDENT:
            raise EngineResting(model=unit.key, times=self._breaker(unit.key).failures, seconds=round(rest))

    def _must_start(self, unit: Unit) -> bool:
        """Whether it is for the calling thread to bring the model in now."""
        if unit.state not in (State.ABSENT, State.FAILED, State.SLEEPING):
            return False
        if not unit.accelerated:
            return True
        if self._swapping or any(u.accelerated and u.state in MOVING for u in self._units.values()):
            return False
        room = self._plan(unit)
        if not room.possible:
            raise NotEnoughMemory(model=unit.key, reason=room.reason)
        if not room.victims:
            return True
        busy = any(self._units[key].leases for key in room.victims)
        return not busy and self._turn().swap == unit.key

    def _plan(self, unit: Unit) -> Plan:
        rules = self.settings.gpu
        residents = [
            Resident(
                other.key,
                other.needed,
                other.used_at,
                busy=other.leases > 0,
                pinned=other.pinned,
                asleep=other.state is State.SLEEPING,
                can_sleep=bool(getattr(other.engine, "can_sleep", False)),
            )
            for other in self._units.values()
            if other.accelerated and other.state in RESIDENT
        ]
        free = gpu.memory().free if rules.policy == policy.BUDGET else None
        wanted = Rules(rules.policy, int(rules.budget_gb * 1e9), rules.sleep)
        return policy.plan(unit.key, unit.needed, residents, free, wanted)

    def _turn(self) -> policy.Turn:
        """Whose turn it is, among those whose engine has a free place or does not run."""
        return policy.next_turn(
            [ticket for ticket in self._accelerated() if not self._full(self._units[ticket.model])],
            self._running(),
            self._served,
            self.settings.gpu.fairness,
        )

    def _accelerated(self) -> list[Ticket]:
        return [ticket for ticket in self._waiting.values() if self._units[ticket.model].accelerated]

    def _running(self) -> set[str]:
        return {unit.key for unit in self._units.values() if unit.state in RUNNING}

    @staticmethod
    def _full(unit: Unit) -> bool:
        return unit.engine is not None and (unit.alone or unit.leases >= unit.engine.slots)

    def _bring_in(self, unit: Unit) -> None:
        """Start the model; with the lock held on entry and exit, and released meanwhile."""
        start = self._starts[unit.key]
        room = self._plan(unit) if unit.accelerated else Plan()
        victims = [self._units[key] for key in room.victims]
        before = unit.state
        self._swapping = self._swapping or unit.accelerated
        self._move(unit, State.STARTING, start.reason)
        for victim in victims:
            self._move(victim, State.STOPPING, room.reason)
        error: ChatVLMLLMError | None = None
        self._changed.release()
        try:
            self._swap.run(unit, start, before, victims, room)
        except ChatVLMLLMError as refused:
            error = refused
        finally:
            self._changed.acquire()
            if unit.accelerated:
                self._swapping, self._served = False, 0
            self._changed.notify_all()
        if error is None:
            self.swaps += unit.accelerated
            self._steward.wake()
            return
        _log.info("%s did not start: %s", unit.key, error)
        self._note_failure(unit, error)

    def _note_failure(self, unit: Unit, error: ChatVLMLLMError) -> None:
        unit.failure, unit.failed_at = error, time.monotonic()
        self._breakers[unit.key] = self._breaker(unit.key).failed(time.monotonic())
        self._move(unit, State.FAILED, error.message())

    def _failed(self, unit: Unit, engine: Engine, error: ChatVLMLLMError) -> None:
        """A lease ended in an error: an engine that cannot go on is ended."""
        dead = isinstance(error, FATAL) or (isinstance(error, NotEnoughMemory) and not living(engine))
        if dead and unit.engine_name != "embedded":
            with self._changed:
                self._discard(unit, engine, error)

    def _discard(self, unit: Unit, engine: Engine, error: ChatVLMLLMError) -> None:
        """End an engine that failed, once, however many leases saw it fail."""
        if unit.engine is not engine:
            return
        unit.engine = None
        self._breakers[unit.key] = self._breaker(unit.key).failed(time.monotonic())
        self._move(unit, State.STOPPING, error.message())
        self._changed.release()
        try:
            self._swap.end(unit, engine)
        finally:
            self._changed.acquire()
            # Not the fate of those who wait: they may have a fresh engine.
            self._move(unit, State.FAILED, error.message())

    def _leave(self, unit: Unit) -> None:
        with self._changed:
            unit.leases, unit.alone, unit.used_at = unit.leases - 1, False, time.monotonic()
            if unit.leases == 0 and unit.state is State.BUSY:
                self._move(unit, State.READY)
            self._changed.notify_all()

    def _breaker(self, key: str) -> Breaker:
        return self._breakers.get(key, Breaker())

    def _move(self, unit: Unit, state: State, reason: str = "") -> None:
        """Change a state and tell everybody."""
        with self._changed:
            if unit.state is not state:
                unit.state, unit.since = state, time.time()
            unit.reason = reason or unit.reason
            self._changed.notify_all()
            for observer in self._observers:
                observer(unit.status())

    def watch(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` at every change from now on; returns what ends that."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def status(self) -> list[Status]:
        """A look at every model that was ever asked for."""
        with self._changed:
            return [unit.status() for unit in self._units.values()]

    def context(self, model: Model) -> int | None:
        """How many tokens the engine of `model` can hold, where that is less than the card says."""
        return context(model, self.engine_of(model), self.settings)

    def engine_of(self, model: Model, *, cpu: bool = False) -> str:
        """The name of the engine that runs `model`, or would."""
        unit = self._units.get(f"{model.key}@cpu" if cpu else model.key)
        if unit is not None:
            return unit.engine_name
        try:
            return self._planner(model, self.settings, cpu).engine
        except ChatVLMLLMError:
            return next(iter(model.runtimes))

    def width(self, key: str) -> int:
        """How many pages are worth reading at once when `key` is asked for."""
        inside = self.settings.workers or os.cpu_count() or 1
        if key not in catalogue():
            # `auto` may meet any engine; those that take one page at a time make the others wait.
            remote = [server.requests for server in self.settings.servers]
            return max(inside, *remote, self.settings.vllm.requests if gpu.gpus() else 0, 1)
        try:
            return max(inside, self._planner(catalogue()[key], self.settings, False).slots)
        except ChatVLMLLMError:
            return inside

    def running(self) -> frozenset[str]:
        """The models that would answer at once."""
        with self._changed:
            return frozenset(self._running())

    def load(self, model: Model) -> None:
        """Bring the model in and leave it there."""
        with self.ensure(model):
            return

    def pin(self, key: str, *, pinned: bool = True) -> None:
        """Keep a model that others must not push out."""
        with self._changed:
            if key in self._units:
                self._units[key].pinned = pinned

    def unload(self, key: str, *, idle_since: float | None = None) -> bool:
        """End a model's engine when it is idle; `idle_since` leaves one alone that was used after that time."""
        with self._changed:
            unit = self._units.get(key)
            if unit is None or unit.engine is None or unit.state not in (State.READY, State.SLEEPING) or unit.leases:
                return False
            if idle_since is not None and (unit.used_at > idle_since or unit.pinned):
                return False
            engine, unit.engine = unit.engine, None
            self._move(unit, State.STOPPING, "unloaded" if idle_since is None else "idle")
        self._swap.end(unit, engine)
        self._move(unit, State.ABSENT)
        return True

    def examine(self) -> None:
        """Notice engines that ended while nobody used them."""
        with self._changed:
            for unit in list(self._units.values()):
                if unit.state is State.READY:
                    self._lives(unit)

    def close(self) -> None:
        """End every engine and give the accelerator back; a start in progress is broken off."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
            while self._swapping:
                self._changed.wait(0.5)
            engines = [(unit, unit.engine) for unit in self._units.values() if unit.engine is not None]
            for unit, _ in engines:
                unit.engine = None
        for unit, engine in engines:
            self._move(unit, State.STOPPING, "the program is ending")
            self._swap.end(unit, engine)
            self._move(unit, State.ABSENT)
        self._steward.close()
        self._ownership.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
