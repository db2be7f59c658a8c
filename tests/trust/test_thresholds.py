"""The page in docs says what is in force."""

import re
from dataclasses import asdict
from pathlib import Path

from chatvlmllm.trust.thresholds import FITTED

PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")


def test_docs_name_the_thresholds_in_force() -> None:
    """The table of thresholds holds every one with its value, and the ROC marks exactly these as used."""
    for row in (r"^\| `(\w+)` \| ([\d.]+) \| [^|]+ \|$", r"^\| `(\w+)` \| ([\d.]+) \(used\)"):
        told = {name: float(value) for name, value in re.findall(row, PAGE, re.MULTILINE)}
        assert told == asdict(FITTED)
