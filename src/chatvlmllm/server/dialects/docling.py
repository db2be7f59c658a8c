"""docling-serve v1: `/v1/convert/source` and `/v1/convert/file`, at once or as tasks that are polled.

Of its options `to_formats`, `ocr_lang`, `page_range`, `do_ocr` and `force_ocr` are understood; those about its own
machinery (pipelines, back ends, table modes, picture export) change nothing here. DoclingDocument JSON and doctags are
not made: asked for, they are named among the errors and the status is `partial_success`.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from chatvlmllm import routing
from chatvlmllm.errors import InvalidRequest
from chatvlmllm.run import Options
from chatvlmllm.server import edge
from chatvlmllm.server.dialects.errand import Done, Errand, arrived, done, ended, options, queued
from chatvlmllm.server.fetch import fetch
from chatvlmllm.server.parts import decoded
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.server.wire import FastRoute
from chatvlmllm.server.wishes import Arrived
from chatvlmllm.store import jobs as stored
from chatvlmllm.store.nouns import State

router = APIRouter(tags=["docling"], responses=edge.PROBLEMS, route_class=FastRoute)

#: Its names of formats, ours, and where the answer has them.
_FORMATS = {"md": ("md", "md_content"), "html": ("html", "html_content"), "text": ("txt", "text_content")}
_NOT_MADE = {"json": "json_content", "doctags": "doctags_content"}
_TWO_LETTERS = {"ru": "rus", "en": "eng", "uk": "ukr", "be": "bel", "kk": "kaz", "de": "deu", "fr": "fra", "es": "spa"}
_STATUS = {
    State.QUEUED: "pending",
    State.RUNNING: "started",
    State.FINISHED: "success",
    State.FAILED: "failure",
    State.CANCELLED: "failure",
}


class Wanted(BaseModel):
    """How to convert."""

    model_config = ConfigDict(extra="ignore")

    to_formats: list[Literal["md", "json", "html", "text", "doctags"]] = ["md"]
    ocr_lang: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=20)
    page_range: list[Annotated[int, Field(ge=1)]] | None = Field(None, min_length=2, max_length=2)
    do_ocr: bool = True
    force_ocr: bool = False


class HttpSource(BaseModel):
    kind: Literal["http"] = "http"
    url: str = Field(min_length=1, max_length=10_000)


class FileSource(BaseModel):
    kind: Literal["file"] = "file"
    base64_string: str
    filename: str = Field("document", max_length=1000)


class Target(BaseModel):
    kind: Literal["inbody", "zip"] = "inbody"


class SourceRequest(BaseModel):
    """What to convert, from where."""

    model_config = ConfigDict(extra="ignore")

    options: Wanted = Field(default_factory=Wanted)
    sources: list[HttpSource | FileSource] = Field(min_length=1, max_length=100)
    target: Target = Field(default_factory=Target)


class ExportedDocument(BaseModel):
    filename: str
    md_content: str | None = None
    json_content: dict[str, Any] | None = None
    html_content: str | None = None
    text_content: str | None = None
    doctags_content: str | None = None


class ErrorItem(BaseModel):
    component_type: str
    module_name: str
    error_message: str


class Converted(BaseModel):
    """The document in the wanted formats; pages that are not to be believed are named in `errors`."""

    document: ExportedDocument
    status: Literal["success", "partial_success"]
    errors: list[ErrorItem]
    processing_time: float
    timings: dict[str, Any] = Field(default_factory=dict)


class TaskOut(BaseModel):
    task_id: str
    task_type: str = "convert"
    task_status: str
    task_position: int | None = None
    task_meta: dict[str, int] | None = None


TaskId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
                        "to_formats": {"type": "array", "items": {"enum": [*_FORMATS, *_NOT_MADE]}},
                        "target_type": {"enum": ["inbody", "zip"]},
                    },
                }
            }
        },
    }
}


@router.post("/v1/convert/source", response_model=Converted, responses=_ZIP)
async def convert_source(request: Request, body: SourceRequest, shared: SharedBy, owner: Owner) -> Response:
    """Convert what is in the request, or, where the server allows it, at public addresses."""
    errand = await run_in_threadpool(_errand, shared, owner, body.options, _sources(shared, body))
    return await _converted(request, shared, errand, body.options, body.target)


@router.post("/v1/convert/file", response_model=Converted, responses=_ZIP, openapi_extra=_FORM)
async def convert_file(request: Request, shared: SharedBy, owner: Owner) -> Response:
    """Convert uploaded files: one in the answer's body, several as an archive."""
    wanted, target, errand = await _uploaded(request, shared, owner)
    return await _converted(request, shared, errand, wanted, target)


@router.post("/v1/convert/source/async")
async def convert_source_later(body: SourceRequest, shared: SharedBy, owner: Owner) -> TaskOut:
    """Queue a conversion; poll it, then fetch its result."""
    errand = await run_in_threadpool(_errand, shared, owner, body.options, _sources(shared, body))
    return await _task(shared, await queued(shared, errand, awaited=False), owner)


@router.post("/v1/convert/file/async", openapi_extra=_FORM)
async def convert_file_later(request: Request, shared: SharedBy, owner: Owner) -> TaskOut:
    """Queue a conversion of uploaded files."""
    _, _, errand = await _uploaded(request, shared, owner)
    return await _task(shared, await queued(shared, errand, awaited=False), owner)


@router.get("/v1/status/poll/{task}")
async def poll(task: TaskId, shared: SharedBy, owner: Owner, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> TaskOut:
    """How far a task is; with `wait` the answer comes when it has ended, or after so many seconds."""
    until = time.monotonic() + wait
    while True:
        found = await _task(shared, task, owner)
        if found.task_status not in ("pending", "started") or time.monotonic() >= until or shared.ending.is_set():
            return found
        await asyncio.sleep(0.25)


@router.get("/v1/result/{task}", response_model=Converted, responses=_ZIP)
async def result(request: Request, task: TaskId, shared: SharedBy, owner: Owner) -> Response:
    """What came of a task, in every text format that there is."""
    found = await run_in_threadpool(ended, request, shared, task, owner)
    every = Wanted(to_formats=["md", "html", "text"])
    return await run_in_threadpool(_answer, found, every, Target())


async def _task(shared: Shared, task: str, owner: str) -> TaskOut:
    found = await run_in_threadpool(stored.get, shared.runner.own.database, task, owner)
    progress = found.progress
    meta = {
        "num_docs": 1,
        "num_processed": int(found.state.ended),
        "pages": progress.total,
        "pages_done": progress.done,
    }
    return TaskOut(task_id=found.id, task_status=_STATUS[found.state], task_meta=meta)


def _errand(shared: Shared, owner: str, wanted: Wanted, files: Iterator[Arrived]) -> Errand:
    chosen = _options(shared, wanted)
    ranges = ((wanted.page_range[0], wanted.page_range[1]),) if wanted.page_range else ()
    return Errand(owner=owner, options=chosen, files=tuple(files), ranges=ranges)


def _options(shared: Shared, wanted: Wanted) -> Options:
    languages = []
    for name in wanted.ocr_lang:
        short = name.replace("_", "-").partition("-")[0].lower()
        known = _TWO_LETTERS.get(short) or (short if len(short) == 3 and short.isalpha() else None)
        if known is None:
            raise InvalidRequest(where="ocr_lang", problem=f"{name} is not a language's code such as rus or ru")
        languages.append(known)
    if not wanted.do_ocr:
        return replace(options(shared, routing.LAYER, tuple(languages)), fallback=False)
    forced = routing.table(shared.settings.data).embedded[0] if wanted.force_ocr else ""
    return options(shared, forced, tuple(languages))


def _sources(shared: Shared, body: SourceRequest) -> Iterator[Arrived]:
    for number, source in enumerate(body.sources):
        if isinstance(source, HttpSource):
            name = source.url.partition("?")[0].rstrip("/").rpartition("/")[2]
            yield arrived(shared, name, fetch(source.url, shared.settings))
        else:
            yield arrived(shared, source.filename, decoded(source.base64_string, f"sources.{number}.base64_string"))


async def _uploaded(request: Request, shared: Shared, owner: str) -> tuple[Wanted, Target, Errand]:
    async with request.form(max_files=shared.settings.jobs.files, max_fields=200) as form:
        uploads = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
        if not uploads:
            raise InvalidRequest(where="files", problem="a file is missing")
        said: dict[str, Any] = {}
        for name in Wanted.model_fields:
            values = [value for value in form.getlist(name) if isinstance(value, str)]
            if values:
                listed = name in ("to_formats", "ocr_lang", "page_range")
                said[name] = [part for value in values for part in value.split(",")] if listed else values[-1]
        target = str(form.get("target_type") or "inbody")
        try:
            wanted, place = Wanted.model_validate(said), Target.model_validate({"kind": target})
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error
        files = (arrived(shared, part.filename or "", part.file) for part in uploads)
        return wanted, place, await run_in_threadpool(_errand, shared, owner, wanted, files)


async def _converted(request: Request, shared: Shared, errand: Errand, wanted: Wanted, target: Target) -> Response:
    async with done(request, shared, errand) as found:
        return await run_in_threadpool(_answer, found, wanted, target)


def _answer(found: Done, wanted: Wanted, target: Target) -> Response:
    if target.kind == "zip" or len(found.files) > 1:
        first = next((name for name in wanted.to_formats if name in _FORMATS), "md")
        return Response(b"".join(found.archive(_FORMATS[first][0])), media_type="application/zip")
    file = found.files[0]
    document = ExportedDocument(filename=file.name)
    for name in wanted.to_formats:
        if name in _FORMATS:
            setattr(document, _FORMATS[name][1], found.text(file, _FORMATS[name][0]))
    errors = [
        ErrorItem(
            component_type="model", module_name=reading.answered or "", error_message=f"page {reading.page}: {why}"
        )
        for reading, why in found.doubtful
    ]
    errors += [
        ErrorItem(component_type="user_input", module_name="to_formats", error_message=f"{name} is not made here")
        for name in wanted.to_formats
        if name in _NOT_MADE
    ]
    job = found.job
    converted = Converted(
        document=document,
        status="partial_success" if errors else "success",
        errors=errors,
        processing_time=round((job.ended or job.created) - (job.started or job.created), 3),
    )
    return edge.answer(converted.model_dump())
