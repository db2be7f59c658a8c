"""`bench report`, `history`, `gate`, and what a study teaches `auto`: on studies whose figures are known."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from chatvlmllm.bench.answer import Answer
from chatvlmllm.bench.cases import Case, Truth
from chatvlmllm.bench.report import write
from chatvlmllm.bench.specimens import titles
from chatvlmllm.bench.store import About, Study
from chatvlmllm.document import open_document
from chatvlmllm.models import catalogue
from tests.conftest import encoded, picture

INVOICE, ACT = titles("invoice")["en"], titles("act")["en"]
TEXT = "Счёт на оплату 0123456789"


def _study(folder: Path, errors: Mapping[str, Mapping[str, list[int]]], seconds: Mapping[str, float]) -> Study:
    """A study in which `errors[subject][kind]` gives the wrong signs of each page and `seconds` the time of each."""
    study = Study(folder)
    for subject, kinds in errors.items():
        ours = subject in catalogue()
        study.note(About(subject, subject.title(), "1", ours, 0.5 if ours else None))
        for kind, wrong in kinds.items():
            for number, count in enumerate(wrong):
                words = (("Счёт", (30.0, 50.0, 130.0, 100.0)), ("на", (150.0, 50.0, 190.0, 100.0)))
                case = Case(f"{kind}/{number}", kind, "hand", Truth(text=TEXT, words=words), _page, ".png")
                known = study.keep(case)
                answer = Answer(
                    known.id, subject, "1", known.digest, "#" * count + TEXT[count:], "ok",
                    seconds={"total": seconds[subject]}, memory={"rss": 2**26}, read_at="2026-01-01",
                )  # fmt: skip
                study.put(study.answer_path(known, subject, "1", ""), answer)
    study.note_environment({"python": "3", "cores": "2"})
    return study


def _page() -> bytes:
    return encoded(picture(), "PNG")


def test_report_says_whom_to_use_and_why(cli: Callable, tmp_path: Path) -> None:
    """The recommendation names the better model per kind with its figures, and says where the pages are too few."""
    errors = {
        "embedded": {"invoice": [0, 1, 0, 0, 1, 0, 0, 0], "act": [1, 1]},
        "tesseract": {"invoice": [5, 6, 5, 7, 5, 6, 5, 6], "act": [1, 1]},
        "tesseract-cli": {"invoice": [5, 6, 5, 7, 5, 6, 5, 6], "act": [2, 2]},
    }
    study = _study(tmp_path / "s", errors, {"embedded": 2.0, "tesseract": 1.0, "tesseract-cli": 1.5})
    done = cli("--ui-lang", "en", "bench", "report", study.folder)
    assert done.code == 0, done.err
    text = (study.folder / "report.md").read_text()
    assert re.search(rf"\*\*{INVOICE}\*\*: embedded: CER 0\.0100 .* lower than that of tesseract \(CER 0\.2250", text)
    assert re.search(rf"\*\*{ACT}\*\*: Too few pages to tell \(measured: 2\)", text)
    assert "no difference shown" in text
    rows = list(csv.DictReader(io.StringIO((study.folder / "accuracy.csv").read_text("utf-8-sig")), delimiter=";"))
    assert len(rows) == 30
    assert {row["cer"] for row in rows if row["subject"] == "embedded" and row["kind"] == "act"} == {"0.040000"}
    # the language of a process is settled when it starts
    write(study.folder, "ru")
    assert "Показано, что ошибка меньше" in (study.folder / "report.md").read_text()


def test_equal_models_leave_the_choice_to_speed(cli: Callable, tmp_path: Path) -> None:
    """Of two that are equally good the quicker one is recommended, and that is the reason that is given."""
    errors = {"embedded": {"act": [0, 1, 2, 0, 1, 2]}, "tesseract": {"act": [0, 1, 2, 0, 1, 2]}}
    study = _study(tmp_path / "s", errors, {"embedded": 3.0, "tesseract": 1.0})
    cli("--ui-lang", "en", "bench", "report", study.folder)
    text = (study.folder / "report.md").read_text()
    assert "tesseract: CER" in text
    assert "It is as good as" in text or "and quicker" in text


def test_half_proven_is_not_proven(cli: Callable, tmp_path: Path) -> None:
    """A quicker model with twice the error is not recommended only because few pages show no difference."""
    errors = {"embedded": {"act": [1, 0, 9, 0, 1, 0]}, "tesseract": {"act": [4, 4, 3, 4, 4, 4]}}
    study = _study(tmp_path / "s", errors, {"embedded": 3.0, "tesseract": 1.0})
    cli("--ui-lang", "en", "bench", "report", study.folder)
    text = (study.folder / "report.md").read_text()
    assert "embedded: lowest CER 0.0733" in text
    assert "a difference from tesseract (CER 0.1533) is not shown" in text


def test_the_page_is_one_file_that_loads_nothing(cli: Callable, tmp_path: Path) -> None:
    """The HTML has its charts and pictures inside, fetches nothing, and shows the diff of the worst pages."""
    errors = {"embedded": {"act": [0, 4]}, "tesseract-cli": {"act": [1, 1]}}
    study = _study(tmp_path / "s", errors, {"embedded": 3.0, "tesseract-cli": 1.0})
    cli("--ui-lang", "en", "bench", "report", study.folder)
    page = (study.folder / "report.html").read_text()
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", own)
    assert not re.search(r"<script[^>]+src=|<link|@import", page.partition("</style>")[0] + own)
    assert own.count('src="data:image/jpeg;base64,') == 3
    assert "<del>Счёт</del>" in own
    assert "<ins>####</ins>" in own
    assert "Plotly.newPlot" in page


def test_t28_what_was_read_is_never_markup(cli: Callable, tmp_path: Path) -> None:
    """Names and answers that look like HTML or like a formula stay text in every file of the report."""
    study = _study(tmp_path / "s", {"embedded": {"=cmd|' /C calc'!A0": [3]}}, {"embedded": 1.0})
    known = study.cases()[0]
    evil = '<script>alert("x")</script>'
    answer = Answer(known.id, "embedded", "1", known.digest, evil, "ok", seconds={"total": 1.0}, read_at="2027")
    study.put(study.answer_path(known, "embedded", "1", "other"), answer)
    cli("bench", "report", study.folder)
    page = (study.folder / "report.html").read_text()
    assert evil not in page
    assert "&lt;script&gt;alert" in page
    for name in ("accuracy.csv", "costs.csv"):
        table = (study.folder / name).read_text("utf-8-sig")
        assert "'=cmd" in table
        assert not re.search(r"(?:^|;)\"?=", table, re.MULTILINE)


def test_words_that_were_not_read_are_marked_on_the_picture(tmp_path: Path) -> None:
    """The box of a lost word is among the marked ones, that of a word that was read is not."""
    from chatvlmllm.bench.report.worst import missed
    from chatvlmllm.bench.summary import summarise

    study = _study(tmp_path / "s", {"embedded": {"act": [4]}}, {"embedded": 1.0})
    assert missed(summarise(study).rows[0]) == [(30.0, 50.0, 130.0, 100.0)]


def test_a_folder_without_results_says_so(cli: Callable, tmp_path: Path) -> None:
    """Report and gate of an empty folder are errors, not empty reports."""
    for arguments in (("report", tmp_path), ("gate", tmp_path, "--baseline", tmp_path)):
        done = cli("--ui-lang", "en", "bench", *arguments)
        assert done.code == 2
        assert "bench run" in done.err


def test_gate_refuses_what_reads_worse(cli: Callable, tmp_path: Path) -> None:
    """A rise of the CER beyond the bound ends with 1, at the bound and below with 0; a CSV serves as baseline too."""
    old = _study(tmp_path / "old", {"embedded": {"act": [1, 1, 1, 1]}}, {"embedded": 1.0})
    new = _study(tmp_path / "new", {"embedded": {"act": [1, 2, 1, 2]}}, {"embedded": 1.0})
    cli("bench", "report", old.folder)
    for baseline in (old.folder, old.folder / "accuracy.csv"):
        arguments = ("--ui-lang", "en", "bench", "gate", new.folder, "--baseline", baseline)
        refused = cli(*arguments, "--max-worse", "0.019")
        assert refused.code == 1
        assert "embedded: CER 0.0400 → 0.0600 on 4 pages" in refused.text
        assert "REFUSED" in refused.text
        assert cli(*arguments, "--max-worse", "0.02").code == 0
    assert cli("bench", "gate", old.folder, "--baseline", new.folder, "--max-worse", "0").code == 0
    other = _study(tmp_path / "other", {"embedded": {"invoice": [1]}}, {"embedded": 1.0})
    assert cli("bench", "gate", other.folder, "--baseline", old.folder).code == 2


def test_kinds_of_too_few_pages_share_one_sentence(tmp_path: Path) -> None:
    """One line names them all; in the table of kinds everybody who has the lowest error is marked."""
    errors = {"embedded": {"invoice": [1], "act": [0]}, "tesseract": {"invoice": [2], "act": [0]}}
    study = _study(tmp_path / "s", errors, {"embedded": 2.0, "tesseract": 1.0})
    text = (write(study.folder, "en")[1]).read_text()
    assert text.count("Fewer than 5 pages of each") == 1
    assert f"{ACT}, {INVOICE}" in text
    assert f"| {ACT} | 1 | 0.0000 ● | 0.0000 ● |" in text
    assert f"| {INVOICE} | 1 | 0.0400 ● | 0.0800 |" in text


def test_history_follows_the_same_pages(cli: Callable, tmp_path: Path) -> None:
    """Each run leaves a line per subject; the change is that against the run before on the same pages."""
    from chatvlmllm.bench import history
    from chatvlmllm.bench.summary import summarise

    file = tmp_path / "history.jsonl"
    for name, wrong in (("a", [1, 1]), ("b", [1, 2]), ("c", [0])):
        study = _study(tmp_path / name, {"embedded": {"act": wrong}}, {"embedded": 1.0})
        history.append(file, history.entries(summarise(study)))
    said = cli("--ui-lang", "en", "bench", "history", "--history", file).text.splitlines()
    changes = [re.search(r"CER (\S+) (\(.*?\))?", line) for line in said]
    assert [(found[1], found[2]) for found in changes if found] == [
        ("0.0400", None), ("0.0600", "(+0.0200)"), ("0.0000", None),
    ]  # fmt: skip
    file.write_text("not json\n")
    assert cli("bench", "history", "--history", file).code == 2


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    """A data folder after a study in which Tesseract read invoices better and everything else worse."""
    from chatvlmllm.bench import measured
    from chatvlmllm.bench.summary import summarise

    errors = {
        "embedded": {"invoice": [6, 6, 5, 6, 7, 6], "act": [0, 0, 1, 0, 0, 0, 0, 0, 0]},
        "tesseract": {"invoice": [1, 0, 1, 0, 1, 0], "act": [9, 9, 9, 9, 8, 9, 9, 9, 9]},
    }
    study = _study(tmp_path / "s", errors, {"embedded": 2.0, "tesseract": 1.0})
    assert measured.write(summarise(study), tmp_path / "data") >= 2
    return tmp_path / "data"


def test_auto_follows_what_was_measured(
    cli: Callable, taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the kind where another reader was better it answers first, and the result says the figures; others stay."""
    monkeypatch.setenv("CHATVLMLLM_DATA", str(taught))
    (tmp_path / "page.png").write_bytes(encoded(picture("Invoice 17"), "PNG"))
    done = cli("recognize", tmp_path / "page.png", "--kind", "invoice", "--lang", "eng", "--json")
    reading = json.loads(done.text)["readings"][0]
    assert reading["answered"] == "tesseract"
    assert reading["attempts"][0]["reason"] == "measured"
    notice = next(one for one in reading["notices"] if one["code"] == "measured_order")
    assert notice["details"] == {
        "model": "tesseract", "cer": 0.02, "other": "embedded", "other_cer": 0.24, "pages": 6,
    }  # fmt: skip
    act = json.loads(cli("recognize", tmp_path / "page.png", "--kind", "act", "--lang", "eng", "--json").text)
    assert act["readings"][0]["answered"] == "embedded"


def test_measured_models_only_swap_places_among_themselves(taught: Path) -> None:
    """A model that was never measured keeps its place, and who was chosen by the user stays first."""
    from chatvlmllm import routing
    from chatvlmllm.run import Options

    rules = routing.table(taught)
    machine = routing.Machine(ready=frozenset({"qwen3_vl_2b"}), memory=2**40)
    with open_document(_page()) as document:
        page = next(document.pages())
        found, notices = routing.candidates(page, Options(kind="invoice"), machine, rules)
        assert [one.model.key for one in found] == ["qwen3_vl_2b", "tesseract", "embedded"]
        assert [one.reason for one in found[1:]] == ["measured", "measured"]
        assert notices == []
        chosen, _ = routing.candidates(page, Options(model="embedded", kind="invoice"), machine, rules)
        assert chosen[0].model.key == "embedded"


def test_a_broken_measurement_is_named(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measured.toml that cannot be read is an error of the set-up, not a silent return to the defaults."""
    monkeypatch.setenv("CHATVLMLLM_DATA", str(tmp_path))
    (tmp_path / "measured.toml").write_text("[[measured]]\nwrong = 1\n")
    (tmp_path / "page.png").write_bytes(_page())
    done = cli("--ui-lang", "en", "recognize", tmp_path / "page.png")
    assert done.code != 0
    assert "measured.toml" in done.err
