"""A run: one document, how it was read, and every reading. Its JSON form is the package's published schema."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chatvlmllm.document import Document
from chatvlmllm.exchange import Task
from chatvlmllm.reading import Failure, Notice, Reading, Verdict

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_T = TypeVar("_T")

#: Grows by one whenever a field changes its meaning or goes; a new optional field leaves it.
SCHEMA = "chatvlmllm/1"


class Hear(StrEnum):
    """Is a second witness heard? `auto` and `on`: about every answer of a model that can invent text."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user wants of a page; `model` is a key or `auto`, `settings` are options of that model.

    `kind` is the kind of paper if the user knows it, `prefer` what matters when `auto` chooses: `quality` or `speed`.
    Without `fallback` a chosen model is the only one that may answer. `draft` is a model that reads every page first,
    for the one that answers to look at; by default the routing table decides whether there is one.
    """

    model: str = "auto"
    task: Task = Task.TEXT
    languages: tuple[str, ...] = ("rus", "eng")
    settings: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    prefer: str = "quality"
    fallback: bool = True
    witness: Hear = Hear.AUTO
    draft: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file that was read: `bytes` long, `pages` pages, identified by its SHA-256."""

    name: str
    media_type: str = ""
    bytes: int = 0
    sha256: str = ""
    pages: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One document's job. `failure` is set when the file could not be opened; `started` is UTC, ISO 8601."""

    document: Source
    options: Options
    environment: Mapping[str, str]
    started: str
    schema: str = SCHEMA
    notices: tuple[Notice, ...] = ()
    readings: tuple[Reading, ...] = ()
    verdict: Verdict = Verdict.OK
    failure: Failure | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


def begin(document: Document, options: Options) -> Run:
    """A run without readings."""
    source = Source(
        name=document.name,
        media_type=document.media_type,
        bytes=document.bytes,
        sha256=document.sha256,
        pages=len(document),
    )
    return Run(document=source, options=options, environment=environment(), started=now(), notices=document.notices)


def refuse(name: str, options: Options, failure: Failure) -> Run:
    """The run of a file that could not be opened."""
    return Run(
        document=Source(name=name),
        options=options,
        environment=environment(),
        started=now(),
        verdict=Verdict.FAILED,
        failure=failure,
    )


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The document's verdict: the worst of its pages'; `ok` when all are ok or blank, `blank` when all are blank."""
    worst_first = (
        Verdict.FAILED,
        Verdict.REFUSED,
        Verdict.UNSUPPORTED,
        Verdict.LOOPED,
        Verdict.TRUNCATED,
        Verdict.FELL_BACK,
        Verdict.OK,
        Verdict.BLANK,
    )
    seen = set(verdicts)
    return next((verdict for verdict in worst_first if verdict in seen), Verdict.BLANK)


def finish(run: Run, verdict: Verdict, seconds: float) -> Run:
    """The run with its outcome."""
    return replace(run, verdict=verdict, seconds={"total": seconds})


def environment() -> dict[str, str]:
    """What a reading depends on besides its page: versions and the machine."""
    return {
        "chatvlmllm": version("chatvlmllm"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    """Building one takes a tenth of a second, using it a millisecond."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def to_json(value: object, indent: int | None = None) -> str:
    """A noun of this package as JSON text."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, indent=indent).decode()


def from_json(text: str | bytes) -> Run:
    """The run that `to_json` wrote; raises pydantic's ValidationError for anything else."""
    run: Run = _adapter(Run).validate_json(text)
    return run


def parse(kind: type[_T], text: str | bytes) -> _T:
    """A noun of this package as `to_json` wrote it; raises pydantic's ValidationError for anything else."""
    value: _T = _adapter(cast("Any", kind)).validate_json(text)
    return value


def reading_from_json(text: str | bytes) -> Reading:
    """The reading that `to_json` wrote; raises pydantic's ValidationError for anything else."""
    reading: Reading = _adapter(Reading).validate_json(text)
    return reading


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a run."""
    return _adapter(Run).json_schema()
