"""Things that serve one caller at a time and are costly to make: lent out, and used again by the next one.

Not one per thread: threads come and go with every job of a server, and what they had would stay.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Lending(Generic[_T]):
    """As many things as were ever wanted at once; `make` makes one more."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._all: list[_T] = []
        self._idle: list[_T] = []

    @contextmanager
    def lent(self) -> Iterator[_T]:
        """One that nobody else has for the duration."""
        with self._lock:
            thing = self._idle.pop() if self._idle else None
        if thing is None:
            thing = self._make()
            with self._lock:
                self._all.append(thing)
        try:
            yield thing
        finally:
            with self._lock:
                self._idle.append(thing)

    def close(self, end: Callable[[_T], object]) -> None:
        """End them all."""
        with self._lock:
            things, self._all, self._idle = self._all, [], []
        for thing in things:
            end(thing)
