"""Connections to a server that talks in events: kept, timed, and cut from outside when nobody listens any more.

Standard library: an answer comes as hundreds of small pieces, and reading one through httpx costs about twice as much
processor time as through `http.client` (measured: 171 to 220 against 64 to 95 µs). Does not cover what is said
(`openai`).
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Unreachable(Exception):
    """There is no connection to be had."""


class Wire:
    """The connection of one answer, which another thread may cut."""

    def __init__(self) -> None:
        self.was_cut = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def hold(self, held: socket.socket | None) -> None:
        """From now on this connection may be cut; None when it serves somebody else."""
        with self._lock:
            self._socket = held
        if self.was_cut and held is not None:
            self.cut()

    def cut(self) -> None:
        """Whoever reads from it finds the end; the server learns that nobody listens."""
        with self._lock:
            self.was_cut = True
            if self._socket is not None:
                with suppress(OSError):  # it may be closed already
                    self._socket.shutdown(socket.SHUT_RDWR)


class Lines:
    """Connections to one server; `connect` and `silence` are patience in seconds, `spare` how many are kept idle."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connect: float, silence: float, spare: int) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._headers = {"Content-Type": "application/json", "Accept": "text/event-stream", **headers}
        self._connect, self._silence, self._spare = connect, silence, spare
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self.closed = False

    @contextmanager
    def post(self, path: str, body: bytes, wire: Wire) -> Iterator[http.client.HTTPResponse]:
        """The response to a request, to be read by lines; what is not read to its end is cut off.

        Raises Unreachable, TimeoutError, OSError and http.client.HTTPException.
        """
        connection, response = self._asked(path, body, wire)
        try:
            yield response
        finally:
            wire.hold(None)
            whole = response.isclosed() and not response.will_close
            self._keep(connection) if whole and not wire.was_cut else connection.close()

    def _asked(self, path: str, body: bytes, wire: Wire) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send; a kept connection that the server has closed meanwhile is replaced once."""
        for kept in (self._kept(), None):
            connection = kept or self._fresh()
            try:
                wire.hold(connection.sock)
                connection.request("POST", f"{self._url.path}/{path}", body, self._headers)
                return connection, connection.getresponse()
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()
                if kept is None or wire.was_cut:
                    raise
            except BaseException:
                connection.close()
                raise
        raise AssertionError

    def _kept(self) -> http.client.HTTPConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _fresh(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        connection: http.client.HTTPConnection
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, self._url.port, timeout=self._connect, context=context)
        else:
            connection = http.client.HTTPConnection(host, self._url.port, timeout=self._connect)
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        connection.sock.settimeout(self._silence)
        return connection

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            room = len(self._idle) < self._spare and not self.closed
            if room:
                self._idle.append(connection)
        if not room:
            connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
