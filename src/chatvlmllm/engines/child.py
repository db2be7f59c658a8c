"""A child process that talks in frames: started, listened to, and ended for certain.

Reading, writing and the child's complaints each have a thread, so a child that neither reads nor writes can hold
nobody.
"""

import collections
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from chatvlmllm.engines import frames

#: Lines of the child's standard error that are kept.
_LINES = 200


class Ended(Exception):
    """The child ended or broke the protocol."""


class Silent(Exception):
    """The child said nothing for too long."""


class Child:
    """One running program; `log` is the tail of its standard error."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        # A session of its own keeps Ctrl-C from ending the child before it can be asked to stop.
        self._process = subprocess.Popen(  # noqa: S603 the command is ours, no shell is involved
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
        self.log: collections.deque[str] = collections.deque(maxlen=_LINES)
        self._received: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._outgoing: queue.SimpleQueue[tuple[Mapping[str, object], bytes] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read, self._write, self._complaints)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while (frame := frames.read(self._process.stdout)) is not None:
                self._received.put(frame[0])
        except (frames.BrokenFrame, OSError, ValueError):
            # What is left of the stream cannot be understood any more; the child must not go on unheard.
            self.kill()
        self._received.put(None)

    def _write(self) -> None:
        assert self._process.stdin is not None
        while (frame := self._outgoing.get()) is not None:
            try:
                frames.write(self._process.stdin, *frame)
            except (OSError, ValueError):
                return  # the reading thread sees the end and says so

    def _complaints(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.decode(errors="replace").rstrip())

    def send(self, header: Mapping[str, object], body: bytes = b"") -> None:
        """Queue a frame; returns at once."""
        self._outgoing.put((header, body))

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next frame; raises Silent after `seconds`, Ended when there will be none."""
        try:
            frame = self._received.get(timeout=max(0.0, seconds))
        except queue.Empty as error:
            raise Silent from error
        if frame is None:
            self._received.put(None)
            raise Ended
        return frame

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def status(self) -> int:
        """The exit status, waiting for it briefly; negative is the signal that ended the child."""
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End the child and whatever it started, at once."""
        if self._process.poll() is None:
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill, collect the status, and release pipes and threads."""
        self.kill()
        self._process.wait()
        self._outgoing.put(None)
        for thread in self._threads:
            thread.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:
                continue  # an unsent rest of a frame has nowhere to go
