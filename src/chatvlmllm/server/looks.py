"""Before anything is read: pages in small, and which model would read them, and why."""

import base64
import io
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from chatvlmllm import messages, routing
from chatvlmllm.document import Document, Page
from chatvlmllm.errors import ChatVLMLLMError, InvalidRequest
from chatvlmllm.exchange import Task
from chatvlmllm.server.edge import PROBLEMS, language
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.server.wishes import Arrived, Posted, Wishes, body_schema, gone_afterwards, received

router = APIRouter(tags=["documents"], responses=PROBLEMS)

Number = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the preview's id")]


class PreviewOut(BaseModel):
    """A file that can be looked at for a while; nothing of it is read."""

    id: str
    name: str
    media_type: str
    bytes: int
    pages: int


class Leaf(BaseModel):
    """A page in small, as a `data:` URI of a JPEG; empty with the reason where it cannot be drawn."""

    page: int
    image: str
    problem: str = ""


class LeavesOut(BaseModel):
    object: str = "list"
    data: list[Leaf]


class PreviewGone(BaseModel):
    id: str
    deleted: bool = True


class Glimpse(BaseModel):
    """Which pages, and how wide."""

    first: int = Field(1, ge=1, le=1_000_000)
    count: int = Field(12, ge=1, le=24)
    width: int = Field(160, ge=16, le=480, description="at most so many pixels wide")


class Way(BaseModel):
    """How a page would be read: the fields of the same name of a job."""

    model: str = Field("", max_length=200)
    task: Task = Task.TEXT
    lang: str = Field("", max_length=200, pattern=r"^([A-Za-z_]+(\+[A-Za-z_]+)*)?$")
    kind: str = Field("", max_length=200)
    prefer: Literal["quality", "speed"] = "quality"
    fallback: bool = True
    draft: str = Field("", max_length=200)
    preview: str = Field("", pattern="^([0-9a-f]{32})?$", description="a file; without one a page that is a picture")
    page: int = Field(1, ge=1, le=1_000_000)


class CandidateOut(BaseModel):
    """A model that would be asked, its name for people, why, and that in words; `draft` is who would read before it."""

    model: str
    title: str
    reason: str
    why: str
    draft: str | None = None


class RouteOut(BaseModel):
    """The models that would be asked about a page, the first first, and caveats about the choice."""

    candidates: list[CandidateOut]
    notices: list[str]


@router.post("/v1/previews", status_code=201, openapi_extra=body_schema(Posted, Wishes))
async def add(request: Request, shared: SharedBy, owner: Owner) -> PreviewOut:
    """Give a file to look at: it can be had for half an hour after it was last asked for, and is not read."""
    _, arrived = await received(request, shared.runner.own.originals.arriving)
    with gone_afterwards(arrived[1:]):
        if len(arrived) > 1:
            raise InvalidRequest(where="files", problem="one file is expected")
        return await run_in_threadpool(_taken, shared, owner, arrived[0])


def _taken(shared: Shared, owner: str, file: Arrived) -> PreviewOut:
    try:
        with shared.runner.own.chambers.open(file.path, file.name) as document:
            pages = len(document)
    except ChatVLMLLMError:
        file.path.unlink(missing_ok=True)
        raise
    number = shared.previews.add(owner, file.path, file.name, pages)
    return PreviewOut(id=number, name=file.name, media_type=document.media_type, bytes=document.bytes, pages=pages)


@router.get("/v1/previews/{preview}/pages")
def pages(
    request: Request, preview: Number, glimpse: Annotated[Glimpse, Query()], shared: SharedBy, owner: Owner
) -> LeavesOut:
    """Some pages of the file in small."""
    spoken = language(request.headers)
    with _opened(shared, owner, preview) as document:
        wanted = islice(document.pages(range(glimpse.first, len(document) + 1)), glimpse.count)
        return LeavesOut(data=[_leaf(page, glimpse.width, spoken) for page in wanted])


def _opened(shared: Shared, owner: str, preview: str) -> Document:
    found = shared.previews.get(owner, preview)
    return shared.runner.own.chambers.open(found.path, found.name)


def _leaf(page: Page, width: int, spoken: str) -> Leaf:
    stream = io.BytesIO()
    try:
        page.glance(width).save(stream, "jpeg", quality=80)
    except ChatVLMLLMError as error:
        return Leaf(page=page.number, image="", problem=error.message(spoken))
    return Leaf(page=page.number, image=f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}")


@router.delete("/v1/previews/{preview}")
def drop(preview: Number, shared: SharedBy, owner: Owner) -> PreviewGone:
    """Forget the file at once."""
    shared.previews.drop(owner, preview)
    return PreviewGone(id=preview)


@router.get("/v1/route")
def route(request: Request, way: Annotated[Way, Query()], shared: SharedBy, owner: Owner) -> RouteOut:
    """Which model would read a page in this way here and now, and why; nothing is read or loaded."""
    wishes: dict[str, Any] = way.model_dump(exclude={"preview", "page"})
    options = Wishes(**wishes).options(shared.settings)
    machine, rules = routing.machine(shared.host), routing.table(shared.settings.data)
    if way.preview:
        with _opened(shared, owner, way.preview) as document:
            [page] = document.pages([way.page])
            found, notices = routing.candidates(page, options, machine, rules)
    else:
        found, notices = routing.candidates(None, options, machine, rules)
    spoken = language(request.headers)
    return RouteOut(
        candidates=[_candidate(one, spoken) for one in found],
        notices=[messages.render(f"notices.{one.code}", spoken, one.details) for one in notices],
    )


def _candidate(one: routing.Candidate, spoken: str) -> CandidateOut:
    why = messages.render(f"reasons.{one.reason}", spoken)
    draft = one.draft.key if one.draft else None
    return CandidateOut(model=one.model.key, title=one.model.title, reason=one.reason, why=why, draft=draft)
