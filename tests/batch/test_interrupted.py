"""A batch that is killed, interrupted or left to watch a folder loses nothing and reads nothing twice."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm.store.database import Database
from tests.batch.conftest import Batch, Process, events, files, papers, table
from tests.conftest import SAMPLES
from tests.pdfs import text_pdf

Start = Callable[..., Process]


def _stored(output: Path) -> set[tuple[str, int]]:
    """The pages whose result is in the store."""
    path = output / ".batch" / "pages.sqlite3"
    if not path.exists():
        return set()
    with Database(f"sqlite:///{path}") as database, database.read() as connection:
        return set(connection.exec_driver_sql("SELECT document, page FROM pages").all())  # type: ignore[arg-type]


def _begun(output: Path) -> list[tuple[str, int]]:
    if not (output / ".batch" / "journal.jsonl").exists():
        return []
    found = [record["at"].split("/") for record in events(output, "page")]
    return [(document, int(page)) for document, page, _ in found]


def _lines(output: Path) -> int:
    path = output / ".batch" / "journal.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _killed(process: Process, output: Path, more: int) -> int:
    """Kill the process once it has done so many steps more; it may be done before."""
    wanted = _lines(output) + more
    while process.alive and _lines(output) < wanted:
        time.sleep(0.001)
    if process.alive:
        os.kill(process.pid, signal.SIGKILL)
    return process.wait()


def _survives(start: Start, source: Path, out: Path, kills: int, steps: int) -> int:
    """Kill a batch at random moments and resume it; how often it was killed in the middle of its work."""
    chance, killed = random.Random(20), 0
    arguments = ("batch", source, "-o", out, "-f", "txt", "-f", "alto", "-f", "csv")
    for _ in range(kills):
        before, stored = len(_begun(out)), _stored(out)
        killed += _killed(start(*arguments), out, chance.randint(1, steps)) == -signal.SIGKILL
        assert stored.isdisjoint(_begun(out)[before:]), "a stored page was read again"
    before, stored = len(_begun(out)), _stored(out)
    last = start(*arguments)
    assert last.wait() == 0, last.errors.read_text()
    assert stored.isdisjoint(_begun(out)[before:])
    return killed


def test_kill_9_at_ten_random_moments_changes_nothing(start: Start, tmp_path: Path) -> None:
    """A batch that is killed ten times and resumed writes what an undisturbed one writes, and reads no page twice."""
    source = papers(tmp_path / "in", 20, pages=2)
    calm = start("batch", source, "-o", tmp_path / "calm", "-f", "txt", "-f", "alto", "-f", "csv")
    assert calm.wait() == 0, calm.errors.read_text()
    assert _survives(start, source, tmp_path / "out", kills=10, steps=12) == 10
    assert files(tmp_path / "out") == files(tmp_path / "calm")


@pytest.mark.real
def test_kill_9_while_the_embedded_engine_reads(start: Start, tmp_path: Path) -> None:
    """The same with scans and the package's own reader."""
    from PIL import Image

    source = tmp_path / "in"
    source.mkdir()
    with Image.open(SAMPLES / "sample.png") as sample:
        for n in range(12):
            top = 120 + 40 * n
            sample.crop((60, top, sample.width - 60, top + 160)).save(source / f"strip{n:02}.png")
    calm = start("batch", source, "-o", tmp_path / "calm", "-f", "txt", "-f", "alto", "-f", "csv")
    assert calm.wait() == 0, calm.errors.read_text()
    assert _survives(start, source, tmp_path / "out", kills=10, steps=4) >= 8
    assert files(tmp_path / "out") == files(tmp_path / "calm")


def test_an_interrupted_batch_says_so_and_goes_on(start: Start, tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and leaves no page under suspicion; the next call finishes."""
    source, out = papers(tmp_path / "in", 20, pages=3), tmp_path / "out"
    process = start("batch", source, "-o", out)
    while process.alive and _lines(out) < 20:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130
    assert events(out, "end")
    assert start("batch", source, "-o", out).wait() == 0
    kept = [record["at"] for record in events(out, "kept")]
    assert len(kept) == len(set(kept)) == 60, "every page was stored once"


def test_a_page_that_always_ends_the_program_is_left_alone(batch: Batch, tmp_path: Path) -> None:
    """A page that was being read at five sudden ends is in quarantine; the others are read."""
    source, out = papers(tmp_path / "in", 2, pages=2), tmp_path / "out"
    batch(source, "--limit-time", "0s")
    batch(source)
    victim = events(out, "page")[0]["at"]
    for folder in (out / ".batch").iterdir():
        if folder.name.startswith("pages.sqlite3"):
            folder.unlink()
    journal = out / ".batch" / "journal.jsonl"
    torn = '{"event":"kept","at":"' + victim[:20]
    journal.write_text(f'{{"event":"begin"}}\n{{"event":"page","at":"{victim}"}}\n' * 5 + torn)
    done = batch(source)
    assert done.code == 1
    lost = table(out / "quarantine.csv")
    assert [(row["failure"], row["page"]) for row in lost] == [("page_fatal", victim.split("/")[1])]
    assert len([row for row in table(out / "manifest.csv") if row["verdict"] == "ok"]) == 3


def test_a_hot_folder_is_watched(start: Start, tmp_path: Path) -> None:
    """Files that arrive are read, changed ones again; Ctrl-C ends the watch with the exit code of what was read."""
    source, out = papers(tmp_path / "in", 1), tmp_path / "out"

    def written(name: str, text: str) -> bool:
        path = out / name
        return path.exists() and path.read_text() == text

    def wait_for(name: str, text: str) -> None:
        until = time.monotonic() + 90
        while not written(name, text):
            assert process.alive, process.errors.read_text()
            assert time.monotonic() < until, "nothing came"
            time.sleep(0.05)

    process = start("batch", source, "-o", out, "--watch")
    wait_for("paper000.pdf.txt", "Contract number 0\nSigned\n")
    (source / "new.pdf").write_bytes(text_pdf("Arrived"))
    wait_for("new.pdf.txt", "Arrived\n")
    (source / "new.pdf").write_bytes(text_pdf("Changed"))
    wait_for("new.pdf.txt", "Changed\n")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 0, process.errors.read_text()
    assert len(table(out / "manifest.csv")) == 2
