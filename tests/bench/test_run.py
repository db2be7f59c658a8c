"""`chatvlmllm bench run` through the command line: real readers, kept answers, nothing read twice."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm.bench.metrics import cer
from tests.conftest import encoded, picture

LINES = {"first": "Hello world", "second": "Total 17.50", "third": "Invoice 2025"}


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Three short pages with their texts beside them."""
    folder = tmp_path / "papers"
    folder.mkdir()
    for name, text in LINES.items():
        (folder / f"{name}.png").write_bytes(encoded(picture(text), "PNG", dpi=(200, 200)))
        (folder / f"{name}.gt.txt").write_text(text)
    return folder


def _answers(study: Path, subject: str) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((study / "answers" / subject).glob("*.json"))]


def _accuracy(study: Path) -> list[dict[str, str]]:
    lines = (study / "accuracy.csv").read_text(encoding="utf-8-sig").splitlines()
    return list(csv.DictReader(lines, delimiter=";"))


def test_models_and_programs_read_the_same_pages(cli: Callable, papers: Path, tmp_path: Path) -> None:
    """One of our models and the Tesseract command read every page; what they said, cost and ran on is kept; a second
    call reads nothing."""
    study = tmp_path / "study"
    arguments = ("bench", "run", "--models", "tesseract,tesseract-cli", "--data", papers, "-o", study, "--lang", "eng")
    done = cli("--ui-lang", "en", *arguments, "--throughput", 2)
    assert done.code == 0, done.err
    assert "6 pages read anew, 3 pages in all" in done.err
    assert sum("pages 3  CER 0.0000" in line for line in done.text.splitlines()) == 2
    for subject in ("tesseract", "tesseract-cli"):
        found = _answers(study, subject)
        assert sorted(answer["text"] for answer in found) == sorted(LINES.values())
        for answer in found:
            assert answer["verdict"] == "ok"
            assert answer["raw"]
            assert answer["seconds"]["total"] > 0
            assert answer["seconds"]["processor"] >= 0
            assert answer["memory"]["rss"] > 1_000_000
            assert {"chatvlmllm", "python", "cores", "processor"} <= set(answer["environment"])
    about = json.loads((study / "subjects.json").read_text())
    assert [about[key]["ours"] for key in ("tesseract", "tesseract-cli")] == [True, False]
    assert about["tesseract"]["load_seconds"] > 0
    assert all(one["pages_per_minute"] > 0 for one in about.values())
    before = {path: path.stat().st_mtime_ns for path in study.rglob("answers/*/*.json")}
    again = cli("--ui-lang", "en", *arguments)
    assert "0 pages read anew" in again.err
    assert {path: path.stat().st_mtime_ns for path in study.rglob("answers/*/*.json")} == before
    assert again.text == done.text


def test_only_what_is_missing_is_read(cli: Callable, papers: Path, tmp_path: Path) -> None:
    """A lost answer and a changed page are read again, the others are not; a half-written file is never counted."""
    study = tmp_path / "study"
    arguments = ("bench", "run", "--models", "tesseract-cli", "--data", papers, "-o", study, "--lang", "eng")
    cli("--ui-lang", "en", *arguments)
    next((study / "answers" / "tesseract-cli").glob("*first*")).unlink()
    (papers / "second.png").write_bytes(encoded(picture("Total 18.50"), "PNG", dpi=(200, 200)))
    (study / "answers" / "tesseract-cli" / ".x.json.abc.part").write_text("{")
    again = cli("--ui-lang", "en", *arguments)
    assert "2 pages read anew" in again.err
    assert "CER 0.0294" in again.text  # one sign of 34


def test_a_study_that_was_killed_is_reported_and_goes_on(cli: Callable, papers: Path, tmp_path: Path) -> None:
    """After `kill -9` in the middle the report tells of what was read, and the next call reads only the rest."""
    study = tmp_path / "study"
    arguments = ("bench", "run", "-m", "tesseract", "-d", str(papers), "-o", str(study), "-l", "eng")
    many = [papers / f"more{number}.png" for number in range(20)]
    for file in many:
        file.write_bytes((papers / "first.png").read_bytes())
        file.with_suffix(".gt.txt").write_text(LINES["first"])
    with subprocess.Popen([sys.executable, "-m", "chatvlmllm", *arguments]) as process:
        while not list(study.glob("answers/tesseract/*.json")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    done = len(_answers(study, "tesseract"))
    assert cli("bench", "report", study).code == 0
    assert len(_accuracy(study)) == done < len(many)
    again = cli("--ui-lang", "en", *arguments)
    assert f"{23 - done} pages read anew, 23 pages in all" in again.err


def test_a_page_that_cannot_be_read_counts_as_missing(cli: Callable, papers: Path, tmp_path: Path) -> None:
    """A broken picture is a failed answer with its reason for both kinds of subject; its text counts as left out."""
    (papers / "third.png").write_bytes((papers / "third.png").read_bytes()[:300])
    study = tmp_path / "study"
    done = cli(
        "--ui-lang", "en", "bench", "run", "-m", "tesseract,tesseract-cli", "-d", papers, "-o", study, "-l", "eng",
    )  # fmt: skip
    assert done.code == 0, done.err
    for subject in ("tesseract", "tesseract-cli"):
        failed = [answer for answer in _answers(study, subject) if answer["verdict"] == "failed"]
        assert [answer["case"] for answer in failed] == ["papers/third.png"]
        assert failed[0]["failure"][1]
    assert done.text.count("CER 0.3529") == 2  # 12 signs of 34
    assert done.text.count("not read 1") == 2


def test_wrong_names_stop_before_anything_is_read(cli: Callable, papers: Path, tmp_path: Path) -> None:
    """An unknown model names near ones and the programs; a model without its files and unknown data are errors."""
    study = tmp_path / "study"
    wrong = cli("--ui-lang", "en", "bench", "run", "-m", "tesserakt", "-d", papers, "-o", study)
    assert wrong.code == 2
    assert "tesseract" in wrong.err
    assert "ocrmypdf" in wrong.err
    assert cli("bench", "run", "-m", "tesseract", "-d", "nowhere", "-o", study).code == 2
    absent = cli("--ui-lang", "en", "bench", "run", "-m", "qwen_vl_2b", "-d", papers, "-o", study)
    assert absent.code == 3
    assert "chatvlmllm models pull qwen_vl_2b" in absent.err


def test_a_program_that_is_not_installed_says_how_to_get_it(
    cli: Callable, papers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `tesseract` on the path the call ends with the command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    done = cli("--ui-lang", "en", "bench", "run", "-m", "tesseract-cli", "-d", papers, "-o", tmp_path / "study")
    assert done.code == 3
    assert "apt-get install tesseract-ocr" in done.err


def test_published_layouts_are_measured(cli: Callable, tmp_path: Path) -> None:
    """A page as OmniDocBench lays it out gets its CER, a PDF with olmOCR-bench's facts the share of them that hold."""
    shown = picture("Total 17.50")
    omni, olm = tmp_path / "omni", tmp_path / "olm"
    (omni / "images").mkdir(parents=True)
    (omni / "images" / "p.png").write_bytes(encoded(shown, "PNG", dpi=(200, 200)))
    block = {"category_type": "text_block", "order": 1, "poly": [30, 50, 330, 50, 330, 110, 30, 110], "ignore": False}
    page = {"page_info": {"image_path": "p.png"}, "layout_dets": [{**block, "text": "Total 17.50"}]}
    (omni / "OmniDocBench.json").write_text(json.dumps([page]))
    (olm / "pdfs").mkdir(parents=True)
    shown.save(olm / "pdfs" / "p.pdf", resolution=200)
    facts = [("present", "Total 17.50"), ("absent", "Invoice"), ("present", "Zebra")]
    lines = [
        json.dumps({"pdf": "p.pdf", "page": 1, "id": str(number), "type": rule, "text": text, "max_diffs": 0})
        for number, (rule, text) in enumerate(facts)
    ]
    (olm / "facts.jsonl").write_text("\n".join(lines))
    study = tmp_path / "study"
    done = cli("bench", "run", "-m", "tesseract", "-d", omni, "-d", olm, "-o", study, "-l", "eng")
    assert done.code == 0, done.err
    assert cli("bench", "report", study).code == 0
    rows = {row["case"]: row for row in _accuracy(study)}
    assert rows["omnidocbench/0-p"]["cer"] == "0.000000"
    assert rows["omnidocbench/0-p"]["facts"] == ""
    assert rows["olmocr/p.pdf-p1"]["facts"] == "0.666667"
    assert rows["olmocr/p.pdf-p1"]["cer"] == ""


def test_a_table_without_column_lines_is_read_row_by_row(cli: Callable, tmp_path: Path) -> None:
    """Lines between its rows only: cell after cell, row after row, as the truth has it. Fields of a paper of no known
    type are asked of nobody and unscored."""
    study = tmp_path / "study"
    done = cli("bench", "run", "-m", "embedded", "-d", "generated:table", "--seed", 8, "-o", study)
    assert done.code == 0, done.err
    (answer,) = _answers(study, "embedded")
    (known,) = [json.loads(path.read_text()) for path in (study / "cases").glob("*.json")]
    assert cer(known["truth"]["text"], answer["text"]).value < 0.05
    assert cli("bench", "report", study).code == 0
    assert [row["field_f1"] for row in _accuracy(study)] == [""]
