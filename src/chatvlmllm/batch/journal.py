"""What a batch did, one JSON object a line, in the order in which it happened; the last line may be torn by a crash.

    {"event": "begin"}                          a process took the batch up
    {"event": "page", "at": KEY}                a page is being read
    {"event": "kept", "at": KEY, …}             its result is stored; the rest of the line is its row of the manifest
    {"event": "document", "name": …, …}         its files are written
    {"event": "end"}                            the process ended by itself

A page that was being read when a process died without saying so has a strike.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, Any, Self

from chatvlmllm.errors import OutputUnwritable

Record = dict[str, Any]


@dataclass(slots=True)
class Past:
    """What was done: `kept` and `documents` tell where the newest record of a page or a name begins in the file.

    `failed` counts how often a page was tried in vain, `strikes` how often it was being read when a process died;
    `sudden`: the last process ended without saying so.
    """

    kept: dict[str, int] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    sudden: bool = False


class Journal:
    """The file, opened for appending; every record is one write, so that threads do not mix and a crash tears one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self.past = _past(path)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        if self._file.tell() and not _whole(path):
            self._file.write(b"\n")
        self.write({"event": "begin", "pid": os.getpid()})

    def write(self, record: Record) -> None:
        """Append a record and remember what later questions need of it."""
        line = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "replace")
        with self._lock:
            try:
                offset = self._file.seek(0, os.SEEK_END)
                self._file.write(line)
            except OSError as error:
                raise OutputUnwritable(name=self._path, reason=error.strerror or error) from error
            _remember(self.past, record, offset)

    def row(self, at: str) -> Record | None:
        """The newest row of a page."""
        return self._at(self.past.kept.get(at))

    def document(self, name: str) -> Record | None:
        """The newest record of a document."""
        return self._at(self.past.documents.get(name))

    def _at(self, offset: int | None) -> Record | None:
        if offset is None:
            return None
        with self._path.open("rb") as file:
            file.seek(offset)
            record: Record = json.loads(file.readline())
        return record

    def close(self) -> None:
        """End without leaving strikes."""
        self.write({"event": "end"})
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _past(path: Path) -> Past:
    past, going = Past(), set[str]()
    for offset, record in _records(path):
        event = record.get("event")
        past.sudden = event != "end"
        if event == "begin":
            past.strikes.update(going)
        if event in ("begin", "end"):
            going.clear()
        elif event == "page":
            going.add(record["at"])
        elif event == "kept":
            going.discard(record["at"])
        _remember(past, record, offset)
    past.strikes.update(going)
    return past


def _remember(past: Past, record: Record, offset: int) -> None:
    if record.get("event") == "kept":
        past.kept[record["at"]] = offset
        if record.get("verdict") == "failed":
            past.failed[record["at"]] += 1
        past.strikes.pop(record["at"], None)
    elif record.get("event") == "document":
        past.documents[record["name"]] = offset


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    if not path.exists():
        return
    offset = 0
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                record = {}
            if isinstance(record, dict):
                yield offset, record
            offset += len(line)


def _whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
