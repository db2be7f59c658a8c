"""What a request about documents carries: its wishes, the same as the command line's flags, and its files.

Files come as parts of a multipart form or as base64 within JSON; either way they are on disk before anything looks at
them, under names of our own: a client's name is a label and never a path.
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from chatvlmllm import drafts, export
from chatvlmllm.batch.plan import Range, parse_pages
from chatvlmllm.config import Settings
from chatvlmllm.errors import InvalidRequest, RequestTooLarge
from chatvlmllm.exchange import Task
from chatvlmllm.run import Hear, Options

_Short = Annotated[str, Field(max_length=200)]


class Wishes(BaseModel):
    """How to read; every field has the meaning and the default of the command's flag of the same name."""

    model_config = ConfigDict(extra="forbid")

    model: _Short = Field("", description="model key, or auto; by default the server's setting")
    task: Task = Task.TEXT
    option: dict[_Short, _Short] = Field(default_factory=dict, description="options of the model; in a form NAME=VALUE")
    lang: str = Field("", max_length=200, pattern=r"^([A-Za-z_]+(\+[A-Za-z_]+)*)?$", description="such as rus+eng")
    pages: str = Field(
        "",
        max_length=20_000,
        description="such as 1-3,7,10-; by default all; for several files one such list each, separated by ;",
    )
    kind: _Short = Field("", description="kind of paper, where it is known")
    prefer: Literal["quality", "speed"] = "quality"
    fallback: bool = True
    witness: Hear = Hear.AUTO
    draft: _Short = Field("", description="model that reads every page first, for the one that answers to look at")
    format: _Short = Field("", description=f"one of {', '.join(export.FORMATS)}; by default what Accept asks for")
    repair_scripts: bool = False
    priority: int = Field(0, ge=-10, le=10, description="among your own jobs")

    def options(self, settings: Settings) -> Options:
        """As the pipeline wants them; raises UnknownModel, TaskNotSupported or UnknownOption."""
        chosen = self.model or settings.model
        languages = tuple((self.lang or settings.languages).split("+"))
        options = Options(
            chosen, self.task, languages, self.option, self.kind, self.prefer, self.fallback, self.witness, self.draft
        )
        drafts.check(options)
        return options

    def ranges(self) -> tuple[Range, ...]:
        """The wanted pages of every file; raises BadPageRange."""
        return parse_pages(self.pages) if self.pages else ()

    def ranges_each(self, files: int) -> tuple[tuple[Range, ...], ...]:
        """The wanted pages of each of so many files; raises BadPageRange, and InvalidRequest for another number."""
        each = self.pages.split(";")
        if len(each) == 1:
            return (self.ranges(),) * files
        if len(each) != files:
            raise InvalidRequest(where="pages", problem=f"{len(each)} lists of pages for {files} files")
        return tuple(parse_pages(one) if one.strip() else () for one in each)


class ExtractWishes(Wishes):
    """How to read, and which fields to look for."""

    type: _Short = Field("auto", description="document type, or auto")
    mask: bool = Field(False, description="hide personal data but for the last two characters")
    format: _Short = Field("", description="json, txt, csv or xlsx")


class FileWithin(BaseModel):
    """A file within JSON."""

    model_config = ConfigDict(extra="forbid")

    name: _Short = "document"
    content: Base64Bytes


class Posted(Wishes):
    """The same request as JSON, with its files within."""

    files: list[FileWithin] = Field(min_length=1)


class ExtractPosted(ExtractWishes):
    """The same request as JSON, with its files within."""

    files: list[FileWithin] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that nobody has looked at yet."""

    name: str
    path: Path


@contextmanager
def gone_afterwards(files: Sequence[Arrived]) -> Iterator[None]:
    """Nothing that was not taken over stays on the disk."""
    try:
        yield
    finally:
        for file in files:
            file.path.unlink(missing_ok=True)


async def received(request: Request, folder: Path) -> tuple[Wishes, list[Arrived]]:
    """The wishes and files of a request about reading."""
    return await _received(request, folder, Posted)


async def received_extract(request: Request, folder: Path) -> tuple[ExtractWishes, list[Arrived]]:
    """The wishes and files of a request about fields."""
    wishes, files = await _received(request, folder, ExtractPosted)
    assert isinstance(wishes, ExtractPosted)
    return wishes, files


async def _received(
    request: Request, folder: Path, kind: type[Posted] | type[ExtractPosted]
) -> tuple[Posted | ExtractPosted, list[Arrived]]:
    settings: Settings = request.app.state.shared.settings
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said == "multipart/form-data":
        async with request.form(max_files=settings.jobs.files, max_fields=100) as form:
            wishes = _checked(kind, _fields(form))
            uploads = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            if not uploads:
                raise InvalidRequest(where="files", problem="a file is missing")
            return wishes, await run_in_threadpool(_kept, [(up.filename, up.file) for up in uploads], folder)
    if said == "application/json":
        return await run_in_threadpool(_unpacked, kind, await _body(request, settings.jobs.json_mb), settings, folder)
    raise InvalidRequest(where="content-type", problem="multipart/form-data or application/json is expected")


def _fields(form: FormData) -> dict[str, Any]:
    """The form's plain fields, and a place holder for its files."""
    fields: dict[str, Any] = {"files": [{"content": ""}]}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            continue
        if name == "option":
            key, equals, said = value.partition("=")
            if not equals:
                raise InvalidRequest(where="option", problem="NAME=VALUE is expected")
            fields.setdefault("option", {})[key] = said
        elif name == "files":
            raise InvalidRequest(where="files", problem="a file is expected, not text")
        else:
            fields[name] = value
    return fields


def _checked(kind: type[Posted] | type[ExtractPosted], fields: Mapping[str, Any]) -> Posted | ExtractPosted:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


async def _body(request: Request, megabytes: float) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > megabytes * 1e6:
            raise RequestTooLarge(limit=megabytes)
        pieces.append(piece)
    return b"".join(pieces)


def _unpacked(
    kind: type[Posted] | type[ExtractPosted], body: bytes, settings: Settings, folder: Path
) -> tuple[Posted | ExtractPosted, list[Arrived]]:
    import io

    try:
        posted = kind.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error
    if len(posted.files) > settings.jobs.files:
        raise InvalidRequest(where="files", problem=f"at most {settings.jobs.files} files")
    return posted, _kept([(file.name, io.BytesIO(file.content)) for file in posted.files], folder)


def _kept(files: Sequence[tuple[str | None, BinaryIO]], folder: Path) -> list[Arrived]:
    arrived = []
    for name, stream in files:
        path = folder / secrets.token_hex(16)
        arrived.append(Arrived(label(name or ""), path))
        with path.open("xb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
    return arrived


def label(name: str) -> str:
    """A client's name for a file as something to show: no folders, nothing that moves a cursor, not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable()).strip()[:200] or "document"


def body_schema(kind: type[BaseModel], wishes: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a request that is a form or JSON."""
    form = wishes.model_json_schema(ref_template="#/components/schemas/{model}")
    json = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    for schema in (form, json):
        _inline(schema, schema.pop("$defs", {}))
    upload = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    form["properties"]["files"] = upload
    form["properties"]["option"] = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+=.*$"}}
    form["required"] = ["files"]
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json}}
    return {"requestBody": {"required": True, "content": content}}


def _inline(node: Any, definitions: Mapping[str, Any]) -> None:
    """Replace references by what they refer to: these schemas are not among FastAPI's components."""
    if isinstance(node, list):
        for inner in node:
            _inline(inner, definitions)
    elif isinstance(node, dict):
        name = str(node.get("$ref", "")).rpartition("/")[2]
        if name in definitions:
            node.pop("$ref")
            node.update(definitions[name])
        for inner in node.values():
            _inline(inner, definitions)
