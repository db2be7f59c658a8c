"""A synchronous generator, run by a thread and heard in the event loop; leaving ends it.

Pieces that come faster than the client takes them are joined, so a busy loop wakes once for many of them. Does not
cover HTTP (`edge`).
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing

#: Bytes that may wait for a slow client before the generator has to wait for it too.
_MOST = 1_000_000


class Live:
    """`stop` is set when nobody listens any more: whoever makes the pieces looks at it, and the generator is closed."""

    def __init__(self, pieces: Iterator[bytes], stop: threading.Event, pool: Executor) -> None:
        self._source, self._stop = pieces, stop
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._room = threading.Condition()
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._woken = self._left = self._ended = False
        self._error: BaseException | None = None
        pool.submit(self._pump)

    def _pump(self) -> None:
        """In a thread: hear the generator out, or until the listener has left."""
        try:
            with closing(self._source):  # type: ignore[type-var]
                for piece in self._source:
                    if not self._hand(piece):
                        break
        except BaseException as error:  # noqa: BLE001 it is raised where the listener is
            self._error = error
        finally:
            with self._room:
                self._ended = True
                self._wake()

    def _hand(self, piece: bytes) -> bool:
        """Give one piece to the loop; False when nobody wants it."""
        with self._room:
            self._waiting.append(piece)
            self._bytes += len(piece)
            self._wake()
            while self._bytes > _MOST and not self._left:
                self._room.wait()
            return not self._left

    def _wake(self) -> None:
        """One call into the loop for all that waits there; with the lock held."""
        if not self._woken and not self._loop.is_closed():
            self._woken = True
            self._loop.call_soon_threadsafe(self._ready.set)

    async def take(self) -> bytes:
        """All that was said since the last time; empty at the end. Raises what the generator raised."""
        await self._ready.wait()
        with self._room:
            said = b"".join(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            if not (self._ended or self._left):
                self._woken = False
                self._ready.clear()
            self._room.notify_all()
        if said and not self._left:
            return said
        if self._error is not None and not self._left:
            raise self._error
        return b""

    def leave(self) -> None:
        """Nobody listens any more. From the event loop; any number of times."""
        self._stop.set()
        with self._room:
            self._left = True
            self._room.notify_all()
        self._ready.set()

    @property
    def over(self) -> bool:
        """Whether all was taken and nothing went wrong."""
        with self._room:
            return self._ended and not self._waiting and self._error is None
