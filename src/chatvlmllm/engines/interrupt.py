"""A generation that another thread can end while it waits for the next word."""

import threading
from collections.abc import Callable, Generator, Iterator

from chatvlmllm.exchange import Delta, Reply


class Interruptible:
    """An engine's stream. `close` belongs to the thread that iterates; `interrupt` may come from any other.

    After an interruption the iteration ends, with a reply or without one, but never with an error about it.
    """

    def __init__(self, stream: Generator[Delta | Reply], cut: Callable[[], object]) -> None:
        self._stream, self._cut = stream, cut

    def __iter__(self) -> Iterator[Delta | Reply]:
        return self

    def __next__(self) -> Delta | Reply:
        return next(self._stream)

    def close(self) -> None:
        """End the generation."""
        self._stream.close()

    def interrupt(self) -> None:
        """Wake the thread that waits for the next word; it will find the end."""
        self._cut()


class Leaving(threading.Event):
    """Set when nobody listens any more; whoever waits for something slow can be woken by it."""

    def __init__(self) -> None:
        super().__init__()
        self._hooks: list[Callable[[], None]] = []
        self._guard = threading.Lock()

    def on(self, hook: Callable[[], None]) -> None:
        """Call `hook` when it is set, or now if it is."""
        with self._guard:
            self._hooks.append(hook)
            late = self.is_set()
        if late:
            hook()

    def off(self, hook: Callable[[], None]) -> None:
        """Forget `hook`."""
        with self._guard:
            self._hooks.remove(hook)

    def set(self) -> None:
        """Set it and wake everybody; once."""
        with self._guard:
            hooks = [] if self.is_set() else list(self._hooks)
            super().set()
        for hook in hooks:
            hook()
