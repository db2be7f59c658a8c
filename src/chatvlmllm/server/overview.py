"""Jobs as a person looks at them: found by the name of a file, file by file, their fields together, once more."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from chatvlmllm import forms
from chatvlmllm.errors import InvalidRequest
from chatvlmllm.export import fields as papers
from chatvlmllm.reading import Verdict
from chatvlmllm.server.desk import FILE, MEDIA, paper_of, refuse_unfinished
from chatvlmllm.server.edge import PROBLEMS, language
from chatvlmllm.server.jobs import JobId
from chatvlmllm.server.shared import Owner, SharedBy
from chatvlmllm.store import history, jobs
from chatvlmllm.store.database import Database
from chatvlmllm.store.nouns import JobFile, NewFile, Order

router = APIRouter(tags=["desk"], responses=PROBLEMS)

#: Pages that are worth another try.
_AGAIN = {Verdict.FAILED, Verdict.REFUSED}


class HistoryOut(BaseModel):
    """Jobs with the names of their files, the newest first."""

    object: str = "list"
    data: list[dict[str, Any]]
    has_more: bool


class Again(BaseModel):
    """The new job."""

    id: str


@router.get("/v1/history")
def search(
    shared: SharedBy,
    owner: Owner,
    name: Annotated[str, Query(max_length=200, description="a part of a file's name")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 30,
    before: Annotated[float | None, Query(description="`created` of the last job of the page before")] = None,
) -> HistoryOut:
    """Your jobs that have a file of such a name."""
    found = history.search(shared.runner.own.database, owner, name, limit + 1, before)
    return HistoryOut(data=found[:limit], has_more=len(found) > limit)


class FileProgress(BaseModel):
    """A file of a job: how many of its pages are read, and with which verdicts."""

    position: int
    name: str
    pages: int
    done: int
    verdicts: list[str]
    error: dict[str, Any] | None


class ProgressOut(BaseModel):
    object: str = "list"
    data: list[FileProgress]


@router.get("/v1/jobs/{job}/progress")
def progress(job: JobId, shared: SharedBy, owner: Owner) -> ProgressOut:
    """How far every file of a job is."""
    database = shared.runner.own.database
    jobs.get(database, job, owner)
    return ProgressOut(data=[_progress(database, file) for file in jobs.files(database, job)])


def _progress(database: Database, file: JobFile) -> FileProgress:
    verdicts = [one.value for one in jobs.verdicts(database, file)]
    return FileProgress(
        position=file.position,
        name=file.name,
        pages=len(file.numbers),
        done=len(verdicts),
        verdicts=verdicts,
        error=asdict(file.failure) if file.failure else None,
    )


class SayingOut(BaseModel):
    """A page that is being read: by which model, and its text so far."""

    file: int
    page: int
    model: str
    text: str


class SaidOut(BaseModel):
    object: str = "list"
    data: list[SayingOut]


@router.get("/v1/jobs/{job}/said")
def said(job: JobId, shared: SharedBy, owner: Owner) -> SaidOut:
    """What models are saying about the job's pages just now; none of it is a result yet."""
    jobs.get(shared.runner.own.database, job, owner)
    return SaidOut(data=[SayingOut(**asdict(one)) for one in shared.runner.saying(job)])


@router.get("/v1/jobs/{job}/overview", response_class=Response, responses=FILE)
def overview(request: Request, job: JobId, shared: SharedBy, owner: Owner) -> Response:
    """The fields of all files of a job in one workbook (XLSX)."""
    database, spoken = shared.runner.own.database, language(request.headers)
    known = jobs.get(database, job, owner)
    refuse_unfinished(known)
    kind = known.options.kind or forms.AUTO
    found = [paper_of(shared, file, kind) for file in jobs.files(database, job) if file.failure is None]
    workbook = papers.xlsx([paper for paper in found if paper.form is not None], spoken)
    return Response(workbook, media_type=MEDIA["xlsx"])


@router.post("/v1/jobs/{job}/again", status_code=202)
def again(job: JobId, shared: SharedBy, owner: Owner) -> Again:
    """A new job about the files of this one that have a page without a reading; pages that were read are not again."""
    runner = shared.runner
    database = runner.own.database
    known = jobs.get(database, job, owner)
    refuse_unfinished(known)
    files = [file for file in jobs.files(database, job) if _unread(database, file)]
    if not files:
        raise InvalidRequest(where="job", problem="every page of it was read")
    order = Order(owner=owner, options=known.options, files=tuple(map(_new, files)), priority=known.priority)
    number = jobs.add(database, order, shared.settings.jobs.queue)
    runner.added()
    return Again(id=number)


def _unread(database: Database, file: JobFile) -> bool:
    return file.document is not None and bool(
        _AGAIN & set(jobs.verdicts(database, file)) or len(jobs.verdicts(database, file)) < len(file.numbers)
    )


def _new(file: JobFile) -> NewFile:
    return NewFile(
        name=file.name,
        document=file.document,
        media_type=file.media_type,
        bytes=file.bytes,
        pages=file.pages,
        numbers=file.numbers,
        notices=file.notices,
    )
