"""What a person does with a result: put it right, see its fields, take everything home. The rest is in `overview`."""

import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chatvlmllm import export, forms
from chatvlmllm.batch.plan import output_stems
from chatvlmllm.corrections import Corrections, checked, mended
from chatvlmllm.errors import InvalidRequest, JobUnfinished
from chatvlmllm.export import FORMATS, Format, Style
from chatvlmllm.export import fields as papers
from chatvlmllm.server import results
from chatvlmllm.server.edge import PROBLEMS, language, streamed
from chatvlmllm.server.jobs import JobId
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.store import corrections, jobs
from chatvlmllm.store.nouns import Job, JobFile

router = APIRouter(tags=["desk"], responses=PROBLEMS)

Position = Annotated[int, Path(ge=0, le=10_000, description="position of the file in its job")]
_Text = Annotated[str, Field(max_length=200_000)]
_PLACE = Annotated[str, Field(max_length=200)]
MEDIA = {"json": "application/json", "csv": "text/csv", "txt": "text/plain", "xlsx": FORMATS["xlsx"].media_type}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
_PIECE = 1 << 16


class CorrectionsBody(BaseModel):
    """Texts by "page:block", cells by "page:block:row:column", values of fields by key."""

    model_config = ConfigDict(extra="forbid")

    blocks: dict[_PLACE, _Text] = Field(default_factory=dict, max_length=20_000)
    cells: dict[_PLACE, _Text] = Field(default_factory=dict, max_length=100_000)
    fields: dict[_PLACE, _Text] = Field(default_factory=dict, max_length=5_000)


class FormOut(BaseModel):
    key: str
    title: str


class FormsOut(BaseModel):
    object: str = "list"
    data: list[FormOut]


class FieldOut(BaseModel):
    """A field for people: `why` says how its check ended, `page` is 0 where its place is not known."""

    key: str
    title: str
    value: str | None
    raw: str
    outcome: str
    why: str
    page: int
    box: list[float] | None


class FieldsOut(BaseModel):
    form: str
    title: str
    score: float
    outcome: str
    fields: list[FieldOut]


def _found(shared: Shared, owner: str, job: str, file: int) -> tuple[Job, JobFile]:
    database = shared.runner.own.database
    known = jobs.get(database, job, owner)
    files = jobs.files(database, job)
    if file >= len(files):
        raise InvalidRequest(where="file", problem=f"the job has {len(files)} files")
    return known, files[file]


@router.get("/v1/forms")
def list_forms(request: Request) -> FormsOut:
    """The document types whose fields can be found."""
    spoken = language(request.headers)
    found = [FormOut(key=form.key, title=form.title.get(spoken, form.key)) for form in forms.forms().values()]
    return FormsOut(data=sorted(found, key=lambda one: one.title))


@router.get("/v1/jobs/{job}/files/{file}/corrections")
def corrected_so_far(job: JobId, file: Position, shared: SharedBy, owner: Owner) -> CorrectionsBody:
    """What was put right in a file."""
    _, found = _found(shared, owner, job, file)
    kept = corrections.get(shared.runner.own.database, found)
    return CorrectionsBody(blocks=dict(kept.blocks), cells=dict(kept.cells), fields=dict(kept.fields))


@router.put("/v1/jobs/{job}/files/{file}/corrections")
def correct(job: JobId, file: Position, body: CorrectionsBody, shared: SharedBy, owner: Owner) -> CorrectionsBody:
    """Keep this as what is right, instead of what was kept before."""
    _, found = _found(shared, owner, job, file)
    corrections.put(shared.runner.own.database, found, Corrections(**body.model_dump()))
    return body


def paper_of(shared: Shared, found: JobFile, kind: str) -> papers.Paper:
    """The fields of a file as read and put right."""
    database = shared.runner.own.database
    right = corrections.get(database, found)
    readings = [mended(reading, right) for reading in jobs.readings(database, found)]
    extraction = forms.extract(readings, kind)
    form = forms.forms().get(extraction.form)
    if form is not None:
        extraction = checked(extraction, form, right)
    return papers.Paper(found.name, extraction, form)


@router.get("/v1/jobs/{job}/files/{file}/fields", response_model=FieldsOut, responses=FILE)
def fields(  # noqa: PLR0913, PLR0917 what a route takes are its parameters
    request: Request,
    job: JobId,
    file: Position,
    shared: SharedBy,
    owner: Owner,
    kind: Annotated[str, Query(alias="type", max_length=200, description="document type, or auto")] = forms.AUTO,
    format: Annotated[str, Query(max_length=10, description="json, txt, csv or xlsx; by default for people")] = "",
) -> Any:
    """The fields of a file that was read, with their checks, corrections included."""
    _, found = _found(shared, owner, job, file)
    spoken = language(request.headers)
    paper = paper_of(shared, found, kind)
    if format:
        content = _written(paper, format, spoken, shared.settings.csv_delimiter)
        return Response(content, media_type=MEDIA[format])
    return _for_people(paper, spoken)


def _written(paper: papers.Paper, format: str, spoken: str, delimiter: str) -> bytes:
    match format:
        case "json":
            return "".join(papers.json([paper])).encode()
        case "txt":
            return "".join(papers.plain([paper], spoken)).encode()
        case "csv":
            return "".join(papers.csv([paper], spoken, delimiter)).encode("utf-8-sig")
        case "xlsx":
            return papers.xlsx([paper], spoken)
    raise InvalidRequest(where="format", problem="json, txt, csv or xlsx is expected")


def _for_people(paper: papers.Paper, spoken: str) -> FieldsOut:
    extraction, form = paper.extraction, paper.form
    shown = [] if form is None else [_field(paper, one, spoken) for one in extraction.every()]
    return FieldsOut(
        form=extraction.form,
        title=form.title.get(spoken, form.key) if form else "",
        score=extraction.detection.score,
        outcome=extraction.outcome,
        fields=shown,
    )


def _field(paper: papers.Paper, one: forms.Field, spoken: str) -> FieldOut:
    said = [check.sentence(spoken) for check in one.checks if check.outcome == one.outcome]
    box = one.source.box if one.source else None
    return FieldOut(
        key=one.key,
        title=papers.titled(paper, one.key, spoken),
        value=one.value,
        raw=one.raw,
        outcome=one.outcome,
        why=" ".join(dict.fromkeys(said)),
        page=one.source.page if one.source else 0,
        box=[box.x1, box.y1, box.x2, box.y2] if box else None,
    )


@router.get("/v1/jobs/{job}/files/{file}/corrected", response_class=Response, responses=FILE)
async def corrected(
    request: Request,
    job: JobId,
    file: Position,
    shared: SharedBy,
    owner: Owner,
    format: Annotated[str, Query(max_length=20)] = "txt",
) -> Response:
    """The export of one file with everything that was put right in it."""
    chosen = export.find(format)
    known, found = await run_in_threadpool(_found, shared, owner, job, file)
    refuse_unfinished(known)
    style = Style(language(request.headers), shared.settings.csv_delimiter)
    made = _pieces(shared, known, found, chosen, style)
    return await streamed(request, made, threading.Event(), chosen.media_type)


def refuse_unfinished(job: Job) -> None:
    """Raise JobUnfinished while pages may still come."""
    if not job.state.ended:
        raise JobUnfinished(job=job.id, state=job.state.value)


def _pieces(shared: Shared, job: Job, file: JobFile, format: Format, style: Style) -> Iterator[bytes]:
    own = shared.runner.own
    right = corrections.get(own.database, file)
    readings = (mended(reading, right) for reading in jobs.readings(own.database, file))
    run = results.run_of(own.database, job, file)
    if not format.pictures:
        yield from export.export(run, readings, format, style)
        return
    with own.chambers.open(own.originals.path(file.document or ""), file.name) as document:
        yield from export.export(run, readings, format, style, document)


@router.get("/v1/jobs/{job}/everything", response_class=Response, responses=FILE)
async def everything(request: Request, job: JobId, shared: SharedBy, owner: Owner) -> Response:
    """All files of a job in all formats, with fields and corrections, as a ZIP archive."""
    database = shared.runner.own.database
    known = await run_in_threadpool(jobs.get, database, job, owner)
    refuse_unfinished(known)
    files = await run_in_threadpool(jobs.files, database, job)
    style = Style(language(request.headers), shared.settings.csv_delimiter)
    made = _archive(shared, known, files, style)
    return await streamed(request, made, threading.Event(), "application/zip")


def _archive(shared: Shared, job: Job, files: list[JobFile], style: Style) -> Iterator[bytes]:
    """The archive, member by member; formats that show pictures are in it where the original is kept."""
    stems = output_stems([FilePath(file.name) for file in files])
    with tempfile.TemporaryFile(prefix="chatvlmllm-") as whole:
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
            for stem, file in zip(stems, files, strict=True):
                if file.failure is None:
                    _pack(shared, job, file, (packed, str(stem)), style)
        whole.seek(0)
        while piece := whole.read(_PIECE):
            yield piece


def _pack(shared: Shared, job: Job, file: JobFile, into: tuple[zipfile.ZipFile, str], style: Style) -> None:
    packed, stem = into
    for format in FORMATS.values():
        if format.pictures and not shared.runner.own.originals.path(file.document or "").exists():
            continue
        with packed.open(stem + format.suffix, "w") as member:
            for piece in _pieces(shared, job, file, format, style):
                member.write(piece)
    paper = paper_of(shared, file, job.options.kind or forms.AUTO)
    if paper.form is not None:
        for name in MEDIA:
            content = _written(paper, name, style.language, style.csv_delimiter)
            packed.writestr(f"{stem}.fields.{name}", content)
