"""A study on disk: a folder that grows, in which every file is whole or absent.

    pages/<digest>.png      the pictures that were read
    cases/<case>.json       what is known of each, with the name of its picture
    answers/<subject>/…     one file per case, subject and version, with the raw reply
    subjects.json           titles and load times of the subjects
    environment.json        machine and versions of the last call

A second call finds the answers of the first and reads only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chatvlmllm.bench.answer import Answer
from chatvlmllm.bench.cases import Case, Truth
from chatvlmllm.errors import NothingMeasured, UnreadableResult
from chatvlmllm.store import write_whole


@dataclass(frozen=True)
class Known:
    """A case as it is kept: what is known of the page, the name of its picture in `pages/` and its SHA-256."""

    id: str
    kind: str
    data: str
    degradation: str
    page: str
    digest: str
    truth: Truth


@dataclass(frozen=True)
class About:
    """What holds for a subject as a whole: `ours` are models of this package, `seconds` of loading, pages a minute."""

    key: str
    title: str
    version: str
    ours: bool
    load_seconds: float | None = None
    pages_per_minute: float | None = None
    width: int = field(default=1)


_KNOWN, _ANSWER, _ABOUT = TypeAdapter(Known), TypeAdapter(Answer), TypeAdapter(dict[str, About])


class Study:
    """The folder of a study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, case: Case) -> Known:
        """Draw the case's page, unless it is there already, and write down what is known of it."""
        path = self.folder / "cases" / f"{slug(case.id)}.json"
        before = self._read(path, _KNOWN) if path.exists() else None
        if (
            before is not None
            and case.data == "generated"
            and before.truth == case.truth
            and self.page(before).exists()
        ):
            known: Known = before
            return known
        data = case.draw()
        digest = hashlib.sha256(data).hexdigest()
        known = Known(
            case.id, case.kind, case.data, case.degradation, f"{digest[:16]}{case.suffix}", digest, case.truth
        )
        if not self.page(known).exists():
            write_whole(self.page(known), [data])
        self._write(path, _KNOWN, known)
        return known

    def page(self, known: Known) -> Path:
        """The picture that was read."""
        return self.folder / "pages" / known.page

    def cases(self) -> list[Known]:
        """Every case, in the order of their names; raises NothingMeasured."""
        found = [self._read(path, _KNOWN) for path in sorted((self.folder / "cases").glob("*.json"))]
        if not found:
            raise NothingMeasured(folder=self.folder)
        return found

    def answer_path(self, known: Known, subject: str, version: str, wish: str) -> Path:
        """Where the answer of a subject in a version, asked in this way, rests."""
        key = hashlib.sha256(json.dumps([known.digest, subject, version, wish]).encode()).hexdigest()[:12]
        return self.folder / "answers" / slug(subject) / f"{slug(known.id)}.{key}.json"

    def answer(self, path: Path) -> Answer | None:
        """A stored answer."""
        found: Answer | None = self._read(path, _ANSWER) if path.exists() else None
        return found

    def put(self, path: Path, answer: Answer) -> None:
        self._write(path, _ANSWER, answer)

    def answers(self) -> Iterator[Answer]:
        """For every case and subject the answer that was read last, on the picture as it is now."""
        digests = {known.id: known.digest for known in self.cases()}
        for folder in sorted((self.folder / "answers").glob("*")):
            newest: dict[str, Answer] = {}
            for path in sorted(folder.glob("*.json")):
                found: Answer = self._read(path, _ANSWER)
                before = newest.get(found.case)
                if digests.get(found.case) == found.page and (before is None or before.read_at <= found.read_at):
                    newest[found.case] = found
            yield from newest.values()

    def subjects(self) -> dict[str, About]:
        """Every subject that was measured, by its key."""
        path = self.folder / "subjects.json"
        found: dict[str, About] = self._read(path, _ABOUT) if path.exists() else {}
        return found

    def note(self, about: About) -> None:
        self._write(self.folder / "subjects.json", _ABOUT, {**self.subjects(), about.key: about})

    def environment(self) -> dict[str, str]:
        path = self.folder / "environment.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def note_environment(self, found: dict[str, str]) -> None:
        text = json.dumps(found, ensure_ascii=False, indent=1)
        write_whole(self.folder / "environment.json", [text.encode()])

    @staticmethod
    def _write(path: Path, kind: TypeAdapter[Any], value: object) -> None:
        write_whole(path, [kind.dump_json(value, indent=1)])

    @staticmethod
    def _read(path: Path, kind: TypeAdapter[Any]) -> Any:
        try:
            return kind.validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UnreadableResult(name=path, reason=str(error).splitlines()[0]) from error


def slug(name: str) -> str:
    """A name as a file name, short enough for any file system and different for different names."""
    plain = re.sub(r"[^\w.=+-]+", "_", name)
    return plain if len(plain) <= 120 else f"{plain[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
