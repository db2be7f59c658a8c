"""The self-test tells a working installation from a broken one, and its scores say what they claim."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm.config import Settings
from chatvlmllm.selftest.check import Check, Group, NotPassed, NotPossible, Shop, attempt
from chatvlmllm.selftest.grade import graded


def _check(group: Group, outcome: str, *, strict: bool = True) -> Check:
    return Check(group, "start", outcome, strict=strict)  # type: ignore[arg-type]


def test_scores_by_hand() -> None:
    """The earlier formula weighs 0.4, 0.3, 0.3; the strict score is the worst group; skipped counts neither way."""
    checks = (
        _check(Group.HEALTH, "passed"), _check(Group.HEALTH, "skipped"),
        _check(Group.COMMANDS, "passed"), _check(Group.SERVER, "passed"),
        _check(Group.MODELS, "passed"), _check(Group.MODELS, "failed"), _check(Group.MODELS, "failed"),
        _check(Group.FAULTS, "passed"),
    )  # fmt: skip
    report = graded(checks)
    # one model of three, everything else well: the published 73.3 %
    assert report.simple == pytest.approx(0.7333, abs=1e-4)
    assert report.strict == pytest.approx(1 / 3)
    assert not report.passed


def test_a_model_with_the_wrong_text_does_not_count_strictly() -> None:
    """It answers, which the simple score rewards; the strict one does not, and nothing failed."""
    checks = (
        _check(Group.HEALTH, "passed"), _check(Group.COMMANDS, "passed"), _check(Group.MODELS, "passed", strict=False),
    )  # fmt: skip
    report = graded(checks)
    assert (report.simple, report.strict, report.passed) == (pytest.approx(1), 0, True)


def test_nothing_tried_is_no_score() -> None:
    """Where a group was not tried there is no figure, rather than a nought or a hundred."""
    report = graded((_check(Group.HEALTH, "skipped"),))
    assert (report.simple, report.strict) == (None, None)


def test_a_check_that_raises_is_an_outcome() -> None:
    """Wishes that are not met fail, what cannot be tried is skipped, a surprise fails with its name."""

    def raises(error: Exception) -> Callable[[], str]:
        def do() -> str:
            raise error

        return do

    outcomes = {
        error: attempt(Group.FAULTS, "start", raises(error)).outcome
        for error in (NotPassed("x"), NotPossible("y"), ValueError("z"))
    }
    assert list(outcomes.values()) == ["failed", "skipped", "failed"]
    assert attempt(Group.FAULTS, "start", lambda: "seen").detail == "seen"


def test_faults_are_told_from_health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is refused under another name than the wanted one does not pass."""
    from chatvlmllm.selftest import faults

    (tmp_path / "empty.png").write_bytes(b"")
    shop = Shop(Settings(data=tmp_path / "data"), tmp_path)
    assert faults._refused(shop, tmp_path / "empty.png", "empty_file") == "empty_file"
    with pytest.raises(NotPassed, match="empty_file instead of damaged_file"):
        faults._refused(shop, tmp_path / "empty.png", "damaged_file")


def test_csv_that_excel_cannot_open_does_not_pass() -> None:
    """Without a byte order mark, without rows, or with ragged rows the ninth step fails."""
    from chatvlmllm.selftest.workflow import rows

    assert rows("\ufeffa;b\n1;2\n".encode()) == "1 rows"
    for wrong in ("a;b\n1;2\n", "\ufeffa;b\n", "\ufeffa;b\n1\n"):
        with pytest.raises(NotPassed):
            rows(wrong.encode())


@pytest.mark.real
def test_everything_is_tried_for_real(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a working machine all nine steps pass, through the commands and over HTTP, and faults are met."""
    monkeypatch.setenv("CHATVLMLLM_DATA", str(tmp_path / "data"))
    done = cli("selftest", "--json", "--output", tmp_path / "report.json")
    report = json.loads(done.text)
    failed = [check for check in report["checks"] if check["outcome"] == "failed"]
    assert not failed
    assert done.code == 0
    for group in ("commands", "server"):
        assert [check["name"] for check in report["checks"] if check["group"] == group] == [
            "start", "config", "choose", "upload", "recognize", "results", "fields", "json", "csv",
        ]  # fmt: skip
    tried = {
        check["about"] for check in report["checks"] if check["group"] == "models" and check["outcome"] == "passed"
    }
    assert {"embedded", "tesseract"} <= tried
    assert {"killed_command", "killed_server", "others_are_read"} <= {check["name"] for check in report["checks"]}
    assert report["strict"] == 1
    assert json.loads((tmp_path / "report.json").read_text()) == report


@pytest.mark.real
def test_a_killed_engine_is_answered_for(tiny_checkpoint: Path, tmp_path: Path) -> None:
    """With a network installed its process is killed while it works, and the page still has an answer."""
    from chatvlmllm.selftest import faults

    shop = _installed(tiny_checkpoint, tmp_path)
    assert "qwen_vl_2b: engine_" in faults._killed_engine(shop)


def _installed(checkpoint: Path, folder: Path) -> Shop:
    """A shop whose user has a network: settings in the file that commands read."""
    from chatvlmllm.config import ModelSettings

    class Configured(Shop):
        @property
        def environ(self) -> dict[str, str]:
            return {**Shop.environ.fget(self), "CHATVLMLLM_CONFIG": str(folder / "config.yaml")}  # type: ignore[attr-defined]

    (folder / "config.yaml").write_text(f"models: {{qwen_vl_2b: {{weights: '{checkpoint}'}}}}\ndata: '{folder}'\n")
    return Configured(Settings(data=folder, models={"qwen_vl_2b": ModelSettings(weights=checkpoint)}), folder)


@pytest.fixture
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2-VL with random weights."""
    pytest.importorskip("torch")
    from tests.tiny.checkpoints import FAMILIES

    return FAMILIES["qwen_vl_2b"](tmp_path_factory.mktemp("tiny") / "qwen_vl_2b")
