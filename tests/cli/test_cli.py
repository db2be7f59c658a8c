"""The command line as a person or a script meets it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from chatvlmllm.messages import render
from tests.conftest import SAMPLES, encoded, picture
from tests.pdfs import text_pdf

COMMAND = [sys.executable, "-m", "chatvlmllm"]


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(text_pdf("Invoice 42", pages=3))
    return path


def test_text_goes_to_standard_output_and_nothing_else(pdf: Path) -> None:
    """In a pipe there is the text, no progress bar, no colour, no log."""
    done = subprocess.run([*COMMAND, "recognize", str(pdf)], capture_output=True, check=True)
    assert done.stdout.decode() == "Invoice 42\n\fInvoice 42\n\fInvoice 42\n"
    assert done.stderr == b""


def test_json_on_standard_output_is_one_object_per_file(cli: Callable, pdf: Path, tmp_path: Path) -> None:
    """`--json` prints one run per line, valid against `chatvlmllm schema`, also for a file that is not there."""
    outcome = cli("recognize", pdf, tmp_path / "gone.png", "--json")
    schema = json.loads(cli("schema").text)
    runs = [json.loads(line) for line in outcome.text.splitlines()]
    for run in runs:
        jsonschema.validate(run, schema)
    assert [run["verdict"] for run in runs] == ["ok", "failed"]
    assert runs[1]["failure"]["code"] == "file_missing"
    assert outcome.code == 1


def test_every_format_is_written_beside_the_others(cli: Callable, pdf: Path, tmp_path: Path) -> None:
    """Several formats of one file stand under one name in the output folder."""
    flags = [flag for name in ("txt", "md", "html", "json", "csv") for flag in ("--format", name)]
    assert cli("recognize", pdf, "--output", tmp_path / "out", *flags).code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["invoice.csv", "invoice.html", "invoice.json", "invoice.md", "invoice.txt"]


def test_an_unknown_preset_names_those_there_are(cli: Callable, pdf: Path) -> None:
    """A mistyped preset ends before anything is read, with the list to choose from."""
    outcome = cli("recognize", pdf, "--model", "embedded", "--option", "preset=turbo")
    assert outcome.code == 2
    assert "speed, balanced, quality" in outcome.err


def test_files_of_one_name_do_not_overwrite_each_other(cli: Callable, tmp_path: Path) -> None:
    """Results of a.pdf, a.png and b/a.pdf are three files."""
    (tmp_path / "b").mkdir()
    files = [tmp_path / "a.pdf", tmp_path / "a.png", tmp_path / "b" / "a.pdf"]
    for number, file in enumerate(files):
        file.write_bytes(text_pdf(f"file {number}"))
    cli("recognize", *files, "--output", tmp_path / "out")
    assert sorted(path.read_text().strip() for path in (tmp_path / "out").iterdir()) == ["file 0", "file 1", "file 2"]


def test_pages_can_be_chosen(cli: Callable, pdf: Path) -> None:
    """`--pages` takes numbers and ranges, open ends included."""
    run = json.loads(cli("recognize", pdf, "--pages", "1,3-", "--json").text)
    assert [reading["page"] for reading in run["readings"]] == [1, 3]


def test_messages_are_russian_on_request(cli: Callable, tmp_path: Path) -> None:
    """`--ui-lang ru` and a Russian locale speak Russian."""
    for arguments, locale in ((["--ui-lang", "ru"], "C"), ([], "ru_RU.UTF-8")):
        environ = {**os.environ, "LC_ALL": locale}
        said = subprocess.run(
            [*COMMAND, *arguments, "recognize", "gone.png"], capture_output=True, env=environ, check=False
        )
        assert "Файла gone.png нет." in said.stderr.decode()
        assert said.returncode == 2


def test_help_names_every_command(cli: Callable) -> None:
    """`--help` lists the commands."""
    shown = cli("--help").text
    assert all(name in shown for name in ("recognize", "doctor", "models", "config", "schema"))


def test_doctor_finds_what_reading_needs(cli: Callable) -> None:
    """On a machine that reads, `doctor` ends well and names versions and languages."""
    outcome = cli("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(outcome.text)}
    assert outcome.code == 0
    assert findings["tessdata rus"]["found"]


def test_doctor_names_the_command_that_mends(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where language data is missing, `doctor` names the command to run; reading goes on without it."""
    monkeypatch.setenv("CHATVLMLLM_TESSDATA", str(tmp_path))
    outcome = cli("doctor")
    assert outcome.code == 0
    assert re.search(r"→ .*(tesseract-ocr-rus|models pull tesseract --lang rus)", outcome.text)


def test_models_list_knows_every_model(cli: Callable) -> None:
    """`models list` prints the whole catalogue."""
    from chatvlmllm.models import catalogue

    listed = cli("models", "list").text
    assert all(key in listed for key in catalogue())


@pytest.mark.skipif(sys.platform == "win32", reason="signals are tested on POSIX")
@pytest.mark.parametrize("delay", [0.2, 0.8, 1.5, 3.0])
def test_a_killed_run_leaves_no_half_written_file(tmp_path: Path, delay: float) -> None:
    """Whatever moment `kill -9` hits, every file in the output folder is whole."""
    frames = [picture(f"Page {n}") for n in range(40)]
    for name in ("one", "two"):
        content = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
        (tmp_path / f"{name}.tif").write_bytes(content)
    out = tmp_path / "out"
    command = [*COMMAND, "recognize", *map(str, tmp_path.glob("*.tif")), "--format", "json", "--output", str(out)]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.wait()
    for path in out.glob("[!.]*") if out.exists() else ():
        assert len(json.loads(path.read_text())["readings"]) == 40


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupting_keeps_finished_files(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """Ctrl-C, or a service manager, ends it with a sentence; what was finished stays, what was not is absent."""
    frames = [picture(f"Page {n}", size=(1200, 900)) for n in range(80)]
    (tmp_path / "long.tif").write_bytes(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    (tmp_path / "short.pdf").write_bytes(text_pdf("Invoice 42"))
    files = [str(tmp_path / name) for name in ("short.pdf", "long.tif")]
    child = subprocess.Popen(
        [*COMMAND, "--ui-lang", "en", "recognize", *files, "--output", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        # A shell lets its background jobs ignore Ctrl-C, and so would this one if the tests are such a job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 nothing else runs in between
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "out" / "short.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    assert said.decode().strip().endswith(render("cli.interrupted", "en", {}))
    assert child.returncode == status
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["short.txt"]


def test_the_sample_is_part_of_the_package() -> None:
    """The sample and its truth are package data."""
    assert (SAMPLES / "sample.png").stat().st_size < 500_000
    assert (SAMPLES / "sample.gt.txt").read_text(encoding="utf-8").strip()
