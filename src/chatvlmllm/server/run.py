"""Listening: the socket, its patience, and a graceful end."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chatvlmllm.config import Serving, Settings
from chatvlmllm.errors import AddressTaken, KeyNeeded
from chatvlmllm.server import heap, presence
from chatvlmllm.server.app import create_app
from chatvlmllm.server.logs import configure

#: The most bytes of a request's first line and headers together.
_HEAD = 64_000


def serve(settings: Settings, told: Callable[[str], None] = lambda _: None) -> None:
    """Serve until a signal; `told` hears the URL once the server listens.

    Raises KeyNeeded, AddressTaken or ServerRuns.
    """
    chosen = settings.server
    if not chosen.keys and not _loopback(chosen.host):
        raise KeyNeeded(host=chosen.host)
    with listening(chosen) as bound:
        host, port = bound.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        with presence.present(settings.data, url):
            configure(chosen.log)
            heap.settle()
            Listener(create_app(settings, url), chosen, lambda: told(url)).run(sockets=[bound])


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(chosen: Serving) -> socket.socket:
    """A socket that is bound where the settings say; raises AddressTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            chosen.host, chosen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            # A port that waits for the last packets of an ended server is free; one that somebody listens on is not.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(512)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise AddressTaken(host=chosen.host, port=chosen.port, reason=reason) from error
    return bound


def _config(app: FastAPI, chosen: Serving) -> uvicorn.Config:
    patience = chosen.patience_seconds

    class Patient(_Patient):
        seconds = patience

    return uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=max(5, round(patience)),
        timeout_graceful_shutdown=round(chosen.grace_seconds),
        # Connections that only exist; requests are counted by the guard, which answers politely.
        limit_concurrency=4 * chosen.queue,
    )


class Listener(uvicorn.Server):
    """Tells when it listens, and the app before it ends."""

    def __init__(self, app: FastAPI, chosen: Serving, told: Callable[[], None]) -> None:
        super().__init__(_config(app, chosen))
        self._app, self._told = app, told

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.shared.ending.set()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told()


class _Patient(HttpToolsProtocol):
    """A connection whose client must have sent the head of its request in time and within bounds.

    The library waits for ever for a client that sends one letter of a header a minute.
    """

    seconds = 30.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._head = 0
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._late)

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._timer is not None:
            self._head += len(data)
        super().data_received(data)
        if self._timer is not None and self._head > _HEAD:
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._timer, self._head = self.loop.call_later(self.seconds, self._late), 0

    def on_headers_complete(self) -> None:
        self._settled()
        super().on_headers_complete()

    def _settled(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._settled()
        super().connection_lost(exc)
