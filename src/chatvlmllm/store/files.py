"""Files that are either whole or absent."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from chatvlmllm.errors import OutputUnwritable


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that appears under its name only when it is complete; raises OutputUnwritable."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        raise OutputUnwritable(name=path, reason=error.strerror or error) from error


def _umask() -> int:
    """A temporary file is private; the finished one gets the rights that any new file would."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
