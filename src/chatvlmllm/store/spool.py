"""Readings of a run in progress."""

import os
import tempfile
from collections.abc import Iterator
from typing import IO, Self

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
