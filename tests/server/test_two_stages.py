"""Two-stage jobs: the draft of a page is a stored result, told as it comes, read once, and gone with its document."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from chatvlmllm.config import Server
from chatvlmllm.store.database import Database
from chatvlmllm.store.tables import PAGES
from tests.conftest import encoded, picture
from tests.engines.rig import server as program
from tests.server.conftest import behind
from tests.server.papers import ended, followed, queued
from tests.server.test_durable import process

FIRST, SECOND, OTHER = "qwen_vl_2b", "qwen3_vl_2b", "qwen3_vl_4b"
WISHES = {"model": SECOND, "draft": FIRST, "lang": "eng", "witness": "off"}


def scan(pages: int) -> dict[str, tuple[str, bytes]]:
    shown = [picture(f"page {number}", size=(560, 280)) for number in range(pages)]
    return {"files": ("scan.tiff", encoded(shown[0], "TIFF", save_all=True, append_images=shown[1:]))}


def asked(diary: Path) -> list[str]:
    """Which models were asked, in order."""
    lines = diary.read_text().splitlines() if diary.exists() else []
    return [told["model"] for told in map(json.loads, lines) if told["event"] == "asked"]


def test_a_job_drafts_all_pages_and_then_reads_them(tmp_path: Path) -> None:
    """Drafts are told before the first page, results hold both readings, and another job needs no new drafts."""
    diary = tmp_path / "diary"
    modes = {key: (f"diary={diary}", f"text=by {key}") for key in (FIRST, SECOND, OTHER)}
    with behind(tmp_path, modes) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        job = queued(http, scan(4), **WISHES)
        told = [kind for _, kind, _ in followed(http, job) if kind != "state"]
        assert told == ["draft"] * 4 + ["page"] * 4
        run = http.get(f"/v1/jobs/{job}/result?format=json").json()
        for reading in run["readings"]:
            assert [(a["model"], a["stage"], a["reason"]) for a in reading["attempts"]] == [
                (FIRST, "draft", "draft"),
                (SECOND, "final", "chosen"),
            ]
            assert [reading[part]["text"].strip() for part in ("draft", "reply")] == [f"by {FIRST}", f"by {SECOND}"]
            assert reading["verdict"] == "ok"
        before = len(asked(diary))
        assert ended(http, queued(http, scan(4), **{**WISHES, "model": OTHER}))["verdicts"] == {"ok": 4}
        assert len(asked(diary)) == before + 4
        assert ended(http, queued(http, scan(4), **WISHES))["pages"]["cached"] == 4
        assert len(asked(diary)) == before + 4
        metrics = http.get("/metrics").text
        assert f'chatvlmllm_replies_total{{model="{FIRST}",stop="end"}}' in metrics


def test_drafts_are_deleted_with_the_last_job_of_their_document(tmp_path: Path) -> None:
    """A job that is cancelled among its drafts and deleted leaves no page in the store."""
    modes = {FIRST: ("pace=0.2", "text=by the first"), SECOND: ("text=by the second",)}
    with behind(tmp_path, modes) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        job = queued(http, scan(20), **WISHES)
        with http.stream("GET", f"/v1/jobs/{job}/events") as response:
            for line in response.iter_lines():
                if line == "event: draft":
                    break
        http.post(f"/v1/jobs/{job}/cancel")
        assert ended(http, job)["state"] == "cancelled"
        assert _stored(tmp_path) > 0
        http.delete(f"/v1/jobs/{job}")
        assert _stored(tmp_path) == 0


def _stored(folder: Path) -> int:
    with Database(f"sqlite:///{folder / 'data' / 'store.sqlite3'}") as database, database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(PAGES)) or 0)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"draft": "nobody"}, "unknown_model"),
        ({"draft": FIRST, "model": "dots_ocr"}, "unknown_option"),
        ({"draft": "got_ocr_hf", "task": "layout"}, "task_not_supported"),
    ],
)
def test_a_wrong_draft_is_the_same_error_as_on_the_command_line(
    wrong: dict[str, str], code: str, http: httpx.Client
) -> None:
    """What the command refuses the server refuses, before anything is queued."""
    assert http.post("/v1/jobs", files=scan(1), data=wrong).json()["error"]["code"] == code


def test_who_would_draft_is_known_beforehand(tmp_path: Path) -> None:
    """The route of a contract names the model that drafts it, and only where it can read the language."""
    with behind(tmp_path, {"got_ocr_hf": (), SECOND: ()}) as url, httpx.Client(base_url=url, trust_env=False) as http:
        for lang, draft in (("eng", "got_ocr_hf"), ("rus", None)):
            found = http.get("/v1/route", params={"model": "auto", "kind": "contract", "lang": lang}).json()
            assert (found["candidates"][0]["model"], found["candidates"][0]["draft"]) == (SECOND, draft)


@pytest.mark.real
def test_a_killed_server_reads_no_stage_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kill -9` among the drafts and among the final readings: the job goes on by itself, no stored stage is redone."""
    diary, pages = tmp_path / "diary", 12
    words = [(f"diary={diary}", f"text=by {key} at last", "pace=0.1") for key in (FIRST, SECOND)]
    with program(*words[0], name=FIRST) as first, program(*words[1], name=SECOND) as second:
        servers = [Server(url=first, models={FIRST: FIRST}), Server(url=second, models={SECOND: SECOND})]
        monkeypatch.setenv("CHATVLMLLM_SERVERS", json.dumps([one.model_dump() for one in servers]))
        monkeypatch.setenv("CHATVLMLLM_WORKERS", "1")
        job = ""
        for wanted in (4, pages + 4):
            with process(tmp_path, "") as (server, http):
                job = job or queued(http, scan(pages), **WISHES)
                while _stored(tmp_path) < wanted:
                    time.sleep(0.01)
                os.kill(server.pid, signal.SIGKILL)
                server.wait()
                assert _stored(tmp_path) < 2 * pages, "it was done before the blow"
        with process(tmp_path, "") as (_, http):
            events = followed(http, job)
            result = http.get(f"/v1/jobs/{job}").json()
    assert (result["state"], result["verdicts"]) == ("finished", {"ok": pages})
    told = Counter((kind, data["page"]) for _, kind, data in events if kind != "state")
    assert told == Counter((kind, page) for kind in ("draft", "page") for page in range(1, pages + 1))
    # A page that was being read at a blow is asked for again; each blow can hit as many as are read at once.
    assert all(pages <= count <= pages + 4 for count in Counter(asked(diary)).values())
