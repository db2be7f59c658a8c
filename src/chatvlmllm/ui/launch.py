"""Finding the server that the workbench is a client of, or starting one."""

import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

#: Seconds that a server is given until it can be found.
_PATIENCE = 60.0
_STEP = 0.1


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and a key that it knows (empty where it asks for none)."""

    url: str
    key: str = ""


@cache
def settings() -> "Settings":
    """The settings that the server of this machine has as well."""
    from chatvlmllm.config import load

    return load()


def address() -> Address | None:
    """The running server, if there is one."""
    from chatvlmllm.server import presence

    chosen = settings()
    found = presence.running(chosen.data)
    if found is None:
        return None
    keys = [key.get_secret_value() for key in chosen.server.keys.values()]
    return Address(found.url, keys[0] if keys else "")


def ensure() -> Address:
    """The running server, or one that was started for this; raises EngineStartFailed with what it said."""
    from chatvlmllm.errors import ServerStartFailed

    found = address()
    if found is not None:
        return found
    log = settings().data / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "chatvlmllm", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C in the terminal of the workbench is not meant for a server that others may use by now.
            start_new_session=True,
        )
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and started.poll() is None:
        found = address()
        if found is not None:
            return found
        time.sleep(_STEP)
    raise ServerStartFailed(log=log, reason=_said(log))


def _said(log: Path) -> str:
    """The last line that the server wrote."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "—"


def most_mb() -> int:
    """The largest file that the server takes, in megabytes."""
    chosen = settings()
    return round(min(chosen.limits.file_mb, chosen.server.body_mb))
