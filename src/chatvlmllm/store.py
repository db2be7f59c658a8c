"""Where results rest: readings of a run in progress, and files that are either whole or absent."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self

from chatvlmllm.errors import OutputUnwritable
from chatvlmllm.reading import Reading
from chatvlmllm.run import reading_from_json, to_json


class Spool:
    """Readings of one run on disk, so that memory does not grow with the document; gone when closed or killed."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="chatvlmllm-")  # noqa: SIM115 closed by close()
        self.count = 0

    def append(self, reading: Reading) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(to_json(reading).encode() + b"\n")
        self.count += 1

    def __iter__(self) -> Iterator[Reading]:
        self._file.seek(0)
        for line in self._file:
            yield reading_from_json(line)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
