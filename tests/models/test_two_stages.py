"""Two real networks in two stages: each in a worker of its own, one after the other, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import Outcome, encoded, picture

pytest.importorskip("torch")

FIRST, SECOND = "got_ocr_hf", "qwen3_vl_2b"


@pytest.mark.real
def test_got_ocr_drafts_and_qwen_reads(
    cli: Callable[..., Outcome], tiny: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both checkpoints are loaded by Transformers, one after the other, and every page went through both.

    They are tiny and untaught, so that what they say is noise; a page says how each of them ended.
    """
    wanted = {
        "workers": 1,
        "limits": {"page_seconds": 10},
        "models": {key: {"engine": "transformers", "weights": str(tiny(key))} for key in (FIRST, SECOND)},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(wanted))
    monkeypatch.setenv("CHATVLMLLM_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shown = [picture(f"page {number}", size=(560, 280)) for number in range(2)]
    (tmp_path / "deed.tiff").write_bytes(encoded(shown[0], "TIFF", save_all=True, append_images=shown[1:]))
    wishes = ("--draft", FIRST, "--model", SECOND, "--lang", "eng", "--witness", "off", "--json")
    readings = json.loads(cli("recognize", tmp_path / "deed.tiff", *wishes).out)["readings"]
    assert len(readings) == 2
    for reading in readings:
        tried = [(one["model"], one["engine"], one["stage"]) for one in reading["attempts"]]
        # Worth showing or not, the page tells which of both its draft was.
        alone = "draft_absent" in {notice["code"] for notice in reading["notices"]}
        assert set(tried) == {
            (FIRST, "transformers", "draft"),
            (SECOND, "transformers", "whole" if alone else "final"),
        }
        assert [stage for _, _, stage in tried] == sorted(stage for _, _, stage in tried)
        assert (reading["draft"]["model"], reading["reply"]["model"]) == (FIRST, SECOND)
