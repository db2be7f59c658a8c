"""The verdict contract through the front door: one page, one server that a user runs, every way an answer can go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from chatvlmllm.reading import Verdict
from chatvlmllm.run import overall
from tests.conftest import encoded
from tests.engines.rig import server
from tests.trust.conftest import LINES, printed

TEXT = " ".join(LINES)
ALTERED = TEXT.replace("4271", "4277")
BLANK = encoded(Image.new("RGB", (900, 600), "white"), "PNG")

#: What the server does, the verdict, the exit code.
COURSES = {
    "true": ((f"text={TEXT}",), Verdict.OK, 0),
    "altered": ((f"text={ALTERED}",), Verdict.UNSUPPORTED, 1),
    "cut": ((f"text={TEXT}", "length"), Verdict.TRUNCATED, 1),
    "loop": (("loop",), Verdict.LOOPED, 1),
    "refusal": (("text=I'm sorry, I can't help with that.",), Verdict.REFUSED, 1),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CHATVLMLLM_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("CHATVLMLLM_DATA", str(tmp_path / "data"))
    (tmp_path / "page.png").write_bytes(printed())
    return tmp_path


def _configured(folder: Path, url: str) -> None:
    servers = f"servers:\n  - url: {url}\n    models: {{qwen_vl_2b: model}}\n"
    (folder / "config.yaml").write_text(servers, encoding="utf-8")


def _read(cli: Callable, folder: Path, *more: str) -> tuple[int, dict]:
    out = cli(
        "recognize", folder / "page.png", "-m", "qwen_vl_2b", "--json", "-f", "html", "-f", "csv", "-o", folder, *more
    )
    return out.code, json.loads(out.text)


@pytest.mark.parametrize("course", COURSES)
def test_verdict_reasons_exports_and_exit_code_say_the_same(course: str, cli: Callable, folder: Path) -> None:
    """JSON, HTML, CSV and the exit code agree; every verdict but ok has a reason; `verify` on the JSON agrees too."""
    modes, verdict, code = COURSES[course]
    with server(*modes) as url:
        _configured(folder, url)
        exit_code, run = _read(cli, folder, "--no-fallback")
    (reading,) = run["readings"]
    assert (run["verdict"], reading["verdict"], exit_code) == (verdict, verdict, code)
    assert bool(reading["evidence"]["reasons"]) is (verdict is not Verdict.OK)
    assert f'data-verdict="{verdict}"' in (folder / "page.html").read_text(encoding="utf-8")
    assert f";{verdict};" in (folder / "page.csv").read_text(encoding="utf-8-sig").splitlines()[1]
    if course in ("true", "altered"):
        (folder / "result.json").write_text(json.dumps(run), encoding="utf-8")
        assert cli("verify", folder / "result.json", "--against", folder / "page.png").code == code


def test_a_blank_page_is_good_news(cli: Callable, folder: Path) -> None:
    """A page without ink is `blank`, asks nobody, and the exit code is 0."""
    (folder / "page.png").write_bytes(BLANK)
    with server("text=The art of war is of vital importance to the state") as url:
        _configured(folder, url)
        exit_code, run = _read(cli, folder)
    assert (run["verdict"], run["readings"][0]["attempts"], exit_code) == (Verdict.BLANK, [], 0)


def test_another_reader_in_the_place_of_the_chosen_one_is_said(cli: Callable, folder: Path) -> None:
    """Where the chosen model's server is dead, another reads the page: `fell_back`, exit code 1, and who it was."""
    with server("dead") as url:
        _configured(folder, url)
        exit_code, run = _read(cli, folder)
    assert (run["verdict"], exit_code) == (Verdict.FELL_BACK, 1)
    assert run["readings"][0]["answered"] != run["readings"][0]["asked"] == "qwen_vl_2b"


def test_nobody_who_reads_is_a_failure(cli: Callable, folder: Path) -> None:
    """Without a fallback a dead server leaves the page `failed`, and the exit code is that of the error."""
    with server("dead") as url:
        _configured(folder, url)
        exit_code, run = _read(cli, folder, "--no-fallback")
    assert (run["verdict"], exit_code) == (Verdict.FAILED, 4)
    assert run["readings"][0]["failure"]["code"]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_document_is_ok_only_with_good_pages(verdict: Verdict) -> None:
    """One page that is neither ok nor blank decides the document, whatever else is in it."""
    good = verdict in (Verdict.OK, Verdict.BLANK)
    assert overall([Verdict.OK, verdict, Verdict.BLANK]) is (Verdict.OK if good else verdict)
