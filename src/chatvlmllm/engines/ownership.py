"""Who owns the accelerator, and what a dead owner left behind.

One process at a time holds the lock of a data folder; the kernel takes it away when that process ends, however it ends.
Each engine that was started is noted on disk and carries a mark in its environment or its labels. At the next start
what bears the mark of a dead owner is ended; nothing is ever recognised by its name. Does not cover containers.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from chatvlmllm.errors import AcceleratorTaken

#: The variable that marks a process of ours; its value is `folder:owner's pid:owner's birth`.
MARK = "CHATVLMLLM_OWNER"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of this program: its number, when the kernel started it, where its server listens if it has one."""

    pid: int
    born: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A noted engine process: `pid` leads its group."""

    pid: int
    born: int
    model: str
    owner: Owner


class Ownership:
    """The lock and the notes in `folder`, for this process."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder = folder
        self._me = Owner(os.getpid(), birth(os.getpid()) or 0, url)
        self._lock: IO[str] | None = None

    @property
    def mark(self) -> str:
        """What engines of this process carry."""
        return f"{self._folder}:{self._me.pid}:{self._me.born}"

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def containers(self) -> Path:
        """The file that holds the container engine's address once a container was started."""
        return self._folder / "containers"

    @property
    def held(self) -> bool:
        return self._lock is not None

    def acquire(self) -> None:
        """Take the lock and end what a dead owner left; raises AcceleratorTaken while another process lives."""
        if self._lock is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        held = (self._folder / "owner.lock").open("a+", encoding="utf-8")
        if not lock(held):
            held.close()
            owner = self.owner()
            raise AcceleratorTaken(pid=owner.pid if owner else "?", url=(owner.url if owner else "") or "—")
        self._lock = held
        _write(self._folder / "owner.json", asdict(self._me))

    def owner(self) -> Owner | None:
        """Who holds the lock, as far as is noted."""
        try:
            return Owner(**json.loads((self._folder / "owner.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            (self._folder / "owner.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def note(self, pid: int, model: str) -> None:
        """Remember an engine process."""
        left = Left(pid, birth(pid) or 0, model, self._me)
        _write(self._folder / f"process-{pid}.json", asdict(left))

    def forget(self, pid: int) -> None:
        """The process was ended."""
        (self._folder / f"process-{pid}.json").unlink(missing_ok=True)

    def end_orphans(self, grace: float = 5.0) -> list[Left]:
        """End every process that a dead owner of this folder left; what was ended."""
        found = [*self._noted(), *self._marked()]
        ended = {left.pid: left for left in found if alive(left.pid, left.born) and not self._lives(left.owner)}
        for pid in ended:
            _signal_group(pid, signal.SIGTERM)
        until = time.monotonic() + grace
        while time.monotonic() < until and any(alive(left.pid, left.born) for left in ended.values()):
            time.sleep(0.05)
        for pid in ended:
            _signal_group(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        for left in found:
            if not self._lives(left.owner):
                self.forget(left.pid)
        return list(ended.values())

    def _lives(self, owner: Owner) -> bool:
        return owner.pid == self._me.pid or alive(owner.pid, owner.born)

    def _noted(self) -> Iterator[Left]:
        for path in self._folder.glob("process-*.json"):
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
                yield Left(values["pid"], values["born"], values["model"], Owner(**values["owner"]))
            except (OSError, ValueError, TypeError, KeyError):
                path.unlink(missing_ok=True)

    def _marked(self) -> Iterator[Left]:
        """Processes of this user that carry a mark of this folder (Linux): also those that nobody came to note."""
        prefix = f"{MARK}={self._folder}:".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            mark = next((v[len(prefix) :].decode() for v in variables if v.startswith(prefix)), None)
            if mark is not None:
                pid, born = mark.split(":")
                number = int(entry.name)
                yield Left(number, birth(number) or 0, "?", Owner(int(pid), int(born)))


def birth(pid: int) -> int | None:
    """When the kernel started the process, in its own ticks; None when there is none or nobody can say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold anything; the 22nd is the start.
    fields = text.rpartition(")")[2].split()
    return int(fields[19]) if fields[0] != "Z" else None


def alive(pid: int, born: int) -> bool:
    """Does this very process still run? Numbers are reused; births are not."""
    found = birth(pid)
    return found is not None and found == born


def _write(path: Path, values: object) -> None:
    """A file that is whole or absent."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(values), encoding="utf-8")
    part.replace(path)


def _signal_group(pid: int, number: int) -> None:
    if sys.platform == "win32":
        return
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        # The leader is gone; its group may still hold members.
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return


def lock(file: IO[str]) -> bool:
    """Take an advisory lock that dies with the process; False when somebody else has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
