"""Open WebUI's external document loader: `PUT /process` with a file as the body, one document per page back."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from chatvlmllm.errors import EmptyFile
from chatvlmllm.server import edge
from chatvlmllm.server.dialects.errand import Done, Errand, arrived, done, options
from chatvlmllm.server.shared import Owner, SharedBy

router = APIRouter(tags=["open webui"], responses=edge.PROBLEMS)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class LoadedPage(BaseModel):
    """The text of a page; `metadata` has its number, its verdict and who read it."""

    page_content: str
    metadata: dict[str, Any]


@router.put("/process", openapi_extra=_BODY)
async def process(
    request: Request, shared: SharedBy, owner: Owner, x_filename: Annotated[str, Header(max_length=1000)] = "document"
) -> list[LoadedPage]:
    """Read the file that is the request's body."""
    content = await request.body()
    name = unquote(x_filename)
    if not content:
        raise EmptyFile(name=name)

    def errand() -> Errand:
        return Errand(owner=owner, options=options(shared, ""), files=(arrived(shared, name, content),))

    async with done(request, shared, await run_in_threadpool(errand)) as found:
        return await run_in_threadpool(_pages, found)


def _pages(found: Done) -> list[LoadedPage]:
    file = found.files[0]
    return [
        LoadedPage(
            page_content=found.page(file, reading),
            metadata={
                "source": file.name,
                "page": reading.page,
                "pages": file.pages,
                "verdict": reading.verdict,
                "model": reading.answered,
            },
        )
        for reading in found.readings(file)
    ]
