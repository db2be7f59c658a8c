"""`chatvlmllm verify`: any result against its scan, as a user calls it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SAMPLES
from tests.trust.conftest import LINES, printed

INVENTED = "The parties confirm that there are no mutual claims whatsoever"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    (tmp_path / "scan.png").write_bytes(printed())
    return tmp_path / "scan.png"


def test_verify_tells_a_true_text_from_an_altered_one(cli: Callable, tmp_path: Path) -> None:
    """Exit code 0 for the truth of the shipped sample as somebody's Markdown, 1 with one digit changed."""
    truth = (SAMPLES / "sample.gt.txt").read_text(encoding="utf-8")
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("# " + truth, encoding="utf-8")
    number = re.findall(r"\d{9,}", truth)[0]
    bad.write_text(truth.replace(number, number[:-1] + str((int(number[-1]) + 3) % 10), 1), encoding="utf-8")
    assert cli("verify", good, "--against", SAMPLES / "sample.png").code == 0
    outcome = cli("verify", bad, "--against", SAMPLES / "sample.png", "--json")
    assert outcome.code == 1
    assert json.loads(outcome.text)["checks"][0]["verdict"] == "unsupported"


def test_verify_says_what_it_cannot_read(cli: Callable, tmp_path: Path) -> None:
    """A result that is no result is an error with its own exit code."""
    (tmp_path / "no.json").write_text("{}")
    assert cli("verify", tmp_path / "no.json", "--against", SAMPLES / "sample.png").code == 2
    assert cli("verify", tmp_path / "gone.md", "--against", SAMPLES / "sample.png").code == 2


def test_verify_names_the_line_of_every_fault(cli: Callable, scan: Path) -> None:
    """A number, a sentence and a line: each is said with the line of the file where it stands, and what is seen."""
    lines = ["# " + LINES[0], LINES[1], INVENTED, LINES[2].replace("8250", "8260"), LINES[4]]
    result = scan.with_name("other.md")
    result.write_text("\n".join(lines), encoding="utf-8")
    outcome = cli("--ui-lang", "en", "verify", result, "--against", scan)
    assert outcome.code == 1
    assert f"line 3: the second reader does not see “{INVENTED}”" in outcome.text
    assert "line 4: the second reader sees the number 8260 otherwise: 8250" in outcome.text
    assert f"left out here: {LINES[3]}" in outcome.text


def test_verify_takes_tables_and_pages_of_other_tools(cli: Callable, scan: Path) -> None:
    """HTML tables, Markdown marks and page breaks are no text; a page that the scan lacks is an error."""
    rows = "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in (line.split(" ", 1) for line in LINES[:3]))
    result = scan.with_name("table.html")
    result.write_text(f"<table>{rows}</table>\n\n**{LINES[3]}**\n- {LINES[4]}", encoding="utf-8")
    assert cli("verify", result, "--against", scan).code == 0
    result.write_text("one\ftwo", encoding="utf-8")
    assert cli("verify", result, "--against", scan).code == 2
