"""Batches from outside: folders of small born-digital PDFs, and runs of the command that can be killed."""

import csv
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.pdfs import text_pdf

Batch = Callable[..., Outcome]


@pytest.fixture
def batch(cli: Callable[..., Outcome], tmp_path: Path) -> Batch:
    """Run `chatvlmllm batch INPUTS… --output tmp/out ARGUMENTS…` in this process."""

    def call(*arguments: object) -> Outcome:
        return cli("batch", *arguments, "--output", tmp_path / "out")

    return call


def papers(folder: Path, documents: int, pages: int = 1) -> Path:
    """A folder of PDFs whose pages say which document they are of."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(documents):
        (folder / f"paper{n:03}.pdf").write_bytes(text_pdf(f"Contract number {n}", "Signed", pages=pages))
    return folder


def events(output: Path, kind: str) -> list[dict]:
    """The journal's records of one kind, torn lines left out."""
    found = []
    for line in (output / ".batch" / "journal.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("event") == kind:
            found.append(record)
    return found


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a manifest."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def files(output: Path) -> dict[str, bytes]:
    """Everything that a batch wrote, but its memory and how long it took."""
    found = {}
    for path in sorted(output.rglob("*")):
        name = path.relative_to(output).as_posix()
        if path.is_file() and not name.startswith(".batch/") and not name.endswith(".parquet"):
            found[name] = path.read_bytes()
    timeless = [{k: v for k, v in row.items() if k != "seconds"} for row in table(output / "manifest.csv")]
    return found | {"manifest.csv": json.dumps(timeless).encode()}


class Process:
    """A run of the command line in a process of its own."""

    def __init__(self, runs: subprocess.Popen[str], arguments: list[str], errors: Path) -> None:
        assert runs.stdin
        assert runs.stdout
        self.errors = errors
        runs.stdin.write(json.dumps([arguments, str(errors)]) + "\n")
        runs.stdin.flush()
        self.pid = int(runs.stdout.readline())
        self._code: list[int] = []
        self._ended = threading.Thread(target=lambda: self._code.append(int(runs.stdout.readline())))
        self._ended.start()

    @property
    def alive(self) -> bool:
        return self._ended.is_alive()

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        self._ended.join(120)
        return self._code[0]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `chatvlmllm ARGUMENTS…` in a process that can be killed; one at a time."""
    program = [sys.executable, "-m", "tests.batch.runs"]
    root = Path(__file__).parents[2]
    runs = subprocess.Popen(program, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    errors = tmp_path / "errors.txt"
    yield lambda *arguments: Process(runs, list(map(str, arguments)), errors)
    assert runs.stdin
    runs.stdin.close()
    runs.wait(60)
