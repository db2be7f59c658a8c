"""What goes on while nobody asks: idle engines are ended, dead ones noticed, and other processes told and heard.

The state of every engine is written to `data/engines/status.json` and its log beside it, so that another command can
show them; a file `unload-KEY` there asks for that model to be unloaded.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from chatvlmllm.config import Settings
from chatvlmllm.engines.state import Status

#: Seconds between two looks.
_TICK = 1.0


class Kept(Protocol):
    """What the steward needs of a host."""

    def status(self) -> list[Status]: ...
    def examine(self) -> None: ...
    def unload(self, key: str, *, idle_since: float | None = None) -> bool: ...


class Steward:
    """A thread that begins with the first engine that is not inside this process."""

    def __init__(self, host: Kept, settings: Settings, closing: threading.Event) -> None:
        self._host, self._closing = host, closing
        self._idle = settings.gpu.idle_seconds
        self._folder = settings.data / "engines"
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Begin, if there is something to look after."""
        outside = any(status.engine not in ("embedded", "openai") for status in self._host.status())
        if outside and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="steward", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(_TICK):
            self._host.examine()
            statuses = self._host.status()
            for status in statuses:
                asked = self._folder / f"unload-{status.model}"
                if asked.exists() and self._host.unload(status.model):
                    asked.unlink(missing_ok=True)
                if self._idle and status.engine not in ("embedded", "openai"):
                    self._host.unload(status.model, idle_since=time.monotonic() - self._idle)
            publish(self._folder, statuses)

    def close(self) -> None:
        """End the thread and say that nothing runs any more."""
        if self._thread is not None:
            self._thread.join()
            publish(self._folder, self._host.status())


def publish(folder: Path, statuses: Sequence[Status]) -> None:
    """Write what others may know."""
    folder.mkdir(parents=True, exist_ok=True)
    for status in statuses:
        if status.log:
            (folder / f"{status.model}.log").write_text("\n".join(status.log) + "\n", encoding="utf-8")
    shown = [asdict(status) | {"log": []} for status in statuses]
    part = folder / f"status.{os.getpid()}.part"
    part.write_text(json.dumps({"pid": os.getpid(), "models": shown}), encoding="utf-8")
    part.replace(folder / "status.json")


def published(folder: Path) -> list[Status]:
    """What the owner of the accelerator last wrote; empty when there is none."""
    try:
        written = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        return [Status(**{**entry, "log": ()}) for entry in written["models"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []
