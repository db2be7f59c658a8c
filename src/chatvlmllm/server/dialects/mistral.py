"""Mistral's `/v1/ocr`: a document within the request, or at a public address where that is allowed; Markdown by page.

Its model names mean `auto`; ours may be named instead. Pictures of the page are not cut out, annotations are not made.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from chatvlmllm.batch.plan import Range, parse_pages
from chatvlmllm.errors import InvalidRequest
from chatvlmllm.server import edge
from chatvlmllm.server.dialects.errand import Done, Errand, arrived, done, options
from chatvlmllm.server.fetch import fetch
from chatvlmllm.server.parts import decoded
from chatvlmllm.server.shared import Owner, SharedBy
from chatvlmllm.server.wire import FastRoute, ImageUrl

router = APIRouter(tags=["mistral"], responses=edge.PROBLEMS, route_class=FastRoute)


class DocumentUrl(BaseModel):
    type: Literal["document_url"] = "document_url"
    document_url: str = Field(min_length=1, description="a data: URI, or an http address where the server allows it")
    document_name: str | None = Field(None, max_length=1000)


class ImageUrlChunk(BaseModel):
    type: Literal["image_url"] = "image_url"
    image_url: str | ImageUrl


class OcrRequest(BaseModel):
    """What to read; pages count from 0 here."""

    model_config = ConfigDict(extra="ignore")

    model: str | None = Field(None, max_length=200)
    document: DocumentUrl | ImageUrlChunk
    pages: list[Annotated[int, Field(ge=0, le=1_000_000)]] | str | None = None
    bbox_annotation_format: None = None
    document_annotation_format: None = None


class Dimensions(BaseModel):
    dpi: int
    height: int
    width: int


class OcrPage(BaseModel):
    """A page; `chatvlmllm` has the verdict on it and the model that read it."""

    index: int
    markdown: str
    images: list[dict[str, Any]] = Field(default_factory=list)
    dimensions: Dimensions | None
    chatvlmllm: dict[str, Any]


class UsageInfo(BaseModel):
    pages_processed: int
    doc_size_bytes: int | None


class OcrResponse(BaseModel):
    pages: list[OcrPage]
    model: str
    usage_info: UsageInfo
    document_annotation: str | None = None


@router.post("/v1/ocr")
async def ocr(request: Request, body: OcrRequest, shared: SharedBy, owner: Owner) -> OcrResponse:
    """Read a document, page by page, as Markdown."""
    document = body.document
    if isinstance(document, DocumentUrl):
        source, name = document.document_url, document.document_name or "document"
    else:
        source, name = document.image_url if isinstance(document.image_url, str) else document.image_url.url, "picture"

    def errand() -> Errand:
        model = "" if not body.model or body.model.startswith("mistral") else body.model
        chosen, ranges = options(shared, model), _ranges(body.pages)
        web = source.startswith(("http:", "https:"))
        content = fetch(source, shared.settings) if web else decoded(source, "document")
        return Errand(owner=owner, options=chosen, files=(arrived(shared, name, content),), ranges=ranges)

    async with done(request, shared, await run_in_threadpool(errand)) as found:
        return await run_in_threadpool(_answer, found, body.model or found.job.options.model)


def _ranges(pages: list[int] | str | None) -> tuple[Range, ...]:
    """Pages from 0, as a list or as `0-2,5`, in our counting."""
    if pages is None or pages == []:
        return ()
    if isinstance(pages, list):
        return tuple((number + 1, number + 1) for number in pages)
    try:
        bounds = [[int(part) + 1 for part in piece.split("-")] for piece in pages.split(",")]
        return parse_pages(",".join("-".join(map(str, bound)) for bound in bounds))
    except ValueError as error:
        raise InvalidRequest(where="pages", problem="a list of page numbers from 0, or a text such as 0-2,5") from error


def _answer(found: Done, model: str) -> OcrResponse:
    file = found.files[0]
    pages = [
        OcrPage(
            index=reading.page - 1,
            markdown=found.page(file, reading),
            # The resolution of the paper is not known; the size is that of the picture that was read.
            dimensions=Dimensions(dpi=0, height=reading.size.height, width=reading.size.width),
            chatvlmllm={"verdict": reading.verdict, "model": reading.answered},
        )
        for reading in found.readings(file)
    ]
    return OcrResponse(
        pages=pages, model=model, usage_info=UsageInfo(pages_processed=len(pages), doc_size_bytes=file.bytes)
    )
