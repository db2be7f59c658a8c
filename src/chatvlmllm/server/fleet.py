"""Models: which there are, which run, bringing them in and out, their logs, and every change of state as it happens."""

import queue
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from chatvlmllm import routing, weights
from chatvlmllm.engines import gpu
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.engines.state import RESIDENT, State, Status
from chatvlmllm.errors import ChatVLMLLMError, EngineBusy, InvalidRequest
from chatvlmllm.models import catalogue, find
from chatvlmllm.models.card import Model
from chatvlmllm.server import edge
from chatvlmllm.server.pulls import Pull, Stage
from chatvlmllm.server.shared import Shared, SharedBy

router = APIRouter(tags=["models"], responses=edge.PROBLEMS)

#: Silence after which a stream says that it is still there, in seconds.
_BEAT = 15.0
#: How often a followed log is looked at, in seconds.
_LOOK = 0.5

_Wait = Annotated[bool, Query(description="answer when it runs")]
#: The key of a model.
Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
_Follow = Annotated[bool, Query(description="go on as long as the client listens")]


class PullOut(BaseModel):
    """How a download stands, in bytes; `total` is 0 until the hub has said it, `error` why it failed."""

    stage: Stage
    done: int
    total: int
    error: dict[str, Any] | None


class About(BaseModel):
    """A model here: what it is, whether it could run (`installed`, `fits`: None where nobody knows), how it stands.

    `measured` bytes of the accelerator's memory were gone when it was last ready; None where that was not seen.
    """

    title: str
    summary: dict[str, str]
    tasks: list[str]
    languages: list[str]
    licence: str
    installed: bool
    fits: bool | None
    engine: str
    state: State
    reason: str
    device: str
    bytes: int
    context: int | None
    measured: int | None
    download: int | None = Field(description="bytes of its checkpoint, where it has one")
    pull: PullOut | None


class Entry(BaseModel):
    """A model as OpenAI lists it; `chatvlmllm` is absent for `auto`, which chooses among the others."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "chatvlmllm"
    chatvlmllm: About | None = None


class Entries(BaseModel):
    object: str = "list"
    data: list[Entry]


class Standing(BaseModel):
    """How one model stands now."""

    model: str
    state: State
    reason: str = ""
    engine: str = ""
    device: str = ""
    since: float = 0.0
    leases: int = 0
    pinned: bool = False


class Lines(BaseModel):
    lines: list[str] = Field(description="the last lines that the model's engine wrote")


@router.get("/v1/models")
def models(
    shared: SharedBy, every: Annotated[bool, Query(alias="all", description="also those that cannot run now")] = False
) -> Entries:
    """The models that can be asked here, `auto` first."""
    known = [entry(model, shared) for model in catalogue().values()]
    usable = [one for one in known if every or (one.chatvlmllm is not None and one.chatvlmllm.installed)]
    return Entries(data=[Entry(id=routing.AUTO), *usable])


@router.get("/v1/models/{key}")
def model(key: Key, shared: SharedBy) -> Entry:
    """One model, installed or not."""
    return Entry(id=key) if key == routing.AUTO else entry(find(key), shared)


def entry(model: Model, shared: Shared) -> Entry:
    """What is known of a model."""
    settings, host = shared.settings, shared.host
    remote = any(model.key in server.models for server in settings.servers)
    status = _status(host, model.key)
    about = About(
        title=model.title,
        summary=dict(model.summary),
        tasks=[str(task) for task in model.recipes],
        languages=list(model.languages),
        licence=model.licence,
        installed=remote or model.weights is None or weights.here(model, settings),
        fits=True if remote else _fits(model),
        engine=status.engine if status else host.engine_of(model),
        state=status.state if status else State.ABSENT,
        reason=status.reason if status else "",
        device=status.device if status else "",
        bytes=status.bytes if status else 0,
        context=host.context(model) or model.context,
        measured=status.measured if status else None,
        download=model.weights.bytes if model.weights else None,
        pull=_pulled(shared.pulls.look(model.key)),
    )
    return Entry(id=model.key, chatvlmllm=about)


def _pulled(pull: Pull | None) -> PullOut | None:
    if pull is None:
        return None
    error = asdict(pull.failure) if pull.failure else None
    return PullOut(stage=pull.stage, done=pull.done, total=pull.total, error=error)


def _fits(model: Model) -> bool | None:
    """Whether the memory of the device that models run on is large enough."""
    if model.weights is None:
        return True
    total = gpu.memory().total
    return None if total is None else model.weights.vram <= total


def _status(host: Host, key: str) -> Status | None:
    return next((one for one in host.status() if one.model == key), None)


def _standing(host: Host, key: str) -> Standing:
    status = _status(host, key)
    return Standing(model=key, state=State.ABSENT) if status is None else Standing(**_plain(status))


def _plain(status: Status) -> dict[str, Any]:
    return {name: value for name, value in asdict(status).items() if name in Standing.model_fields}


@router.post("/v1/models/{key}/load", status_code=202)
async def load(
    request: Request,
    key: str,
    shared: SharedBy,
    wait: _Wait = False,
) -> Standing:
    """Bring a model in; without `wait` the answer comes at once and `/v1/events` tells how it goes."""
    wanted = find(key)
    if wait:
        await edge.finished(request, lambda: shared.host.load(wanted), Leaving())
    else:
        shared.pool.submit(_load, shared.host, wanted)
    return _standing(shared.host, key)


def _load(host: Host, model: Model) -> None:
    try:
        host.load(model)
    except ChatVLMLLMError:
        return  # the model's state says why


@router.post("/v1/models/{key}/unload")
def unload(key: Key, shared: SharedBy) -> Standing:
    """End a model's engine; 429 while it answers somebody."""
    find(key)
    host = shared.host
    if not host.unload(key):
        status = _status(host, key)
        if status is not None and status.state in RESIDENT:
            raise EngineBusy(model=key, reason=f"it is {status.state}")
    return _standing(host, key)


@router.post("/v1/models/{key}/pull", status_code=202)
def pull(key: Key, shared: SharedBy) -> PullOut:
    """Fetch what a model needs, going on where an earlier try stopped; its entry tells how far that is."""
    model = find(key)
    if model.weights is None:
        raise InvalidRequest(where="key", problem=f"{key} has nothing to fetch")
    shared.pulls.begin(model)
    return _pull_of(shared, key)


@router.delete("/v1/models/{key}/pull")
def cancel_pull(key: Key, shared: SharedBy) -> PullOut:
    """End a download; what has come stays for the next try."""
    find(key)
    shared.pulls.cancel(key)
    return _pull_of(shared, key)


def _pull_of(shared: Shared, key: str) -> PullOut:
    found = _pulled(shared.pulls.look(key))
    if found is None:
        raise InvalidRequest(where="key", problem=f"nothing of {key} is being fetched")
    return found


@router.get("/v1/models/{key}/logs", response_model=Lines, responses=edge.EVENTS)
async def logs(request: Request, key: Key, shared: SharedBy, follow: _Follow = False) -> Response:
    """The tail of what the engine wrote; with `follow` its lines as server-sent events."""
    find(key)
    if not follow:
        return edge.answer({"lines": _tail(shared.host, key)})
    leaving = Leaving()
    return await edge.streamed(request, _followed(shared, key, leaving), leaving)


def _tail(host: Host, key: str) -> list[str]:
    status = _status(host, key)
    return list(status.log) if status else []


def _followed(shared: Shared, key: str, leaving: Leaving) -> Iterator[bytes]:
    known: list[str] = []
    beat = time.monotonic()
    yield b": log\n\n"
    while not (leaving.is_set() or shared.ending.is_set()):
        lines = _tail(shared.host, key)
        new = fresh(known, lines)
        known = lines
        if new:
            yield b"".join(b"data: " + orjson.dumps({"line": line}) + b"\n\n" for line in new)
        elif time.monotonic() - beat > _BEAT:
            yield b": still here\n\n"
        else:
            leaving.wait(_LOOK)
            continue
        beat = time.monotonic()


def fresh(known: list[str], lines: list[str]) -> list[str]:
    """The lines of a sliding window that were not in its earlier state."""
    for size in range(min(len(known), len(lines)), 0, -1):
        if known[-size:] == lines[:size]:
            return lines[size:]
    return lines


@router.get("/v1/events", response_class=Response, responses=edge.EVENTS)
async def events(request: Request, shared: SharedBy, follow: _Follow = True) -> Response:
    """The state of every model that was asked for, then every change: events named `state`."""
    leaving = Leaving()
    return await edge.streamed(request, _changes(shared, leaving, follow=follow), leaving)


def _changes(shared: Shared, leaving: Leaving, *, follow: bool) -> Iterator[bytes]:
    told: queue.SimpleQueue[Status | None] = queue.SimpleQueue()
    end = shared.host.watch(told.put)

    def wake() -> None:
        told.put(None)

    leaving.on(wake)
    shared.ending.on(wake)
    try:
        yield b": states\n\n" + b"".join(_event(status) for status in shared.host.status())
        while follow and not (leaving.is_set() or shared.ending.is_set()):
            try:
                status = told.get(timeout=_BEAT)
            except queue.Empty:
                yield b": still here\n\n"
                continue
            if status is not None:
                yield _event(status)
    finally:
        shared.ending.off(wake)
        end()


def _event(status: Status) -> bytes:
    return b"event: state\ndata: " + orjson.dumps(_plain(status)) + b"\n\n"
