"""Where the program meets HTTP: errors become OpenAI's envelope, and the one way to stream.

{"error": {"message", "type", "param", "code", "hint", "request_id"}} — `code` is the stable code of `errors`, the
sentences are in the language that the client prefers (`Accept-Language`: Russian or English).
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatvlmllm.errors import (
    ChatVLMLLMError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NoSuchPath,
)
from chatvlmllm.server.live import Live

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: OpenAI's own words for kinds of errors; everything else is "invalid_request_error" or "server_error".
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
#: Seconds after which a client may try again, by the error's status.
_AGAIN = {429: 5, 503: 30}


class Fault(BaseModel):
    """What went wrong and what to do (`message`), the latter again (`hint`), and the stable `code`."""

    message: str
    type: str
    param: str | None = None
    code: str
    hint: str = ""
    request_id: str = ""


class Problem(BaseModel):
    """Every error of this server."""

    error: Fault


#: Every route may answer with these.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request is wrong"},
    "5XX": {"model": Problem, "description": "The server or a model failed"},
}

_EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("event", "data")}}
#: The description of a response that is a stream of server-sent events.
EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": _EVENT}}}}


def language(headers: Mapping[str, str]) -> str:
    """The client's language: what stands first in `Accept-Language`, if we speak it."""
    return "ru" if headers.get("accept-language", "").lower().startswith("ru") else "en"


def envelope(error: ChatVLMLLMError, spoken: str, request_id: str) -> bytes:
    """The error as JSON, in the language `spoken`."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    fault = Fault(
        # Clients show the message only.
        message=f"{error.message(spoken)} {error.hint(spoken)}",
        type=kind,
        param=str(error.details["where"]) if "where" in error.details else None,
        code=error.code,
        hint=error.hint(spoken),
        request_id=request_id,
    )
    return orjson.dumps({"error": fault.model_dump()})


def refusal(error: ChatVLMLLMError, headers: Mapping[str, str], request_id: str) -> Response:
    """The whole response to a request that failed."""
    more = {}
    if error.status in _AGAIN:
        more["Retry-After"] = str(error.details.get("seconds", _AGAIN[error.status]))
    if error.status == 401:
        more["WWW-Authenticate"] = "Bearer"
    allowed = error.details.get("allowed")
    if allowed:
        more["Allow"] = str(allowed)
    body = envelope(error, language(headers), request_id)
    return Response(body, error.status, more, "application/json")


def request_id(request: Request) -> str:
    """The number of this request, as in its `X-Request-Id` and in the log."""
    return str(request.scope.get("request_id", ""))


def install(app: FastAPI) -> None:
    """Let every error of this app leave in the one envelope."""

    async def ours(request: Request, error: Exception) -> Response:
        return refusal(_named(request, error), request.headers, request_id(request))

    for kind in (ChatVLMLLMError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, ours)


def _named(request: Request, error: Exception) -> ChatVLMLLMError:
    """Any error as one of ours. The framework wraps whatever happens while it reads a body."""
    for known in (error, error.__cause__):
        if isinstance(known, ChatVLMLLMError):
            return known
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
        return InvalidRequest(where=where, problem=first["msg"])
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _routed(request, error)
    return InternalError(request=request_id(request))


def _routed(request: Request, error: HTTPException) -> ChatVLMLLMError:
    """What the framework refuses by itself."""
    if error.status_code == 404:
        return NoSuchPath(path=request.url.path)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed(path=request.url.path, method=request.method, allowed=allowed)
    return InvalidRequest(where="body", problem=error.detail)


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response of plain values."""
    return Response(orjson.dumps(value), status, headers, "application/json")


class ClosingStream(Response):
    """The one streaming response: when the client leaves, whatever makes the pieces is ended at once.

    `head` was taken already, so that an error before the first piece is an ordinary error response.
    """

    def __init__(self, live: Live, head: bytes, gone: "asyncio.Task[None]", media_type: str, patience: float) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live, self._head, self._gone, self._patience = live, head, gone, patience

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the pieces as they come; a client that takes none for too long counts as gone."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            piece, more = self._head, True
            while more:
                # A piece that is known to be the last one closes the response: one packet fewer.
                more = bool(piece) and not self._live.over
                async with asyncio.timeout(self._patience):
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
                piece = await self._live.take() if more else b""
        except TimeoutError:
            _log.info("a client took nothing for %g s", self._patience)
            raise ConnectionAbortedError from None
        finally:
            self._gone.cancel()
            self._live.leave()


async def streamed(
    request: Request, pieces: Iterator[bytes], stop: threading.Event, media_type: str = "text/event-stream"
) -> ClosingStream:
    """Stream what a generator says; it runs in a thread, and `stop` is set when the client leaves.

    Waits for the first piece; raises what the generator raised before it.
    """
    shared = request.app.state.shared
    live = Live(pieces, stop, shared.pool)
    gone = asyncio.create_task(_gone(request.receive))
    gone.add_done_callback(lambda _: live.leave())
    try:
        head = await live.take()
    except BaseException:
        gone.cancel()
        live.leave()
        raise
    return ClosingStream(live, head, gone, media_type, shared.settings.server.patience_seconds)


async def finished(request: Request, work: Callable[[], _T], stop: threading.Event) -> _T:
    """The result of `work`, done in a thread; `stop` is set when the client leaves."""
    pool: Executor = request.app.state.shared.pool
    async with _watched(request, stop):
        return await asyncio.get_running_loop().run_in_executor(pool, work)


@asynccontextmanager
async def _watched(request: Request, stop: threading.Event) -> AsyncIterator[None]:
    gone = asyncio.create_task(_gone(request.receive))
    gone.add_done_callback(lambda task: None if task.cancelled() else stop.set())
    try:
        yield
    except asyncio.CancelledError:
        stop.set()
        raise
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        continue
