"""How another process finds the running server: `data/server.json` with its address and its process."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from chatvlmllm.engines.ownership import Owner, alive, birth
from chatvlmllm.errors import ServerRuns


def running(data: Path) -> Owner | None:
    """The server that uses this data folder, if one lives: its process and its URL."""
    try:
        found = Owner(**json.loads((data / "server.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if alive(found.pid, found.born) else None


@contextmanager
def present(data: Path, url: str) -> Iterator[None]:
    """Be found for the duration; raises ServerRuns when another server is."""
    other = running(data)
    if other is not None:
        raise ServerRuns(url=other.url, pid=other.pid)
    data.mkdir(parents=True, exist_ok=True)
    path, part = data / "server.json", data / f"server.{os.getpid()}.part"
    part.write_text(json.dumps(asdict(Owner(os.getpid(), birth(os.getpid()) or 0, url))), encoding="utf-8")
    part.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
