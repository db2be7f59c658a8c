"""Jobs as their owners see them: what the routes about jobs answer with."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from chatvlmllm.reading import Failure, Verdict
from chatvlmllm.run import overall
from chatvlmllm.store.nouns import Job, JobFile, State


class FailureOut(BaseModel):
    code: str
    message: str
    hint: str = ""
    details: dict[str, str] = {}


class FileOut(BaseModel):
    """A file of a job: `wanted` are the page numbers that were asked for, of `pages` that it has."""

    position: int
    name: str
    sha256: str | None
    media_type: str
    bytes: int
    pages: int
    wanted: list[int]
    error: FailureOut | None = None


class PagesOut(BaseModel):
    """How far a job is; the seconds are measured on its own pages and null before there are any."""

    done: int
    total: int
    cached: int
    seconds_per_page: float | None
    seconds_left: float | None


class JobOut(BaseModel):
    """A job as it is now; times are seconds since 1970. `verdict` is there once the job is finished."""

    id: str
    object: str = "job"
    state: State
    model: str
    task: str
    options: dict[str, Any]
    priority: int
    created: float
    started: float | None
    ended: float | None
    pages: PagesOut
    verdicts: dict[str, int] = Field(description="how many pages got which verdict")
    verdict: str | None
    error: FailureOut | None
    files: list[FileOut] | None = Field(description="not in lists")


class JobsOut(BaseModel):
    object: str = "list"
    data: list[JobOut]
    has_more: bool


class DeletedOut(BaseModel):
    id: str
    deleted: bool = True


def shown(job: Job, files: list[JobFile] | None = None) -> JobOut:
    """A job as its owner sees it."""
    options, progress = asdict(job.options), job.progress
    verdict = overall(map(Verdict, progress.verdicts)) if job.state is State.FINISHED else None
    return JobOut(
        id=job.id,
        state=job.state,
        model=job.options.model,
        task=job.options.task,
        options=options,
        priority=job.priority,
        created=job.created,
        started=job.started,
        ended=job.ended,
        pages=PagesOut(
            done=progress.done,
            total=progress.total,
            cached=progress.cached,
            seconds_per_page=progress.seconds_per_page,
            seconds_left=progress.seconds_left,
        ),
        verdicts=dict(progress.verdicts),
        verdict=Verdict.FAILED.value if files and any(file.failure for file in files) and verdict else verdict,
        error=_failure(job.failure),
        files=None if files is None else [_file(file) for file in files],
    )


def _file(file: JobFile) -> FileOut:
    return FileOut(
        position=file.position,
        name=file.name,
        sha256=file.document,
        media_type=file.media_type,
        bytes=file.bytes,
        pages=file.pages,
        wanted=list(file.numbers),
        error=_failure(file.failure),
    )


def _failure(why: Failure | None) -> FailureOut | None:
    return FailureOut(**asdict(why)) if why is not None else None
