"""A client of our own server, for programs, the command line and the web interface.

    with Client("http://127.0.0.1:8642") as client:
        run = client.recognize("act.pdf")
        job = client.submit(["one.pdf", "two.pdf"], Options(task=Task.LAYOUT))
        for event in client.events(job.id):
            print(event.kind, event.content)

Results are the package's own nouns. What the server refuses is raised as the same error as a local call would raise,
in the words of the server. Threads may share a client.
"""

import json
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from chatvlmllm.errors import ChatVLMLLMError, FileMissing, FileUnreadable, ServerUnreachable, errors_by_code
from chatvlmllm.forms import Extraction
from chatvlmllm.reading import Failure, Reading
from chatvlmllm.run import Options, Run, parse, reading_from_json
from chatvlmllm.run import from_json as run_from_json

#: A file to send: where it is, or its name and its bytes.
Sent = str | Path | tuple[str, bytes]

_DEFAULTS = Options()
#: Seconds between attempts to get an interrupted stream of events back, and how often in a row it is tried.
_PAUSE, _TRIES = 1.0, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCount:
    """How far a job is; the seconds are measured on its own pages and None before there are any."""

    done: int
    total: int
    cached: int = 0
    seconds_per_page: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file of a job: `wanted` are the page numbers that were asked for, of `pages` that it has."""

    position: int
    name: str
    sha256: str | None
    media_type: str
    bytes: int
    pages: int
    wanted: tuple[int, ...]
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it was when it was asked for; times are seconds since 1970. `files` is empty in lists."""

    id: str
    state: str
    model: str
    task: str
    created: float
    started: float | None
    ended: float | None
    pages: PageCount
    verdicts: Mapping[str, int] = field(default_factory=dict)
    verdict: str | None = None
    error: Failure | None = None
    files: tuple[SentFile, ...] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job: a `page` was finished, or drafted (`draft`), or the job's `state` changed."""

    number: int
    kind: str
    content: Mapping[str, Any]


class Client:
    """Speaks to the server at `url`; `key` is the API key if it wants one, `language` that of its sentences."""

    def __init__(
        self, url: str = "http://127.0.0.1:8642", key: str = "", *, language: str = "en", seconds: float = 3600.0
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"Accept-Language": language, **({"Authorization": f"Bearer {key}"} if key else {})}
        timeout = httpx.Timeout(seconds, connect=10.0)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)

    def recognize(self, source: Sent, options: Options = _DEFAULTS, *, pages: str = "") -> Run:
        """Read one document and wait for it; `pages` are such as `1-3,7`. Its readings are in the run."""
        return run_from_json(self.export(source, "json", options, pages=pages))

    def export(self, source: Sent, format: str, options: Options = _DEFAULTS, *, pages: str = "") -> bytes:
        """Read one document and wait for the file of that format."""
        wishes = {**_wishes(options), "pages": pages, "format": format}
        return self._posted("/v1/recognize", [source], wishes).content

    def submit(
        self, sources: Sequence[Sent], options: Options = _DEFAULTS, *, pages: str = "", priority: int = 0
    ) -> Job:
        """Queue a job about one document or several."""
        wishes = {**_wishes(options), "pages": pages, "priority": str(priority)}
        return parse(Job, self._posted("/v1/jobs", sources, wishes).content)

    def job(self, job: str) -> Job:
        """How far a job is; raises UnknownJob."""
        return parse(Job, self._get(f"/v1/jobs/{job}").content)

    def jobs(self, limit: int = 50, before: float | None = None) -> tuple[Job, ...]:
        """Your jobs, the newest first; `before` is the `created` of the last one of the page before."""
        wanted = {"limit": limit, **({} if before is None else {"before": before})}
        return tuple(parse(Job, json.dumps(one)) for one in self._get("/v1/jobs", wanted).json()["data"])

    def events(self, job: str, after: int = 0) -> Iterator[Event]:
        """What happens to a job until it has ended; a lost connection is taken up where it was."""
        tries = 0
        while True:
            try:
                for event in self._events(job, after):
                    after, tries = event.number, 0
                    yield event
            except ServerUnreachable:
                tries += 1
                if tries >= _TRIES:
                    raise
                time.sleep(_PAUSE)
            else:
                if self.job(job).state not in ("queued", "running"):
                    return

    def _events(self, job: str, after: int) -> Iterator[Event]:
        for kind, number, data in self._streamed(f"/v1/jobs/{job}/events", {"Last-Event-ID": str(after)}):
            yield Event(int(number or 0), kind, json.loads(data))

    def wait(self, job: str) -> Job:
        """The job once it has ended."""
        for _ in self.events(job):
            continue
        return self.job(job)

    def result(self, job: str, file: int = 0) -> Run:
        """What was read of one file of a job that has ended; raises JobUnfinished before."""
        return run_from_json(self.download(job, "json", file))

    def download(self, job: str, format: str, file: int | None = None) -> bytes:
        """The file of that format; a ZIP archive where the job has several files and none is named."""
        wanted = {"format": format, **({} if file is None else {"file": file})}
        return self._get(f"/v1/jobs/{job}/result", wanted).content

    def page(self, job: str, file: int, number: int) -> Reading:
        """One page of a file (from 0) as soon as it is finished."""
        return reading_from_json(self._get(f"/v1/jobs/{job}/files/{file}/pages/{number}").content)

    def page_image(self, sha256: str, number: int, width: int | None = None, format: str = "png") -> bytes:
        """A page's picture, in the pixels that boxes count in or at most `width` wide; raises OriginalGone."""
        wanted = {"format": format, **({} if width is None else {"width": width})}
        return self._get(f"/v1/documents/{sha256}/pages/{number}/image", wanted).content

    def cancel(self, job: str) -> Job:
        """End a job where it is; what is finished stays."""
        return parse(Job, self.ask("POST", f"/v1/jobs/{job}/cancel").content)

    def delete(self, job: str) -> None:
        """Delete a job, its results and its files."""
        self.ask("DELETE", f"/v1/jobs/{job}")

    def extract(
        self, source: Sent, form: str = "auto", options: Options = _DEFAULTS, *, mask: bool = False
    ) -> Extraction:
        """Checked fields of one document; `form` is a document type or auto."""
        return parse(Extraction, self.extract_as(source, "json", form, options, mask=mask))

    def extract_as(
        self, source: Sent, format: str, form: str = "auto", options: Options = _DEFAULTS, *, mask: bool = False
    ) -> bytes:
        """Checked fields of one document as a file: txt, json, csv or xlsx; `form` is a document type or auto."""
        wishes = {**_wishes(options), "type": form, "format": format, "mask": str(mask).lower()}
        return self._posted("/v1/extract", [source], wishes).content

    def chat(self, messages: Sequence[Mapping[str, Any]], model: str = "auto", **parameters: Any) -> Iterator[str]:
        """What the model answers, as it says it; `parameters` are those of OpenAI's chat completions."""
        with closing(self.chunks({"model": model, "messages": list(messages), **parameters})) as chunks:
            for chunk in chunks:
                for choice in chunk.get("choices", ()):
                    yield choice["delta"].get("content") or ""

    def chunks(self, body: Mapping[str, Any]) -> Generator[dict[str, Any]]:
        """The chunks of one of OpenAI's chat completions; closing ends the generation."""
        for _, _, data in self._streamed("/v1/chat/completions", {}, {**body, "stream": True}):
            if data == "[DONE]":
                return
            chunk = json.loads(data)
            if "error" in chunk:
                raise _error(chunk["error"], 500)
            yield chunk

    def models(self, *, every: bool = False) -> list[dict[str, Any]]:
        """The models that can run there, or all, as `GET /v1/models` lists them."""
        found: list[dict[str, Any]] = self._get("/v1/models", {"all": str(every).lower()}).json()["data"]
        return found

    def load(self, model: str, *, wait: bool = True) -> dict[str, Any]:
        """Bring a model in; how it stands then."""
        return self._standing(f"/v1/models/{model}/load", {"wait": str(wait).lower()})

    def unload(self, model: str) -> dict[str, Any]:
        """End a model's engine; raises EngineBusy while it answers somebody."""
        return self._standing(f"/v1/models/{model}/unload", {})

    def _standing(self, path: str, wanted: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("POST", path, params=wanted).json()
        return found

    def logs(self, model: str) -> list[str]:
        """The tail of what a model's engine wrote."""
        lines: list[str] = self._get(f"/v1/models/{model}/logs").json()["lines"]
        return lines

    def states(self) -> Iterator[dict[str, Any]]:
        """The state of every model that was asked for, then every change, for as long as one listens."""
        for _, _, data in self._streamed("/v1/events", {}):
            yield json.loads(data)

    def system(self) -> dict[str, Any]:
        """What the server runs on."""
        found: dict[str, Any] = self._get("/v1/system").json()
        return found

    def _get(self, path: str, wanted: Mapping[str, Any] | None = None) -> httpx.Response:
        return self.ask("GET", path, params=wanted)

    def _posted(self, path: str, sources: Sequence[Sent], wishes: Mapping[str, Any]) -> httpx.Response:
        with ExitStack() as opened:
            files = [("files", _part(source, opened)) for source in sources]
            return self.ask("POST", path, files=files, data={k: v for k, v in wishes.items() if v not in ("", [])})

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer of any route; `more` is for httpx (`params`, `json`, `data`, `files`)."""
        with self._reached():
            response = self._http.request(method, path, **more)
        if response.is_error:
            raise _error(_envelope(response), response.status_code)
        return response

    def _streamed(
        self, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[str, str | None, str]]:
        """Server-sent events as (kind, id, data)."""
        method = "GET" if body is None else "POST"
        with self._reached(), self._http.stream(method, path, headers=dict(headers), json=body) as response:
            if response.is_error:
                response.read()
                raise _error(_envelope(response), response.status_code)
            yield from _heard(response.iter_lines())

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachable(url=self._http.base_url, reason=reason) from error

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _wishes(options: Options) -> dict[str, Any]:
    """Options as fields of a form."""
    return {
        "model": options.model,
        "task": options.task.value,
        "option": [f"{name}={value}" for name, value in options.settings.items()],
        "lang": "+".join(options.languages),
        "kind": options.kind,
        "prefer": options.prefer,
        "fallback": str(options.fallback).lower(),
        "witness": options.witness.value,
        "draft": options.draft,
    }


def _part(source: Sent, opened: ExitStack) -> tuple[str, Any]:
    if isinstance(source, tuple):
        return source
    path = Path(source)
    try:
        return path.name, opened.enter_context(path.open("rb"))
    except FileNotFoundError as error:
        raise FileMissing(name=path) from error
    except OSError as error:
        raise FileUnreadable(name=path) from error


def _heard(lines: Iterable[str]) -> Iterator[tuple[str, str | None, str]]:
    found: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in found:
                yield found.get("event", "message"), found.get("id"), found["data"]
            found = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            found[name] = f"{found[name]}\n{value}" if name == "data" and "data" in found else value


def _envelope(response: httpx.Response) -> Mapping[str, Any]:
    try:
        fault = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": f"HTTP {response.status_code}"}
    return fault if isinstance(fault, dict) else {"message": str(fault)}


def _error(fault: Mapping[str, Any], status: int) -> ChatVLMLLMError:
    """The server's error as the class that it was there, in the server's words."""
    code = str(fault.get("code") or "server_refused")
    kind = errors_by_code().get(code) or errors_by_code()["server_refused"]
    hint = str(fault.get("hint", ""))
    # The server's message ends with the hint, for clients that show nothing else.
    return kind(status=status).saying(str(fault.get("message", "")).removesuffix(hint).strip(), hint)
