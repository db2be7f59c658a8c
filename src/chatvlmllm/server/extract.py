"""Checked fields over HTTP: the document is read as a job, and doubtful places are looked at a second time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chatvlmllm import forms
from chatvlmllm.document import Document
from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.errors import InvalidRequest, JobUnfinished, UnknownFormat
from chatvlmllm.export import fields
from chatvlmllm.export.fields import Paper
from chatvlmllm.fields import understood
from chatvlmllm.server import results
from chatvlmllm.server.edge import PROBLEMS, finished, language
from chatvlmllm.server.intake import submit
from chatvlmllm.server.jobs import forget, wait
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.server.wishes import (
    Arrived,
    ExtractPosted,
    ExtractWishes,
    body_schema,
    gone_afterwards,
    received_extract,
)
from chatvlmllm.store import jobs
from chatvlmllm.store.nouns import Order, State

router = APIRouter(tags=["documents"], responses=PROBLEMS)

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: What fields are written as, by the format's name.
_MEDIA = {"json": "application/json", "txt": "text/plain", "csv": "text/csv", "xlsx": _XLSX}

_FIELDS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The fields",
        "headers": {"X-Job-Id": {"schema": {"type": "string"}}},
        "content": {media: {} for media in _MEDIA.values()},
    }
}


@router.post(
    "/v1/extract", response_class=Response, responses=_FIELDS, openapi_extra=body_schema(ExtractPosted, ExtractWishes)
)
async def extract(request: Request, shared: SharedBy, owner: Owner, accept: Annotated[str, Header()] = "") -> Response:
    """Read one file and answer with its checked fields, in the format of `format` or `Accept` (JSON by default)."""
    await run_in_threadpool(jobs.refuse_full, shared.runner.own.database, shared.settings.jobs.queue)
    wishes, arrived = await received_extract(request, shared.runner.own.originals.arriving)
    with gone_afterwards(arrived):
        kind = _wanted(wishes.format, accept)
        if len(arrived) > 1:
            raise InvalidRequest(where="files", problem="one file is expected")
        if wishes.type != forms.AUTO:
            forms.find(wishes.type, ())
        work = _Work(shared, owner, wishes, arrived[0], Leaving())
        paper = await finished(request, work.paper, work.stop)
    written = await run_in_threadpool(_written, paper, kind, language(request.headers), shared.settings.csv_delimiter)
    return Response(written, media_type=_MEDIA[kind], headers={"X-Job-Id": work.job})


def _wanted(name: str, accept: str) -> str:
    if name:
        if name not in _MEDIA:
            raise UnknownFormat(format=name, near=", ".join(_MEDIA))
        return name
    asked = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((kind for media in asked for kind, known in _MEDIA.items() if media == known), "json")


def _written(paper: Paper, kind: str, spoken: str, delimiter: str) -> bytes:
    if kind == "xlsx":
        return fields.xlsx([paper], spoken)
    if kind == "csv":
        return "".join(fields.csv([paper], spoken, delimiter)).encode("utf-8-sig")
    lines = fields.json([paper]) if kind == "json" else fields.plain([paper], spoken)
    return "".join(lines).encode()


class _Work:
    """One extraction; everything here blocks and runs in a thread."""

    def __init__(self, shared: Shared, owner: str, wishes: ExtractWishes, arrived: Arrived, stop: Leaving) -> None:
        self._shared, self._owner, self._wishes, self._arrived, self.stop = shared, owner, wishes, arrived, stop
        self._own = shared.runner.own
        self.job = ""

    def paper(self) -> Paper:
        """Read, extract, look again; raises why nothing was read, where nothing was."""
        with self._submitted() as document:
            try:
                wait(self._shared.runner, self.job, self._owner, self.stop)
                return self._extracted(document)
            finally:
                if self._shared.settings.store.keep == "nothing":
                    forget(self._shared.runner, self.job)

    @contextmanager
    def _submitted(self) -> Iterator[Document]:
        """The job queued, and its document open for a second look, whatever becomes of the file when the job ends."""
        options, ranges = self._wishes.options(self._shared.settings), self._wishes.ranges()
        order = Order(owner=self._owner, options=options, files=(), priority=self._wishes.priority, awaited=True)
        hold = self._own.originals.lock if self._shared.settings.store.keep == "results" else threading.RLock()
        with hold:
            self.job = submit(self._shared.runner, order, [self._arrived], [ranges])
            [file] = jobs.files(self._own.database, self.job)
            assert file.document is not None
            document = self._own.chambers.open(self._own.originals.path(file.document), file.name)
        with document:
            yield document

    def _extracted(self, document: Document) -> Paper:
        database = self._own.database
        ended, [file] = jobs.get(database, self.job, self._owner), jobs.files(database, self.job)
        results.refuse_nothing(database, ended, file)
        if ended.state is not State.FINISHED:
            raise JobUnfinished(job=self.job, state=ended.state.value)
        readings = list(jobs.readings(database, file))
        read = list(zip(document.pages(file.numbers), readings, strict=True))
        found = understood(read, self._wishes.type, ended.options, self._own.host)
        form = None if found.form == forms.OTHER else forms.find(found.form, ())
        paper = Paper(file.name, found, form)
        return fields.masked(paper) if self._wishes.mask else paper
