"""What is known of one model's engine: where it stands, since when, why, and what it last wrote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chatvlmllm.engines import Engine
from chatvlmllm.errors import ChatVLMLLMError


class State(StrEnum):
    """absent → pulling → starting → ready ⇄ busy, ready ⇄ sleeping, → stopping → absent; failed from anywhere."""

    ABSENT = "absent"
    PULLING = "pulling"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    SLEEPING = "sleeping"
    STOPPING = "stopping"
    FAILED = "failed"


#: States in which a model holds memory.
RESIDENT = frozenset({State.STARTING, State.READY, State.BUSY, State.SLEEPING, State.STOPPING})
#: States that somebody is working on.
MOVING = frozenset({State.PULLING, State.STARTING, State.STOPPING})
#: States in which a model answers requests.
RUNNING = frozenset({State.READY, State.BUSY})


@dataclass(frozen=True, slots=True)
class Status:
    """A look at one engine; `log` is the tail of what it wrote, `reason` in words.

    `bytes` of memory are kept for it; `measured` is what was gone from the accelerator once it was ready, None where
    that was never seen.
    """

    model: str
    engine: str
    state: State
    since: float
    reason: str = ""
    device: str = ""
    leases: int = 0
    bytes: int = 0
    pinned: bool = False
    log: tuple[str, ...] = ()
    measured: int | None = None


#: Told about every change of state, from the thread that made it; must return quickly.
Observer = Callable[[Status], None]


@dataclass(slots=True)
class Unit:
    """The host's own record of one model; changed only under the host's lock."""

    key: str
    engine_name: str
    needed: int
    accelerated: bool
    state: State = State.ABSENT
    since: float = 0.0
    reason: str = ""
    engine: Engine | None = None
    leases: int = 0
    alone: bool = False
    used_at: float = 0.0
    pinned: bool = False
    pid: int | None = None
    failure: ChatVLMLLMError | None = None
    failed_at: float = 0.0
    log: Callable[[], Sequence[str]] = field(default=tuple)
    measured: int | None = None

    def status(self, lines: int = 40) -> Status:
        """A look at it."""
        return Status(
            model=self.key,
            engine=self.engine_name,
            state=self.state,
            since=self.since,
            reason=self.reason,
            device=self.engine.device if self.engine else "",
            leases=self.leases,
            bytes=self.needed,
            pinned=self.pinned,
            log=tuple(self.log())[-lines:],
            measured=self.measured,
        )
