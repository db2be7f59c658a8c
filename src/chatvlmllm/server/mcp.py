"""The Model Context Protocol over standard input and output: agents read documents with the running server.

Every tool is a call of the client, so an agent shares jobs, store and models with everybody else. Where no server runs,
one is started for as long as the agent stays. Texts come with a verdict and a locator by page, `job:ID/file:N/page:N`,
by which the page can be read again later.
"""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from chatvlmllm.client import Client
from chatvlmllm.config import Settings
from chatvlmllm.errors import ChatVLMLLMError, EngineStartFailed, FileUnreadable, InvalidRequest
from chatvlmllm.exchange import Task
from chatvlmllm.messages import render
from chatvlmllm.reading import Reading
from chatvlmllm.run import Options, to_json
from chatvlmllm.server.presence import running

_T = TypeVar("_T")

#: Characters of text in one answer; what is more is read page by page.
_MOST = 40_000
#: Seconds until a server that was started must have been seen.
_PATIENCE = 60.0
_LOCATOR = re.compile(r"job:(?P<job>[0-9a-f]{32})/file:(?P<file>\d{1,5})/page:(?P<page>\d{1,7})")

_ABOUT = (
    "Reads scans, photographs and PDFs on this machine. Every page has a verdict: believe the text of pages that are"
    " ok; treat any other as doubtful and say so. Cite pages by their locator."
)


class BlockText(BaseModel):
    """A block of a page; `box` is x1, y1, x2, y2 in pixels of the page."""

    kind: str
    text: str
    box: list[float] | None
    confidence: float | None


class PageText(BaseModel):
    """A page: where it is found again, whether to believe it, and its text."""

    locator: str
    page: int
    verdict: str
    model: str | None
    text: str
    reasons: list[str] = Field(default_factory=list, description="what speaks against it")
    size: list[int] = Field(default_factory=list, description="width and height in pixels")
    blocks: list[BlockText] = Field(default_factory=list)


class DocumentText(BaseModel):
    """A document: its pages as far as they fit into one answer, and the locators of the others."""

    name: str
    verdict: str | None
    pages: list[PageText]
    unread: list[str] = Field(default_factory=list, description="locators of finished pages left out for length")


class ModelFacts(BaseModel):
    key: str
    title: str
    tasks: list[str]
    state: str
    engine: str


@dataclass(slots=True)
class Door:
    """The way to the server: the one that is named, the one that runs, or one that is started here."""

    settings: Settings
    url: str = ""
    key: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _child: subprocess.Popen[bytes] | None = None

    def client(self) -> Client:
        """A client of a server that runs now."""
        if self.url:
            return Client(self.url, self.key)
        keys = [key.get_secret_value() for key in self.settings.server.keys.values()]
        return Client(self._found(), self.key or (keys[0] if keys else ""))

    def _found(self) -> str:
        with self._lock:
            found = running(self.settings.data)
            if found is None:
                # Its standard output would be ours, where only the protocol may speak.
                command = [sys.executable, "-m", "chatvlmllm", "serve", "--host", "127.0.0.1", "--port", "0"]
                self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603
            until = time.monotonic() + _PATIENCE
            while found is None:
                if time.monotonic() > until:
                    raise EngineStartFailed(model="serve", reason=f"no server after {_PATIENCE:g} s")
                time.sleep(0.1)
                found = running(self.settings.data)
            return found.url

    def close(self) -> None:
        """End the server that was started here."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait()


def serve(settings: Settings, url: str, key: str, folders: Sequence[Path]) -> None:
    """Speak to the agent on standard input and output until it leaves."""
    door = Door(settings, url, key)
    try:
        build(door, folders).run("stdio")
    finally:
        door.close()


def build(door: Door, folders: Sequence[Path]) -> MCPServer[Any]:
    """The server with its tools; only files in `folders` are read, any file when there are none."""
    server: MCPServer[Any] = MCPServer(
        "chatvlmllm", version=version("chatvlmllm"), instructions=_ABOUT, log_level="WARNING"
    )
    tools = Tools(door, tuple(folder.resolve() for folder in folders))
    for tool in (tools.recognize_document, tools.extract_fields, tools.read_page, tools.list_models):
        server.add_tool(tool, annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
    return server


@dataclass(frozen=True, slots=True)
class Tools:
    """What an agent can do. The docstrings are read by it."""

    door: Door
    folders: tuple[Path, ...]

    async def recognize_document(
        self, path: str, model: str = "auto", task: Task = Task.TEXT, pages: str = "", languages: str = ""
    ) -> DocumentText:
        """Read a scan, a photograph or a PDF: text by page with a verdict on each.

        path: a file on this machine. model: a key from list_models, or auto. task: text, markdown, layout, table.
        pages: such as 1-3,7; all by default. languages: such as rus+eng.
        """
        return await _done(partial(self._recognize, path, _options(self.door, model, task, languages), pages))

    async def extract_fields(self, path: str, document_type: str = "auto") -> dict[str, Any]:
        """Find the fields of a paper (invoice, passport, act …): numbers, dates, sums, each with its check."""

        def extract() -> dict[str, Any]:
            import json

            with self.door.client() as client:
                found: dict[str, Any] = json.loads(to_json(client.extract(self._file(path), document_type)))
                return found

        return await _done(extract)

    async def read_page(self, locator: str, blocks: bool = False) -> PageText:
        """Read a page again that was recognised before, by its locator; with blocks also where each stands."""

        def read() -> PageText:
            found = _LOCATOR.fullmatch(locator)
            if found is None:
                raise InvalidRequest(where="locator", problem="job:ID/file:N/page:N is expected")
            with self.door.client() as client:
                return _page(locator, client.page(found["job"], int(found["file"]), int(found["page"])), blocks=blocks)

        return await _done(read)

    async def list_models(self) -> list[ModelFacts]:
        """The models that can read here, with what each can do."""

        def listed() -> list[ModelFacts]:
            with self.door.client() as client:
                return [_facts(entry) for entry in client.models()]

        return await _done(listed)

    def _recognize(self, path: str, options: Options, pages: str) -> DocumentText:
        with self.door.client() as client:
            job = client.wait(client.submit([self._file(path)], options, pages=pages).id)
            if job.error is not None or not job.files:
                raise ToolError(job.error.message if job.error else f"the job is {job.state}")
            file = job.files[0]
            document = DocumentText(name=file.name, verdict=job.verdict, pages=[])
            room = _MOST
            for number in file.wanted:
                locator = f"job:{job.id}/file:0/page:{number}"
                if room <= 0:
                    document.unread.append(locator)
                    continue
                page = _page(locator, client.page(job.id, 0, number), blocks=False)
                document.pages.append(page)
                room -= len(page.text)
            return document

    def _file(self, path: str) -> Path:
        """The file, if the agent may read it; raises FileUnreadable."""
        found = Path(path).expanduser().resolve()
        if self.folders and not any(found.is_relative_to(folder) for folder in self.folders):
            raise FileUnreadable(name=path)
        return found


def _options(door: Door, model: str, task: Task, languages: str) -> Options:
    chosen = languages or door.settings.languages
    return Options(model, task, tuple(chosen.split("+")))


def _page(locator: str, reading: Reading, *, blocks: bool) -> PageText:
    failure = [reading.failure.message] if reading.failure else []
    return PageText(
        locator=locator,
        page=reading.page,
        verdict=reading.verdict,
        model=reading.answered,
        text=reading.text,
        reasons=[*(render(f"notices.{one.code}", "en", one.details) for one in reading.evidence.reasons), *failure],
        size=[reading.size.width, reading.size.height],
        blocks=[
            BlockText(
                kind=block.kind,
                text=block.text,
                box=[block.box.x1, block.box.y1, block.box.x2, block.box.y2] if block.box else None,
                confidence=block.confidence,
            )
            for block in (reading.blocks if blocks else ())
        ],
    )


def _facts(entry: dict[str, Any]) -> ModelFacts:
    about = entry.get("chatvlmllm") or {}
    return ModelFacts(
        key=entry["id"],
        title=about.get("title", "chooses among the others"),
        tasks=about.get("tasks", []),
        state=about.get("state", ""),
        engine=about.get("engine", ""),
    )


async def _done(work: Callable[[], _T]) -> _T:
    """The result of what blocks; an error of ours reaches the agent as its sentence and what to do."""
    with _told():
        return await anyio.to_thread.run_sync(work)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ChatVLMLLMError as error:
        message = f"{error.message()} {error.hint()} [{error.code}]"
        raise ToolError(message) from error
