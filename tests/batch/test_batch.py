"""`chatvlmllm batch`: what it reads, what it writes, what it remembers and what its exit code says."""

import os
import shutil
import struct
import zipfile
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from chatvlmllm.batch.items import safe
from chatvlmllm.cli.speech import say
from chatvlmllm.config import Server
from tests.batch.conftest import Batch, events, files, papers, table
from tests.conftest import encoded, picture
from tests.engines.rig import server
from tests.pdfs import text_pdf


def test_folders_archives_and_files_are_read(batch: Batch, tmp_path: Path) -> None:
    """Every document below a folder and inside its archives has its files; the table has a row for every page."""
    source = papers(tmp_path / "in" / "deep" / "er", 2, pages=2)
    with zipfile.ZipFile(tmp_path / "in" / "more.zip", "w") as archive:
        archive.writestr("x/packed.pdf", text_pdf("Packed"))
        archive.writestr("x/readme.txt", "no document")
    (tmp_path / "in" / ".hidden.pdf").write_bytes(b"")
    done = batch(tmp_path / "in", "-f", "txt", "-f", "md")
    assert done.code == 0, done.err
    out = tmp_path / "out"
    assert (out / "deep/er/paper001.pdf.txt").read_text() == "Contract number 1\nSigned\n\fContract number 1\nSigned\n"
    assert (out / "more.zip/x/packed.pdf.md").read_text() == "Packed\n"
    rows = table(out / "manifest.csv")
    assert [(row["name"], row["page"], row["verdict"]) for row in rows] == [
        ("deep/er/paper000.pdf", "1", "ok"),
        ("deep/er/paper000.pdf", "2", "ok"),
        ("deep/er/paper001.pdf", "1", "ok"),
        ("deep/er/paper001.pdf", "2", "ok"),
        ("more.zip/x/packed.pdf", "1", "ok"),
    ]
    assert source.is_dir()


def test_the_parquet_table_is_the_csv_table(batch: Batch, tmp_path: Path) -> None:
    """Both tables have the same rows and columns, numbers as numbers."""
    batch(papers(tmp_path / "in", 2))
    columns = parquet.read_table(tmp_path / "out" / "manifest.parquet").to_pylist()
    rows = table(tmp_path / "out" / "manifest.csv")
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in columns] == rows
    assert isinstance(columns[0]["page"], int)


def _order(output: Path, first: str, second: str) -> bool:
    """Whether the reading of one document began before that of another ended."""
    names = {record["sha256"]: record["name"] for record in events(output, "document")}
    begun = [names[record["at"].split("/")[0]] for record in events(output, "page")]
    return begun.index(first) < len(begun) - 1 - begun[::-1].index(second)


def test_patterns_and_priorities(batch: Batch, tmp_path: Path) -> None:
    """A pattern names files, and those with a higher priority are read first."""
    papers(tmp_path / "in", 4, pages=9)
    done = batch(str(tmp_path / "in" / "paper00[123].pdf"), "--priority", "paper003*=5", "--priority", "*1.pdf=-1")
    assert done.code == 0
    assert {row["name"] for row in table(tmp_path / "out" / "manifest.csv")} == {f"paper00{n}.pdf" for n in (1, 2, 3)}
    assert _order(tmp_path / "out", "paper003.pdf", "paper002.pdf")
    assert not _order(tmp_path / "out", "paper001.pdf", "paper003.pdf")


def test_a_manifest_says_what_to_read_and_how(batch: Batch, tmp_path: Path) -> None:
    """Rows of a CSV name files relative to it, their names, pages and priorities."""
    papers(tmp_path / "in", 3, pages=3)
    rows = ["path;name;pages;priority", "in/paper001.pdf;2025/first.pdf;2-;0", "in/paper002.pdf;;;7"]
    (tmp_path / "list.csv").write_text("\ufeff" + "\n".join(rows), encoding="utf-8")
    assert batch(tmp_path / "list.csv").code == 0
    assert [(row["name"], row["page"]) for row in table(tmp_path / "out" / "manifest.csv")] == [
        ("2025/first.pdf", "2"),
        ("2025/first.pdf", "3"),
        *(("paper002.pdf", str(page)) for page in (1, 2, 3)),
    ]
    assert _order(tmp_path / "out", "paper002.pdf", "2025/first.pdf")


def test_a_wrong_manifest_is_named_with_its_line(batch: Batch, tmp_path: Path) -> None:
    """A priority that is no number is an error of the input, with the line."""
    (tmp_path / "list.csv").write_text("path,priority\na.pdf,high\n")
    done = batch(tmp_path / "list.csv")
    assert done.code == 2
    assert f"{tmp_path / 'list.csv'}" in done.err
    assert " 2: " in done.err


def test_remote_files_are_read_like_local_ones(batch: Batch, tmp_path: Path) -> None:
    """What fsspec reaches by URL is read; a file that is gone in the meantime costs no other."""
    memory = fsspec.filesystem("memory")
    memory.pipe({"/bucket/a/one.pdf": text_pdf("One"), "/bucket/two.pdf": text_pdf("Two"), "/bucket/x.txt": b""})
    try:
        assert batch("memory://bucket").code == 0
        assert (tmp_path / "out/a/one.pdf.txt").read_text() == "One\n"
        assert not list((tmp_path / "out").rglob("*x.txt"))
        assert batch("memory://nowhere").code == 2
    finally:
        memory.rm("/bucket", recursive=True)


def test_nothing_is_read_twice(batch: Batch, tmp_path: Path) -> None:
    """A second run reads nothing and changes no file, also after the output folder was moved and inputs renamed."""
    papers(tmp_path / "in", 3, pages=2)
    batch(tmp_path / "in")
    before = files(tmp_path / "out")
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    shutil.move(tmp_path / "moved", tmp_path / "out")
    assert batch(tmp_path / "elsewhere").code == 0
    assert len(events(tmp_path / "out", "page")) == 6
    assert files(tmp_path / "out") == before
    (tmp_path / "elsewhere" / "paper000.pdf").rename(tmp_path / "elsewhere" / "renamed.pdf")
    batch(tmp_path / "elsewhere")
    assert len(events(tmp_path / "out", "page")) == 6
    assert (tmp_path / "out" / "renamed.pdf.txt").read_text().startswith("Contract number 0")


def test_an_edited_file_is_read_again(batch: Batch, tmp_path: Path) -> None:
    """Content decides: same name and time of change, other bytes, and the file is read anew; the others are not."""
    source = papers(tmp_path / "in", 2)
    batch(source)
    file = source / "paper000.pdf"
    stat = file.stat()
    file.write_bytes(text_pdf("Contract number 7", "Signed"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert batch(source).code == 0
    assert len(events(tmp_path / "out", "page")) == 3
    assert (tmp_path / "out" / "paper000.pdf.txt").read_text().startswith("Contract number 7")


def test_the_same_content_is_read_once(batch: Batch, tmp_path: Path) -> None:
    """Copies of a document under many names are read once and written for each name."""
    source = papers(tmp_path / "in", 1, pages=3)
    for n in range(5):
        shutil.copy(source / "paper000.pdf", source / f"copy{n}.pdf")
    assert batch(source).code == 0
    assert len(events(tmp_path / "out", "page")) == 3
    assert len(list((tmp_path / "out").glob("*.txt"))) == 6


def test_other_formats_need_no_reading(batch: Batch, tmp_path: Path) -> None:
    """A further format of a batch that was read is written from what is stored."""
    source = papers(tmp_path / "in", 2)
    batch(source)
    assert batch(source, "-f", "md", "--extract", "auto").code == 0
    assert len(events(tmp_path / "out", "page")) == 2
    assert (tmp_path / "out" / "paper001.pdf.md").exists()
    assert (tmp_path / "out" / "paper001.pdf.fields.json").exists()


def test_what_cannot_be_read_is_in_quarantine(batch: Batch, tmp_path: Path) -> None:
    """Damaged files and pages are listed with their reason, cost no other, and are not tried at every run."""
    source = papers(tmp_path / "in", 1)
    (source / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    (source / "cut.png").write_bytes(encoded(picture(), "PNG")[:300])
    done = batch(source)
    assert done.code == 1
    lost = {row["name"]: (row["page"], row["failure"]) for row in table(tmp_path / "out" / "quarantine.csv")}
    assert lost == {"broken.pdf": ("", "damaged_file"), "cut.png": ("1", "damaged_file")}
    assert (tmp_path / "out" / "paper000.pdf.txt").exists()
    read = len(events(tmp_path / "out", "page"))
    assert batch(source).code == 1
    assert len(events(tmp_path / "out", "page")) == read
    batch(source, "--retry-quarantined")
    assert len(events(tmp_path / "out", "page")) == read + 1
    (source / "broken.pdf").write_bytes(text_pdf("Mended"))
    (source / "cut.png").unlink()
    assert batch(source).code == 0
    assert table(tmp_path / "out" / "quarantine.csv") == []


@pytest.mark.parametrize(("times", "code"), [(1, 0), (9, 4)])
def test_a_page_that_an_engine_failed_is_tried_again(
    times: int, code: int, batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that refuses once costs a retry; one that always refuses costs the page, after as many as allowed."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "page.png").write_bytes(encoded(picture(), "PNG"))
    once = [f"once={tmp_path / 'refused'}"] if times == 1 else []
    with server("text=read at last", "refuse=no", *once) as url:
        monkeypatch.setenv(
            "CHATVLMLLM_SERVERS", f"[{Server(url=url, models={'qwen_vl_2b': 'model'}).model_dump_json()}]"
        )
        done = batch(tmp_path / "in", "--model", "qwen_vl_2b", "--no-fallback", "--witness", "off", "--retries", "2")
    assert done.code == code, done.err
    kept = [record["verdict"] for record in events(tmp_path / "out", "kept")]
    assert kept == (["failed", "ok"] if times == 1 else ["failed"] * 3)


def test_exit_codes_tell_partial_from_full_success(batch: Batch, tmp_path: Path) -> None:
    """0 for everything, 1 for a part, the first failure's code for nothing at all, 2 for no input."""
    (tmp_path / "empty").mkdir()
    assert batch(tmp_path / "empty").code == 2
    source = papers(tmp_path / "in", 1)
    assert batch(source).code == 0
    assert batch(source, tmp_path / "gone.pdf").code == 1
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.pdf").write_bytes(b"%PDF-1.7")
    assert batch(tmp_path / "bad").code == 2
    assert batch(source, "--model", "nobody").code == 2
    assert batch(source, "--format", "nothing").code == 2


def test_a_batch_out_of_time_is_partial_and_goes_on(batch: Batch, tmp_path: Path) -> None:
    """When the time is over what is read stays, the exit code is that of a part, and the next call finishes."""
    source = papers(tmp_path / "in", 3)
    done = batch(source, "--limit-time", "0s")
    assert done.code == 1
    assert say("batch.unfinished", documents=3) in done.err
    assert batch(source, "--limit-time", "1h").code == 0
    assert len(table(tmp_path / "out" / "manifest.csv")) == 3


def test_two_batches_do_not_share_a_folder(batch: Batch, tmp_path: Path) -> None:
    """A folder that another process writes into is refused."""
    from chatvlmllm.batch.ledger import Ledger

    with Ledger(tmp_path / "out", 1):
        assert batch(papers(tmp_path / "in", 1)).code == 4
    assert batch(tmp_path / "in").code == 0


@given(st.text() | st.from_regex(r"(\.\./|/|[A-Z]:\\|\\\\)*.{0,300}\.pdf"))
def test_a_hostile_name_stays_in_its_folder(name: str) -> None:
    """No name from an archive, a URL or a manifest leads out of the output folder or breaks a file system."""
    path = Path("/out") / safe(name)
    assert Path(os.path.normpath(path)).is_relative_to("/out")
    assert all(len(part.encode()) <= 200 and part not in (".", "..") for part in safe(name).split("/"))
    assert not set(safe(name)) & set('\x00\n:*?"<>|\\')


def test_archives_cannot_climb_or_explode(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that climb stay inside, bombs and lies about size are refused in bounded space, the rest is read."""
    monkeypatch.setenv("CHATVLMLLM_LIMITS__FILE_MB", "30")
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "evil.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../climbed.pdf", text_pdf("Climbed"))
        archive.writestr("/etc/absolute.pdf", text_pdf("Absolute"))
        archive.writestr("bomb.pdf", bytes(40_000_000))
        archive.writestr("dense.pdf", bytes(25_000_000))
        archive.writestr("twin.pdf", text_pdf("One"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("twin.pdf", text_pdf("Two"))
    data = bytearray((tmp_path / "in" / "evil.zip").read_bytes())
    # The directory claims that the bomb is small; the claim is not believed.
    at = data.rindex(b"bomb.pdf") - 46
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    (tmp_path / "in" / "lying.zip").write_bytes(data)
    (tmp_path / "in" / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    done = batch(tmp_path / "in")
    assert done.code == 1
    lost = {row["name"]: row["failure"] for row in table(tmp_path / "out" / "quarantine.csv")}
    assert lost["evil.zip/bomb.pdf"] == "file_too_large"
    assert lost["lying.zip/bomb.pdf"] in ("file_too_large", "damaged_file")
    assert lost["broken.zip"] == "damaged_file"
    assert set(lost) <= {f"{z}.zip/{f}.pdf" for z in ("evil", "lying") for f in ("bomb", "dense")} | {"broken.zip"}
    texts = sorted(path.read_text() for path in (tmp_path / "out" / "evil.zip").rglob("*.txt"))
    assert texts == ["Absolute\n", "Climbed\n", "One\n", "Two\n"]
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside == {"in", "out"}
