"""`make bench`, small, twice: the figures of accuracy are the same to the last digit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.real
def test_two_runs_with_one_seed_give_the_same_figures(tmp_path: Path) -> None:
    """Readers, the Tesseract command and a taught network; pages drawn anew, read anew, scored anew."""
    pytest.importorskip("torch")
    tables = []
    for name in ("first", "second"):
        folder = tmp_path / name
        if name == "second":
            # the network is the same one; that training repeats itself is not what is claimed
            shutil.copytree(tmp_path / "first" / "tiny", folder / "tiny")
            config = folder / "tiny" / "config.yaml"
            config.write_text(config.read_text().replace(str(tmp_path / "first"), str(folder)))
        command = [sys.executable, "-m", "benchmarks.study", "--small", "--output", str(folder)]
        subprocess.run(command, check=True, cwd=ROOT)
        tables.append((folder / "accuracy.csv").read_text(encoding="utf-8-sig"))
    assert tables[0] == tables[1]
    read = [line.split(";") for line in tables[0].splitlines()[1:]]
    assert {row[3] for row in read} == {"embedded", "tesseract", "tesseract-cli", "qwen_vl_2b"}
    # what the network was taught it says, through the worker and the whole pipeline
    taught = [row for row in read if row[3] == "qwen_vl_2b" and row[0].startswith("taught/")]
    assert [float(row[6]) for row in taught] == [0, 0]
