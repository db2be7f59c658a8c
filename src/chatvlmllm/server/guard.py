"""What every request passes before any route sees it: its number, its key, its origin, its size and its pace.

Pure ASGI, so that a streamed piece costs one more function call and nothing else.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Mapping
from itertools import count
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatvlmllm.config import Serving
from chatvlmllm.errors import (
    ChatVLMLLMError,
    InternalError,
    KeyWrong,
    OriginForbidden,
    RequestTooLarge,
    RequestTooSlow,
    ServerBusy,
)
from chatvlmllm.server.edge import refusal
from chatvlmllm.server.metrics import Metrics
from chatvlmllm.server.shared import LOCAL

_log = logging.getLogger("chatvlmllm.server.access")

#: What anybody may ask: is the server there?
_OPEN = frozenset({"/health", "/healthz", "/readyz"})
#: Below this many bytes a second, on average after the first patience, a sender is too slow.
_SLOWEST = 1000
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
#: Numbers of requests. Counted: to draw each at random would let every other thread run first.
_numbers = map("{:016x}".format, count(secrets.randbits(63)))
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "testserver"})

#: A stored page may hold whatever a hostile scan holds; no browser shall run it or guess its type.
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """The outermost layer of the server."""

    def __init__(self, app: ASGIApp, settings: Serving, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._keys = {owner: _digest(key.get_secret_value()) for owner, key in settings.keys.items()}
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._settings)
        self._under_way += 1
        self._metrics.under_way.set(self._under_way)
        try:
            self._admit(scope, visit.headers)
            await self._app(scope, visit.receive, visit.send)
        except ChatVLMLLMError as error:
            await visit.refuse(error)
        except (ConnectionError, asyncio.CancelledError):
            visit.broken = True
            raise
        except Exception:  # noqa: BLE001 an edge: whatever it is becomes the one envelope
            # The stack without the values in it: these may be somebody's document.
            _log.exception("request %s failed", visit.number)
            await visit.refuse(InternalError(request=visit.number))
        finally:
            self._under_way -= 1
            self._metrics.under_way.set(self._under_way)
            self._metrics.answered(visit.status, visit.seconds)
            visit.log()

    def _admit(self, scope: Scope, headers: Headers) -> None:
        """Raise what forbids this request, or note whose it is."""
        scope["owner"] = LOCAL
        if scope["path"] in _OPEN:
            return
        if self._under_way > self._settings.queue:
            raise ServerBusy(seconds=5)
        self._check_origin(headers)
        if self._keys:
            scope["owner"] = self._owner(headers)

    def _check_origin(self, headers: Headers) -> None:
        """A page in the user's browser must not reach a server that trusts whoever is on this machine."""
        origin = headers.get("origin")
        host = headers.get("host", "")
        if not self._keys and urlsplit(f"//{host}").hostname not in _LOOPBACK:
            # Another name that leads here: DNS rebinding.
            raise OriginForbidden(origin=host or "?")
        if origin is None or origin in self._settings.cors or urlsplit(origin).netloc == host:
            return
        raise OriginForbidden(origin=origin)

    def _owner(self, headers: Headers) -> str:
        """Whose key this is. Every key is compared, each in constant time; nothing tells how near a guess came."""
        said = headers.get("x-api-key") or ""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            said = token.strip()
        digest, found = _digest(said), None
        for owner, key in self._keys.items():
            if hmac.compare_digest(key, digest):
                found = owner
        if found is None:
            raise KeyWrong
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class _Visit:
    """One request on its way through."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Serving) -> None:
        self._scope, self._receive, self._send, self._settings = scope, receive, send, settings
        self.headers = Headers(scope=scope)
        asked = self.headers.get("x-request-id", "")
        self.number = asked if _ID.fullmatch(asked) else next(_numbers)
        scope["request_id"] = self.number
        self._begun = time.perf_counter()
        length = self.headers.get("content-length", "0")
        self._announced = int(length) if length.isdecimal() else 0
        self._bytes, self._whole = 0, False
        self.status, self.broken = 0, False

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun

    async def receive(self) -> Message:
        """The next part of the body, within bounds of size and time."""
        if self._whole:
            return await self._receive()
        if self._announced > self._settings.body_mb * 1e6:
            raise RequestTooLarge(limit=self._settings.body_mb)
        patience = self._settings.patience_seconds
        try:
            async with asyncio.timeout(patience):
                message = await self._receive()
        except TimeoutError:
            raise RequestTooSlow from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._settings.body_mb * 1e6:
            raise RequestTooLarge(limit=self._settings.body_mb)
        if not self._whole and self.seconds > patience and self._bytes < _SLOWEST * self.seconds:
            raise RequestTooSlow
        return message

    async def send(self, message: Message) -> None:
        """Our headers on every response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            more = [(name, value) for name, value in _HEADERS if name not in own]
            if not self._whole and (self._announced or "transfer-encoding" in self.headers):
                # What the client still sends is not read; the connection cannot serve another request.
                more.append((b"connection", b"close"))
            message = {**message, "headers": [*message["headers"], *more, (b"x-request-id", self.number.encode())]}
        await self._send(message)

    async def refuse(self, error: ChatVLMLLMError) -> None:
        """Answer with an error, if nothing was answered yet."""
        if self.status:
            # The response is under way: all that is left is to break it off, so that nobody takes it for whole.
            raise ConnectionAbortedError
        response = refusal(error, self.headers, self.number)
        await response(self._scope, self._receive, self.send)

    def log(self) -> None:
        """One line per request: no query, no body, no name of a file."""
        route = self._scope.get("route")
        _log.info(
            "%s %s %d",
            self._scope["method"],
            getattr(route, "path", "-"),
            self.status,
            extra={"facts": self._facts(getattr(route, "path", None))},
        )

    def _facts(self, path: str | None) -> Mapping[str, object]:
        return {
            "request": self.number,
            "method": self._scope["method"],
            "route": path,
            "status": self.status,
            "seconds": round(self.seconds, 4),
            "owner": self._scope.get("owner"),
            "left": self.broken,
        }
