"""What of a batch is done: page results in a store of its own inside the output folder, and the journal beside it.

The folder can be moved, and the batch goes on where it was. What counts is content: a page is known by the digest of
its document, its number and the way it is read, so that a renamed file is not read again and an edited one is.
"""

import re
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from chatvlmllm.batch.journal import Journal, Record
from chatvlmllm.engines.ownership import lock
from chatvlmllm.errors import BatchRuns, EngineError, OutputUnwritable, ReplyError, leaves
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.store.database import Database
from chatvlmllm.store.keys import Key, Way, lasting
from chatvlmllm.store.pages import Pages

FOLDER = ".batch"
#: A page that was being read at so many sudden ends is not read again.
FATAL = 5

#: How `store.write_whole` calls a file that is not whole yet.
_PART = re.compile(r"\..+\.[a-z0-9_]{8}\.part")

_AGAIN = frozenset(leaf.code for kind in (EngineError, ReplyError) for leaf in leaves(kind)) - {"page_fatal"}


class Ledger:
    """The memory of the batch whose results lie in `output`; raises BatchRuns while another process has it open.

    A page may fail `tries` times before it is left alone.
    """

    def __init__(self, output: Path, tries: int) -> None:
        self._tries = tries
        self._open = ExitStack()
        try:
            (output / FOLDER).mkdir(parents=True, exist_ok=True)
            held = self._open.enter_context((output / FOLDER / "lock").open("a", encoding="utf-8"))
        except OSError as error:
            raise OutputUnwritable(name=output, reason=error.strerror or error) from error
        if not lock(held):
            self._open.close()
            raise BatchRuns(folder=output)
        self.journal = self._open.enter_context(Journal(output / FOLDER / "journal.jsonl"))
        if self.journal.past.sudden:
            _tidy(output)
        database = Database("sqlite:///" + str((output / FOLDER / "pages.sqlite3").resolve()))
        self._pages = Pages(self._open.enter_context(database))

    def settled(self, document: str, way: Way, numbers: Collection[int], *, again: bool = False) -> set[int]:
        """Those pages that are not to be read; with `again`, failed ones are."""
        known = self._pages.known(document, way)
        return {n for n in numbers if n in known or self._left(Key(document, n, way), again=again)}

    def _left(self, key: Key, *, again: bool) -> bool:
        """Whether a page without a lasting result is to stay as it is: somebody stood in, or it failed for good."""
        row = self.journal.row(mark(key))
        if row is None:
            return False
        if row["verdict"] != Verdict.FAILED.value:
            return True
        return not again and (row["failure"] not in _AGAIN or self.journal.past.failed[mark(key)] >= self._tries)

    def strikes(self, key: Key) -> int:
        """At how many sudden ends the page was being read."""
        return self.journal.past.strikes[mark(key)]

    def begin(self, key: Key) -> None:
        self.journal.write({"event": "page", "at": mark(key)})

    def keep(self, key: Key, reading: Reading) -> None:
        """Store a result; only then is the page done."""
        self._pages.keep(key, reading)
        self._note(key, reading)

    def _note(self, key: Key, reading: Reading) -> None:
        self.journal.write({"event": "kept", "at": mark(key), "lasting": lasting(reading), **row_of(reading)})

    def latest(self, key: Key) -> Reading | None:
        """The page's result as it is, lasting or not."""
        return self._pages.latest(key)

    def reading(self, key: Key) -> Reading:
        """The page's result; raises LookupError when it was never stored."""
        found = self._pages.latest(key)
        if found is None:
            raise LookupError(mark(key))
        # A process that died between storing and noting left a result without its row.
        if self.journal.row(mark(key)) is None:
            self._note(key, found)
        return found

    def close(self) -> None:
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tidy(output: Path) -> None:
    """Remove what a process that ended suddenly was writing; nobody else writes here while the lock is held."""
    for path in output.rglob(".*.part"):
        if _PART.fullmatch(path.name):
            path.unlink(missing_ok=True)


def mark(key: Key) -> str:
    """A key as it stands in the journal."""
    return f"{key.document}/{key.page}/{key.way.digest[:16]}"


def row_of(reading: Reading) -> Record:
    """What the manifest says of a page; seconds and confidence as measured, empty where nobody measured."""
    reply = reading.reply
    return {
        "verdict": reading.verdict.value,
        "asked": reading.asked,
        "answered": reading.answered or "",
        "engine": reply.engine if reply else "",
        "device": (reply.device or "") if reply else "",
        "confidence": reading.confidence,
        "characters": len(reading.text),
        "doubts": len(reading.evidence.doubts),
        "notices": " ".join(dict.fromkeys(notice.code for notice in reading.notices)),
        "failure": reading.failure.code if reading.failure else "",
        "message": reading.failure.message if reading.failure else "",
        "seconds": round(reading.seconds.get("total", 0.0), 3),
    }
