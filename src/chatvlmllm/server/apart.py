"""Files of clients are opened apart: in a child process that is limited in memory and time (`apart_main`).

    with Chambers(settings) as chambers, chambers.open(path, "scan.pdf") as document:
        …                                # a Document like any other; its pixels come through a pipe

A file that ends its child or takes too long is UnsafeFile for the page in question; the next page meets a fresh child.
Does not confine what the child may read: it runs as the same user.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from chatvlmllm.document import Document, LayerWord, TextLayer
from chatvlmllm.engines import frames
from chatvlmllm.errors import ChatVLMLLMError, UnsafeFile, leaves
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Notice

if TYPE_CHECKING:
    from PIL.Image import Image

    from chatvlmllm.config import Settings

#: A child that came through so many files without trouble is replaced anyway: decoders leak.
_FILES = 32


class _Child:
    """One process and the pipe to it."""

    def __init__(self, megabytes: int) -> None:
        self.served = 0
        self._process = subprocess.Popen(  # noqa: S603 our own program and a number
            [sys.executable, "-m", "chatvlmllm.server.apart_main", str(megabytes * 1_000_000)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, header: Mapping[str, object], seconds: float) -> tuple[dict[str, Any], bytes] | None:
        """The child's answer, or None when it died or had to be killed for its silence."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        alarm = threading.Timer(seconds, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            frames.write(self._process.stdin, header)
            return frames.read(self._process.stdout)
        except (OSError, frames.BrokenFrame):
            return None
        finally:
            alarm.cancel()

    def end(self) -> None:
        """Kill and bury it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._process.wait()


class Chambers:
    """Opens files, each in a child that has no other open; one that came through a file takes the next."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._closed = False

    def open(self, path: Path, name: str) -> Document:
        """The document; raises what `open_document` raises, and UnsafeFile."""
        pages = _Chamber(self, path, name)
        try:
            found = pages.open()
        except ChatVLMLLMError:
            pages.close()
            raise
        return Document(name, found["media_type"], found["bytes"], found["sha256"], pages, _notices(found["notices"]))

    @property
    def settings(self) -> "Settings":
        return self._settings

    def take(self) -> _Child:
        """A child that has no file open."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Child(self._settings.jobs.file_memory_mb)

    def give(self, child: _Child) -> None:
        """A child whose file is done, for the next one."""
        child.served += 1
        with self._lock:
            keep = not self._closed and child.served < _FILES and len(self._idle) < 2
            if keep:
                self._idle.append(child)
        if not keep:
            child.end()

    def close(self) -> None:
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for child in idle:
            child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Chamber:
    """The pages of one file, by way of its child."""

    def __init__(self, chambers: Chambers, path: Path, name: str) -> None:
        self._chambers, self._path, self._name = chambers, path, name
        self._lock = threading.RLock()
        self._child: _Child | None = None
        self.count = 0

    def open(self) -> dict[str, Any]:
        """What kind of file it is."""
        limits = self._chambers.settings.limits.model_dump()
        header = {"ask": "open", "path": str(self._path), "name": self._name, "limits": limits}
        with self._lock:
            self._child = self._chambers.take()
            found, _ = self._hear(header)
        self.count = found["pages"]
        return found

    def describe(self, index: int) -> tuple[Size, float | None, tuple[Notice, ...]]:
        found, _ = self._ask("describe", index)
        return Size(*found["size"]), found["dpi"], _notices(found["notices"])

    def render(self, index: int) -> "Image":
        return _picture(*self._ask("render", index))

    def glance(self, index: int, width: int) -> "Image":
        return _picture(*self._ask("glance", index, width=width))

    def text_layer(self, index: int) -> TextLayer | None:
        found, _ = self._ask("layer", index)
        if found["lines"] is None:
            return None
        lines = tuple(tuple(LayerWord(text, Box(*box)) for text, *box in line) for line in found["lines"])
        return TextLayer(lines, found["doubt"])

    def _ask(self, what: str, index: int, **more: int) -> tuple[dict[str, Any], bytes]:
        with self._lock:
            if self._child is None:
                self.open()
            return self._hear({"ask": what, "index": index, **more})

    def _hear(self, header: Mapping[str, object]) -> tuple[dict[str, Any], bytes]:
        assert self._child is not None
        chosen = self._chambers.settings.jobs
        answer = self._child.ask(header, chosen.file_seconds)
        if answer is None:
            self._child.end()
            self._child = None
            raise UnsafeFile(name=self._name, seconds=chosen.file_seconds, megabytes=chosen.file_memory_mb)
        if "error" in answer[0]:
            raise _error(answer[0])
        return answer

    def close(self) -> None:
        with self._lock:
            child, self._child = self._child, None
            if child is not None:
                self._chambers.give(child)


def _picture(header: Mapping[str, Any], pixels: bytes) -> "Image":
    from PIL import Image

    return Image.frombytes("RGB", tuple(header["size"]), pixels)


def _error(header: Mapping[str, Any]) -> ChatVLMLLMError:
    """The child's error as one of ours."""
    kind = next(leaf for leaf in leaves() if leaf.code == header["error"])
    return kind(**header["details"])


def _notices(found: list[list[Any]]) -> tuple[Notice, ...]:
    return tuple(Notice(code, details) for code, details in found)
