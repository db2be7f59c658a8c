"""Jobs as values: what is asked for, how far it is, what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chatvlmllm.reading import Failure, Notice
from chatvlmllm.run import Options


class State(StrEnum):
    """Where a job is. Only the first two change any more; `failed` means that it has no pages to show."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file of a job to be: `numbers` are the wanted ones of its `pages`; one with a `failure` has none."""

    name: str
    document: str | None = None
    media_type: str = ""
    bytes: int = 0
    pages: int = 0
    numbers: tuple[int, ...] = ()
    notices: tuple[Notice, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a client asks for. Of the jobs of one owner those of higher `priority` come first.

    `awaited` marks a job whose client waits on the line.
    """

    owner: str
    options: Options
    files: tuple[NewFile, ...]
    priority: int = 0
    awaited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file of a job; `id` is the store's own number for it, `position` counts from 0."""

    id: int
    position: int
    name: str
    document: str | None
    media_type: str
    bytes: int
    pages: int
    numbers: tuple[int, ...]
    notices: tuple[Notice, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is: `done` of `total` pages, and how many got which verdict.

    `seconds_per_page` and `seconds_left` are measured on this job's own pages since it was last taken up, and None
    before there is one; results that were already there do not count.
    """

    done: int = 0
    total: int = 0
    cached: int = 0
    verdicts: Mapping[str, int] = field(default_factory=dict)
    seconds_per_page: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is now. Times are seconds since 1970."""

    id: str
    owner: str
    state: State
    options: Options
    priority: int
    awaited: bool
    created: float
    started: float | None = None
    ended: float | None = None
    failure: Failure | None = None
    progress: Progress = Progress()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job: `kind` is state, page or draft, `content` JSON; numbered from 1, no gaps."""

    number: int
    kind: str
    content: str
    at: float
