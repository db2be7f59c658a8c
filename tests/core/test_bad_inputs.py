"""Bad inputs cost only themselves."""

import json
import string
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm import errors, messages
from tests.conftest import encoded, picture
from tests.core.bad_inputs import CASES, Bad

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def _prepare(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for name, value in case.environ.items():
        monkeypatch.setenv(name, value.format(folder=folder))
    return case.build(folder)


@each
def test_a_bad_input_ends_in_its_error(case: Bad, cli: Callable, tmp_path: Path, monkeypatch) -> None:
    """The command names what is wrong and what to do, prints no result and returns the error's exit code."""
    outcome = cli("recognize", *_prepare(case, tmp_path, monkeypatch))
    assert outcome.code == case.exit_code, outcome.err
    assert _sentence_head(case.code) in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out.strip() == b""


@pytest.mark.parametrize("case", [case for case in CASES if case.one_file], ids=lambda case: case.name)
def test_the_other_files_are_read(case: Bad, cli: Callable, tmp_path: Path, monkeypatch) -> None:
    """A bad file beside a good one leaves the good one's result whole and makes the exit code 1."""
    (tmp_path / "good.png").write_bytes(encoded(picture("Hello world", size=(90, 60)), "PNG"))
    (bad,) = _prepare(case, tmp_path, monkeypatch)
    out = tmp_path / "out"
    outcome = cli("recognize", bad, tmp_path / "good.png", "--format", "json", "--output", out)
    assert outcome.code == 1
    assert json.loads((out / "good.json").read_text())["verdict"] in ("ok", "blank")


def test_at_least_twenty_five_kinds() -> None:
    """Twenty-five kinds of bad input are the least that is promised."""
    assert len({case.name for case in CASES}) >= 25


def _sentence_head(code: str) -> str:
    """The fixed words with which an error's sentence goes on after its first value."""
    sentence = messages.catalogue("en")[f"errors.{code}.what"]
    return max(_fixed(sentence), key=len)


def _fixed(sentence: str) -> list[str]:
    return [literal for literal, *_ in string.Formatter().parse(sentence)]


def test_every_error_code_is_known_once() -> None:
    """Codes are unique, and every one has its sentences in both languages."""
    codes = [leaf.code for leaf in errors.leaves()]
    assert len(codes) == len(set(codes))
    for language in messages.LANGUAGES:
        spoken = messages.catalogue(language)
        assert {f"errors.{code}.{part}" for code in codes for part in ("what", "hint")} <= set(spoken)


@pytest.mark.skipif(sys.platform == "win32", reason="the shell's redirection is tested on POSIX")
def test_a_hostile_name_cannot_act_on_the_terminal(cli: Callable, tmp_path: Path) -> None:
    """Escape sequences in a file name are shown, not sent."""
    outcome = cli("recognize", tmp_path / "evil\x1b[2J.png")
    assert "\x1b[2J" not in outcome.err
    assert "\\x1b[2J" in outcome.err
