"""Peak memory of a process and everything it started, seen from outside: at both ends and twenty times a second.

Resident memory is summed over processes, so pages that they share count more than once. GPU memory is what NVML says is
used on the first card above what was used at the start; without NVML there is no figure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self

from chatvlmllm.engines import gpu

_EVERY = 0.05


class Footprint:
    """Watches the process `pid` until closed."""

    def __init__(self, pid: int) -> None:
        import psutil

        self._library = psutil
        self._pid = pid
        self._before = _used()
        self.reset()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="footprint", daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Forget the peaks so far; what is taken now is the first of the new ones, however soon they are asked for."""
        self._rss = self._vram = 0
        self._look()

    def peaks(self) -> dict[str, int]:
        """Peaks since the last reset, in bytes; what could not be measured is absent."""
        self._look()
        found = {"rss": self._rss} if self._rss else {}
        return found if self._before is None else {**found, "vram": self._vram}

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        self._rss = max(self._rss, self._resident())
        if self._before is not None:
            self._vram = max(self._vram, (_used() or 0) - self._before)

    def processor_seconds(self) -> float:
        """Processor time of all living processes of the family so far."""
        times = [self._asked(one.cpu_times) for one in self._family()]
        return float(sum(found.user + found.system for found in times if found is not None))

    def _resident(self) -> int:
        found = [self._asked(one.memory_info) for one in self._family()]
        return sum(memory.rss for memory in found if memory is not None)

    def _family(self) -> list[Any]:
        try:
            process = self._library.Process(self._pid)
            return [process, *process.children(recursive=True)]
        except self._library.Error:
            return []

    def _asked(self, what: Callable[[], Any]) -> Any:
        """What a process says, or None when it has ended meanwhile."""
        try:
            return what()
        except self._library.Error:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _used() -> int | None:
    found = gpu.gpus()
    return found[0].used if found else None
