"""The table of a batch, one row per page or per document that could not be opened: CSV, Parquet, the quarantine."""

import csv
import io
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from chatvlmllm.batch.journal import Journal, Record
from chatvlmllm.export.sheet import defuse
from chatvlmllm.reading import Verdict
from chatvlmllm.store import write_whole

COLUMNS = (
    "name", "sha256", "page", "verdict", "asked", "answered", "engine", "device", "confidence", "characters", "doubts",
    "notices", "failure", "message", "attempts", "seconds", "files",
)  # fmt: skip
_WHOLE = ("page", "characters", "doubts", "attempts")
_REAL = ("confidence", "seconds")
_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Tables:
    """The files that `write` wrote, and how many pages of each verdict they list."""

    files: tuple[Path, ...]
    verdicts: dict[str, int]
    documents: int
    quarantined: int


def rows(journal: Journal, names: Container[str] | None = None) -> Iterator[Record]:
    """The rows by document name and page; of the documents called `names`, or of all that the batch ever had."""
    past = journal.past
    for name in sorted(name for name in past.documents if names is None or name in names):
        document = journal.document(name)
        assert document is not None
        common = {"name": name, "sha256": document["sha256"], "files": " ".join(document["files"])}
        if not document["pages"]:
            yield {**common, **{key: document[key] for key in ("verdict", "failure", "message")}}
        for page in document["pages"]:
            at = f"{document['sha256']}/{page}/{document['way']}"
            row = journal.row(at) or {}
            tries = past.failed[at] + (row.get("verdict") != Verdict.FAILED.value)
            yield {**common, **row, "page": page, "attempts": tries}


def write(folder: Path, journal: Journal, names: Container[str] | None = None) -> Tables:
    """Write `manifest.csv`, `quarantine.csv` and, where pyarrow is installed, `manifest.parquet`."""
    verdicts: dict[str, int] = {}
    documents, lost = set[str](), 0

    def counted() -> Iterator[Record]:
        nonlocal lost
        for row in rows(journal, names):
            verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + ("page" in row)
            documents.add(row["name"])
            lost += row["verdict"] == Verdict.FAILED.value
            yield row

    write_whole(folder / "manifest.csv", _csv(counted()))
    bad = (row for row in rows(journal, names) if row["verdict"] == Verdict.FAILED.value)
    write_whole(folder / "quarantine.csv", _csv(bad))
    files = [folder / "manifest.csv", folder / "quarantine.csv"]
    if find_spec("pyarrow") is not None:
        _parquet(folder / "manifest.parquet", rows(journal, names))
        files.append(folder / "manifest.parquet")
    return Tables(tuple(files), verdicts, len(documents), lost)


def _csv(table: Iterable[Record]) -> Iterator[bytes]:
    # Excel takes a CSV for UTF-8 only when it begins with a byte order mark.
    yield b"\xef\xbb\xbf" + _line(COLUMNS)
    for row in table:
        yield _line([defuse(_shown(row.get(column))) for column in COLUMNS])


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _line(cells: Iterable[str]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerow(cells)
    return stream.getvalue().encode("utf-8", "replace")


def _parquet(path: Path, table: Iterable[Record]) -> None:
    """Row groups of bounded size, into a file that appears when it is whole."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {**dict.fromkeys(_WHOLE, pa.int64()), **dict.fromkeys(_REAL, pa.float64())}
    schema = pa.schema([(column, kinds.get(column, pa.string())) for column in COLUMNS])
    part = path.with_name(f".{path.name}.part")
    with parquet.ParquetWriter(part, schema) as writer:
        for group in _grouped(table):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    part.replace(path)


def _grouped(table: Iterable[Record]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for row in table:
        group.append({column: row.get(column) for column in COLUMNS})
        if len(group) >= _ROWS:
            yield group
            group = []
    if group:
        yield group
