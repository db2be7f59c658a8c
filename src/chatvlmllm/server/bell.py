"""Something happened: who waits looks again. Rings are counted, so that none is missed between looking and waiting."""

import threading


class Bell:
    """`rings` before looking, `wait` after it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        return self._rings

    def ring(self) -> None:
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return at the first ring after `heard` were counted, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings != heard, seconds)
