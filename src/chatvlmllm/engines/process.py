"""A server program as a local process: started in a group of its own, its last lines kept, ended for certain."""

import collections
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

#: Lines of output that are kept.
LINES = 400


class ServerProcess:
    """One running program; `log` is the tail of everything it wrote."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        # A group of its own lets us end all that it starts, and keeps Ctrl-C of a terminal away from it.
        self._process = subprocess.Popen(  # noqa: S603 the command is ours, no shell is involved
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            start_new_session=True,
        )
        self._lines: collections.deque[str] = collections.deque(maxlen=LINES)
        self._reader = threading.Thread(target=self._read, name=f"log-{self.pid}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                # A progress bar is many lines to us; only its last state matters.
                self._lines.append(line.decode(errors="replace").rstrip().rpartition("\r")[2])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> tuple[str, ...]:
        return tuple(self._lines)

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal, or None while it runs."""
        return self._process.poll()

    def settled(self, seconds: float = 3.0) -> int | None:
        """The exit status of a process that is about to end, after its last lines were read."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(1.0)
        return status

    def stop(self, grace: float) -> None:
        """Ask the program to end; after `grace` seconds end it and everything it started."""
        if self.status is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        self.kill()

    def kill(self) -> None:
        """End the whole group at once; its leader may be gone already."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.wait()
        self._reader.join(5.0)

    def _signal(self, number: int) -> None:
        if sys.platform == "win32":
            self._process.terminate()
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            # The number was reused by somebody else's group: ours is gone.
            return


def free_port() -> int:
    """A loopback port that nobody listens on now. Somebody may take it at once: the caller tries another then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listening(port: int) -> bool:
    """Whether anybody answers on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def random_key() -> str:
    """A key that only our process and the server know."""
    return secrets.token_urlsafe(32)


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Whether the process group `pid` vanished within `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(pid, 0)
        except (ProcessLookupError, PermissionError):
            return True
        time.sleep(0.05)
    return False
