"""Single pages: what was read on one, with blocks, boxes and words, and what it looks like."""

import io
import threading
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chatvlmllm.errors import InvalidRequest, PageOutOfRange
from chatvlmllm.run import to_json
from chatvlmllm.server.edge import PROBLEMS, finished
from chatvlmllm.server.jobs import JobId
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.store import jobs

router = APIRouter(tags=["documents"], responses=PROBLEMS)


class Look(BaseModel):
    """How a page is to be shown."""

    width: int | None = Field(None, ge=16, le=20_000, description="at most so wide; by default page pixels")
    format: Literal["png", "jpeg"] = "png"


Number = Annotated[int, Path(ge=1, le=1_000_000, description="page number from 1")]

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page", "content": {"image/png": {}, "image/jpeg": {}}}
}
_READING: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page's reading (see `chatvlmllm schema`)", "content": {"application/json": {}}}
}


@router.get("/v1/jobs/{job}/files/{file}/pages/{number}", response_class=Response, responses=_READING)
def page(
    job: JobId, file: Annotated[int, Path(ge=0, le=10_000)], number: Number, shared: SharedBy, owner: Owner
) -> Response:
    """One page that is finished, also while the job goes on: verdict, blocks, lines, words and boxes in page pixels."""
    database = shared.runner.own.database
    jobs.get(database, job, owner)
    files = jobs.files(database, job)
    if file >= len(files):
        raise InvalidRequest(where="file", problem=f"the job has {len(files)} files")
    found = jobs.reading(database, files[file], number)
    if found is None:
        raise PageOutOfRange(name=files[file].name, page=number, pages=files[file].pages)
    return Response(to_json(found), media_type="application/json")


@router.get("/v1/documents/{digest}/pages/{number}/image", response_class=Response, responses=_PICTURE)
async def image(
    request: Request,
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file")],
    number: Number,
    look: Annotated[Look, Query()],
    shared: SharedBy,
    owner: Owner,
) -> Response:
    """A page of a file of yours, upright, in the pixels that all boxes count in."""
    name = await run_in_threadpool(jobs.name_of, shared.runner.own.database, owner, digest)
    place = shared.runner.own.originals.path(digest)
    drawn = await finished(request, lambda: _drawn(shared, (place, name), number, look), threading.Event())
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(drawn, media_type=f"image/{look.format}", headers=headers)


def _drawn(shared: Shared, file: tuple[FilePath, str], number: int, look: Look) -> bytes:
    with shared.runner.own.chambers.open(*file) as document:
        [found] = document.pages([number])
        picture = found.image() if look.width is None else found.glance(look.width)
    stream = io.BytesIO()
    picture.save(stream, look.format, **({"quality": 90} if look.format == "jpeg" else {"compress_level": 1}))
    return stream.getvalue()
