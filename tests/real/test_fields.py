"""Real papers: no field may be read worse than the saved figures say.

The papers are not in the repository: `CHATVLMLLM_REAL` names a folder of them, each with its `.fields.json` beside it.
After a change that reads more, `benchmarks/fields.py real FOLDER --model embedded --save benchmarks/fields_real.json`
raises the mark.
"""

import json
import os
from pathlib import Path

import pytest
from benchmarks import fields

from chatvlmllm.run import Options

SAVED = Path(fields.__file__).with_name("fields_real.json")
FOLDER = os.environ.get("CHATVLMLLM_REAL")


@pytest.mark.real
@pytest.mark.skipif(not FOLDER, reason="CHATVLMLLM_REAL names no folder of real papers")
def test_no_field_of_a_real_paper_is_read_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field has at least as many exact and normalised matches as saved, and as many types are detected."""
    monkeypatch.delenv("CHATVLMLLM_REAL")  # it is of this test, and the program refuses settings that it does not know
    before = json.loads(SAVED.read_text("utf-8"))
    now, detected = fields.measured(Path(FOLDER or "."), Options("embedded"))
    assert fields.worse(now, before["fields"]) == []
    assert detected[0] >= before["detected"][0]
