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
    """Files by their numbers; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, Preview] = {}

    def add(self, owner: str, path: Path, name: str, pages: int) -> str:
        """Take over a file that was opened once; its number."""
        number = secrets.token_hex(16)
        with self._lock:
            self._files[number] = Preview(owner, path, name, pages, time.monotonic())
            old = self._outdated(owner)
            gone = [self._files.pop(one) for one in old]
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

    def _outdated(self, owner: str) -> list[str]:
        since = time.monotonic() - _PATIENCE
        own = sorted((one.asked, number) for number, one in self._files.items() if one.owner == owner)
        many = {number for _, number in own[:-_MOST]}
        return [number for number, one in self._files.items() if one.asked < since or number in many]


def _unlink(files: Sequence[Preview]) -> None:
    for one in files:
        one.path.unlink(missing_ok=True)
