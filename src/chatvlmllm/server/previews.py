"""Files that somebody looks at before they are read. They live in this process and on its disk for a while only."""

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatvlmllm.errors import OriginalGone

#: A file that nobody asked for so long is gone, in seconds.
_PATIENCE = 1800.0
#: Files of one owner; the one that was not asked for the longest makes room.
_MOST = 24


@dataclass(slots=True)
class Preview:
    """A file at `path`, its owner, the name and number of pages it came with, and when it was last asked for."""

    owner: str
    path: Path
    name: str
    pages: int
    asked: float


class Previews:
    """Files by their numbers; every method may be called from any thread.

    A file that nobody asked for so many `seconds` is gone, whether or not another one comes.
    """

    def __init__(self, seconds: float = _PATIENCE) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._files: dict[str, Preview] = {}
        self._alarm: threading.Timer | None = None

    def add(self, owner: str, path: Path, name: str, pages: int) -> str:
        """Take over a file that was opened once; its number."""
        number = secrets.token_hex(16)
        with self._lock:
            self._files[number] = Preview(owner, path, name, pages, time.monotonic())
            own = sorted((one.asked, key) for key, one in self._files.items() if one.owner == owner)
            gone = [self._files.pop(key) for _, key in own[:-_MOST]]
            if self._alarm is None:
                self._wind()
        _unlink(gone)
        return number

    def get(self, owner: str, number: str) -> Preview:
        """The owner's file; raises OriginalGone."""
        with self._lock:
            found = self._files.get(number)
            if found is None or found.owner != owner:
                raise OriginalGone
            found.asked = time.monotonic()
            return found

    def drop(self, owner: str, number: str) -> None:
        """Forget the owner's file; raises OriginalGone."""
        self.get(owner, number)
        with self._lock:
            gone = self._files.pop(number, None)
        _unlink([gone] if gone else [])

    def close(self) -> None:
        """Forget every file."""
        with self._lock:
            gone, self._files = list(self._files.values()), {}
            if self._alarm is not None:
                self._alarm.cancel()
        _unlink(gone)

    def _wind(self) -> None:
        """Look again when the first file may be due; with the lock held."""
        due = min(one.asked for one in self._files.values()) + self._seconds
        self._alarm = threading.Timer(max(0.0, due - time.monotonic()), self._sweep)
        self._alarm.daemon = True
        self._alarm.start()

    def _sweep(self) -> None:
        since = time.monotonic() - self._seconds
        with self._lock:
            gone = [self._files.pop(key) for key, one in list(self._files.items()) if one.asked <= since]
            self._alarm = None
            if self._files:
                self._wind()
        _unlink(gone)


def _unlink(files: Sequence[Preview]) -> None:
    for one in files:
        one.path.unlink(missing_ok=True)
