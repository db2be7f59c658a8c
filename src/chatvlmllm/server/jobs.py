"""Reading documents over HTTP: at once (`/v1/recognize`) or as a job that outlives the connection and the server.

Both are the same: `/v1/recognize` queues a job, waits for it and answers with its result. A job belongs to the owner
of the key that queued it; for others it does not exist.
"""

import json
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chatvlmllm.errors import InvalidRequest, JobUnfinished
from chatvlmllm.export import FORMATS, Format, Style
from chatvlmllm.server import results
from chatvlmllm.server.edge import PROBLEMS, finished, language, streamed
from chatvlmllm.server.intake import submit
from chatvlmllm.server.runner import Runner
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.server.views import DeletedOut, JobOut, JobsOut, shown
from chatvlmllm.server.wishes import Arrived, Posted, Wishes, body_schema, gone_afterwards, received
from chatvlmllm.store import jobs, sweep
from chatvlmllm.store.nouns import Job, JobFile, Order, State

router = APIRouter(tags=["documents"], responses=PROBLEMS)

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the job's id")]

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result",
        "headers": {"X-Job-Id": {"schema": {"type": "string"}}, "X-Verdict": {"schema": {"type": "string"}}},
        "content": {
            **{format.media_type: {} for format in FORMATS.values()},
            "application/zip": {},
        },
    }
}
_BODY = body_schema(Posted, Wishes)
#: Seconds of silence after which a stream of events shows that it lives.
_ALIVE = 15.0


class Want(BaseModel):
    """Which part of a result, and written how."""

    format: str = Field("", max_length=20, description=f"one of {', '.join(FORMATS)}; by default what Accept asks for")
    file: int | None = Field(None, ge=0, le=10_000, description="position of the file; by default all")
    repair_scripts: bool = False


@router.post("/v1/recognize", response_class=Response, responses=_RESULT, openapi_extra=_BODY)
async def recognize(
    request: Request,
    shared: SharedBy,
    owner: Owner,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Read one file and answer with the result in the format of `format` or `Accept` (JSON by default).

    When nothing at all could be read the answer is the error that kept it from being read. The job's id is in
    `X-Job-Id`; when the client leaves, the job is cancelled.
    """
    wishes, arrived = await _arrived(request, shared)
    with gone_afterwards(arrived):
        format = results.wanted(wishes.format, accept)
        if len(arrived) > 1:
            raise InvalidRequest(where="files", problem="one file is expected; for more, POST /v1/jobs")
        job = await run_in_threadpool(_submit, shared, owner, wishes, arrived, awaited=True)
    stop = threading.Event()
    try:
        await finished(request, lambda: wait(shared.runner, job, owner, stop), stop)
        ended = await run_in_threadpool(jobs.get, shared.runner.own.database, job, owner)
        file = (await run_in_threadpool(jobs.files, shared.runner.own.database, job))[0]
        await run_in_threadpool(results.refuse_nothing, shared.runner.own.database, ended, file)
        if ended.state is not State.FINISHED:
            raise JobUnfinished(job=job, state=ended.state.value)
        style = Style(language(request.headers), shared.settings.csv_delimiter, wishes.repair_scripts)
        return await _sent(request, shared, ended, [file], format, style)
    finally:
        if shared.settings.store.keep == "nothing":
            await run_in_threadpool(forget, shared.runner, job)


async def _arrived(request: Request, shared: Shared) -> tuple[Wishes, list[Arrived]]:
    """The request's wishes and files; a full queue is said before anything is read."""
    await run_in_threadpool(jobs.refuse_full, shared.runner.own.database, shared.settings.jobs.queue)
    return await received(request, shared.runner.own.originals.arriving)


def _submit(shared: Shared, owner: str, wishes: Wishes, arrived: list[Arrived], *, awaited: bool) -> str:
    options, ranges = wishes.options(shared.settings), wishes.ranges_each(len(arrived))
    order = Order(owner=owner, options=options, files=(), priority=wishes.priority, awaited=awaited)
    return submit(shared.runner, order, arrived, ranges)


def wait(runner: Runner, job: str, owner: str, stop: threading.Event) -> None:
    """Return when the job has ended; cancel it when `stop` is set."""
    while True:
        heard = runner.news.rings
        state = jobs.state(runner.own.database, job)
        if state is None or state.ended:
            return
        if stop.is_set():
            jobs.cancel(runner.own.database, job, owner)
            runner.ended(job)
            return
        runner.news.wait(heard, 0.25)


def forget(runner: Runner, job: str) -> None:
    """Delete a job whose answer was given, where nothing is kept."""
    runner.ended(job)
    sweep.delete(runner.own.database, runner.own.originals, job)


async def _sent(
    request: Request, shared: Shared, job: Job, files: list[JobFile], format: Format, style: Style
) -> Response:
    """The result of one file, or an archive of several."""
    own, stop = shared.runner.own, threading.Event()
    if len(files) == 1:
        made, media = results.pieces(own, job, files[0], format, style), format.media_type
    else:
        made, media = results.archive(own, job, files, format, style), "application/zip"
    if shared.settings.store.keep == "nothing":
        # It is deleted before it is sent.
        response: Response = Response(await run_in_threadpool(b"".join, made), media_type=media)
    else:
        response = await streamed(request, made, stop, media)
    response.headers["X-Job-Id"] = job.id
    response.headers["X-Verdict"] = shown(job, files).verdict or job.state.value
    return response


@router.post("/v1/jobs", status_code=202, openapi_extra=_BODY)
async def add(request: Request, shared: SharedBy, owner: Owner) -> JobOut:
    """Queue a job about one file or several; follow it at its `events`."""
    wishes, arrived = await _arrived(request, shared)
    with gone_afterwards(arrived):
        if wishes.format:
            results.wanted(wishes.format, "")
        job = await run_in_threadpool(_submit, shared, owner, wishes, arrived, awaited=False)
    return await run_in_threadpool(_look, shared, job, owner)


def _look(shared: Shared, job: str, owner: str) -> JobOut:
    database = shared.runner.own.database
    return shown(jobs.get(database, job, owner), jobs.files(database, job))


@router.get("/v1/jobs")
def newest(
    shared: SharedBy,
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[float | None, Query(description="`created` of the last job of the page before")] = None,
) -> JobsOut:
    """Your jobs, the newest first."""
    found = jobs.newest(shared.runner.own.database, owner, limit + 1, before)
    return JobsOut(data=[shown(job) for job in found[:limit]], has_more=len(found) > limit)


@router.get("/v1/jobs/{job}")
def status(job: JobId, shared: SharedBy, owner: Owner) -> JobOut:
    """How far a job is."""
    return _look(shared, job, owner)


@router.get("/v1/jobs/{job}/events", response_class=Response, responses=_EVENTS)
async def events(
    request: Request,
    job: JobId,
    shared: SharedBy,
    owner: Owner,
    last_event_id: Annotated[int, Header(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """What happens to the job, from its beginning or after `Last-Event-ID`, until it has ended.

    Events are `state` ({"state"}), `page` ({"file", "page", "verdict", "cached"}), and `draft` ({"file", "page"}) where
    pages are read in two stages.
    """
    await run_in_threadpool(jobs.get, shared.runner.own.database, job, owner)
    stop = threading.Event()
    return await streamed(request, _follow(shared, job, last_event_id, stop), stop)


def _follow(shared: Shared, job: str, after: int, stop: threading.Event) -> Iterator[bytes]:
    database, news = shared.runner.own.database, shared.runner.news
    yield b": the job's events\n\n"
    said = time.monotonic()
    while not (stop.is_set() or shared.ending.is_set()):
        heard = news.rings
        state = jobs.state(database, job)
        found = jobs.events(database, job, after)
        for event in found:
            after = event.number
            data = json.dumps({**json.loads(event.content), "at": event.at})
            yield f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n".encode()
        if not found and (state is None or state.ended):
            return
        if found:
            said = time.monotonic()
        else:
            news.wait(heard, 1.0)
        if time.monotonic() - said > _ALIVE:
            said = time.monotonic()
            yield b": still here\n\n"


@router.get("/v1/jobs/{job}/result", response_class=Response, responses=_RESULT)
async def result(
    request: Request,
    job: JobId,
    shared: SharedBy,
    owner: Owner,
    want: Annotated[Want, Query()],
    accept: Annotated[str, Header()] = "",
) -> Response:
    """What was read: the export of one file, or a ZIP archive where the job has several and none is named."""
    chosen = results.wanted(want.format, accept)
    database = shared.runner.own.database
    found = await run_in_threadpool(jobs.get, database, job, owner)
    if not found.state.ended:
        raise JobUnfinished(job=job, state=found.state.value)
    files = await run_in_threadpool(jobs.files, database, job)
    if want.file is not None and want.file >= len(files):
        raise InvalidRequest(where="file", problem=f"the job has {len(files)} files")
    files = files if want.file is None else [files[want.file]]
    if len(files) == 1:
        await run_in_threadpool(results.refuse_nothing, database, found, files[0])
    style = Style(language(request.headers), shared.settings.csv_delimiter, want.repair_scripts)
    return await _sent(request, shared, found, files, chosen, style)


@router.post("/v1/jobs/{job}/cancel")
def cancel(job: JobId, shared: SharedBy, owner: Owner) -> JobOut:
    """End a job where it is: the pages under way are broken off, those that are finished stay."""
    if jobs.cancel(shared.runner.own.database, job, owner):
        shared.runner.ended(job)
    return _look(shared, job, owner)


@router.delete("/v1/jobs/{job}")
def delete(job: JobId, shared: SharedBy, owner: Owner) -> DeletedOut:
    """Delete a job in any state with its results and files, except what other jobs refer to."""
    own = shared.runner.own
    sweep.delete(own.database, own.originals, job, owner)
    shared.runner.ended(job)
    return DeletedOut(id=job)
