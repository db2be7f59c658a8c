"""Connections to a server that talks in events: kept, timed, and cut from outside when nobody listens any more.

`httptools` parses: an answer comes as hundreds of small pieces, and a general client spends more on each of them than
the server did. Does not cover what is said (`openai`).
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

#: Bytes that are taken at once.
_BURST = 1 << 16
#: Seconds between two beats, per further stream and at most: a server says a token of every stream at each of its
#: steps, and to be woken for each of them costs ten times as much as to understand it.
_BEAT, _LONGEST_BEAT = 0.002, 0.03


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


class Response:
    """What a server answers: `status` at once, the body as it comes.

    `whole` when it has come to its end, `lasting` if the connection can serve another request then.
    """

    def __init__(self, held: socket.socket) -> None:
        self.status, self.whole, self.lasting = 0, False, False
        self._socket, self._parts = held, list[bytes]()
        self._parser = HttpResponseParser(self)
        while not self.status:
            if not self._more():
                raise ConnectionResetError("the server closed the connection instead of answering")

    def on_headers_complete(self) -> None:
        """The parser has the head; those below 200 only announce another."""
        status = self._parser.get_status_code()
        self.status = status if status >= 200 else 0

    def on_body(self, part: bytes) -> None:
        """The parser has a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """The parser has met the end."""
        self.whole = self.status > 0
        self.lasting = self.whole and bool(self._parser.should_keep_alive())

    def bursts(self, rest: Callable[[], float] = lambda: 0.0) -> Iterator[bytes]:
        """The body, each time all of it that has come; before it is listened for more, `rest` seconds pass."""
        while True:
            if self._parts:
                burst, self._parts = b"".join(self._parts), []
                yield burst
            if self.whole:
                return
            time.sleep(rest())
            if not self._more():
                return

    def _more(self) -> bool:
        """Take what has come, or wait for something; False at the end of the connection."""
        data = self._socket.recv(_BURST)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise ConnectionError(str(error)) from error
        return bool(data)


class Lines:
    """Connections to one server; `connect` and `silence` are patience in seconds, `spare` how many are kept idle."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connect: float, silence: float, spare: int) -> None:
        self._url = urlsplit(url.rstrip("/"))
        own = {
            "Host": self._url.netloc.rpartition("@")[2],
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
        }
        self._head = "".join(f"{name}: {value.strip()}\r\n" for name, value in {**own, **headers}.items())
        self._connect, self._silence, self._spare = connect, silence, spare
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._busy = 0
        self.closed = False

    @contextmanager
    def post(self, path: str, body: bytes, wire: Wire) -> Iterator[Response]:
        """The response to a request of JSON; what is not read to its end is cut off.

        Raises Unreachable, TimeoutError and other OSErrors.
        """
        with self._lock:
            self._busy += 1
        try:
            held, response = self._asked(path, body, wire)
            try:
                yield response
            finally:
                wire.hold(None)
                self._keep(held) if response.lasting and not wire.was_cut else held.close()
        finally:
            with self._lock:
                self._busy -= 1

    def rest(self) -> float:
        """Seconds to the next beat, at which all streams are listened to; 0 while there is only one."""
        beat = min(_BEAT * (self._busy - 1), _LONGEST_BEAT)
        return beat - time.monotonic() % beat if beat > 0 else 0.0

    def _asked(self, path: str, body: bytes, wire: Wire) -> tuple[socket.socket, Response]:
        """Send; a kept connection that the server has closed meanwhile is replaced once."""
        head = f"POST {self._url.path}/{path} HTTP/1.1\r\n{self._head}"
        sent = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for kept in (self._kept(), None):
            held = kept or self._fresh()
            try:
                wire.hold(held)
                held.sendall(sent)
                return held, Response(held)
            except ConnectionError:
                held.close()
                if kept is None or wire.was_cut:
                    raise
            except BaseException:
                held.close()
                raise
        raise AssertionError

    def _kept(self) -> socket.socket | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _fresh(self) -> socket.socket:
        host, secure = self._url.hostname or "", self._url.scheme == "https"
        try:
            held = socket.create_connection((host, self._url.port or (443 if secure else 80)), self._connect)
            if secure:
                held = ssl.create_default_context().wrap_socket(held, server_hostname=host)
        except OSError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        held.settimeout(self._silence)
        return held

    def _keep(self, held: socket.socket) -> None:
        with self._lock:
            room = len(self._idle) < self._spare and not self.closed
            if room:
                self._idle.append(held)
        if not room:
            held.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
        for held in idle:
            held.close()
