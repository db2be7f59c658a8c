"""Models over HTTP: the list, bringing in and out, states and logs as they happen; counters for Prometheus."""

import json
import threading
from pathlib import Path

import httpx
import openai
import pytest

from chatvlmllm.config import Serving, Settings
from tests.server.conftest import behind, serving
from tests.server.test_chat import MODEL, QUESTION, until


def test_the_list_names_what_can_be_asked(url: str) -> None:
    """OpenAI's client sees `auto`, the embedded readers and the models of the user's servers; `all` shows the rest."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        usable = {model.id for model in client.models.list()}
        assert {"auto", "embedded", MODEL} <= usable
        assert "dots_ocr" not in usable
        assert client.models.retrieve(MODEL).model_extra["chatvlmllm"]["engine"] == "openai"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-4o")
    every = {entry["id"]: entry for entry in httpx.get(f"{url}/v1/models?all=true").json()["data"]}
    assert every["dots_ocr"]["chatvlmllm"]["installed"] is False
    assert "layout" in every["dots_ocr"]["chatvlmllm"]["tasks"]


def test_a_model_is_brought_in_and_out_and_every_step_is_told(tmp_path: Path) -> None:
    """Load and unload change the state; whoever listens hears each state as it comes."""
    with behind(tmp_path, {MODEL: ("text=x",)}) as url:
        heard: list[tuple[str, str]] = []
        listening = threading.Event()

        def listen() -> None:
            with httpx.stream("GET", f"{url}/v1/events", timeout=30) as stream:
                for line in stream.iter_lines():
                    listening.set()
                    if line.startswith("data: "):
                        event = json.loads(line[6:])
                        heard.append((event["model"], event["state"]))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        assert listening.wait(10)
        loaded = httpx.post(f"{url}/v1/models/{MODEL}/load?wait=true", timeout=30)
        assert (loaded.status_code, loaded.json()["state"]) == (202, "ready")
        assert httpx.post(f"{url}/v1/models/{MODEL}/unload").json()["state"] == "absent"
        until(lambda: (MODEL, "absent") in heard)
        states = [state for model, state in heard if model == MODEL]
        assert states[0] == "starting"
        assert "ready" in states
        assert states[-2:] == ["stopping", "absent"]
    listener.join(10)
    assert not listener.is_alive()


def test_a_load_that_fails_says_why(url: str) -> None:
    """With `wait` the error is the answer; without it the state tells."""
    failed = httpx.post(f"{url}/v1/models/dots_ocr/load?wait=true", timeout=30)
    assert failed.status_code == 503
    assert failed.json()["error"]["code"] in ("missing_weights", "missing_extra")
    assert httpx.post(f"{url}/v1/models/nothing/load").status_code == 404


def test_a_busy_model_is_not_ended(tmp_path: Path) -> None:
    """Unloading while somebody is answered is refused, and the answer comes to its end."""
    with behind(tmp_path, {MODEL: ("pace=0.05", "text=" + "a " * 20)}) as url:
        asked = {"model": MODEL, "messages": QUESTION, "stream": True}
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=asked, timeout=30) as stream:
            lines = stream.iter_lines()
            next(lines)
            refused = httpx.post(f"{url}/v1/models/{MODEL}/unload")
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "engine_busy")
            assert [line for line in lines if line][-1] == "data: [DONE]"


def test_logs_are_lines(url: str) -> None:
    """A model without an engine of ours has none; an unknown one is 404."""
    assert httpx.get(f"{url}/v1/models/{MODEL}/logs").json() == {"lines": []}
    assert httpx.get(f"{url}/v1/models/nothing/logs").status_code == 404


def test_only_new_lines_of_a_log_are_told() -> None:
    """A window that slides, or jumps, yields each line once."""
    from chatvlmllm.server.fleet import fresh

    assert fresh([], ["a", "b"]) == ["a", "b"]
    assert fresh(["a", "b"], ["a", "b", "c"]) == ["c"]
    assert fresh(["a", "b", "c"], ["b", "c", "d"]) == ["d"]
    assert fresh(["a", "b"], ["a", "b"]) == []
    assert fresh(["a"], ["x", "y"]) == ["x", "y"]


def test_prometheus_sees_what_was_done(tmp_path: Path) -> None:
    """Tokens, replies by why they ended, pages by verdict, seconds by stage, requests by status."""
    from tests.conftest import encoded, picture
    from tests.server.test_chat import shown

    with behind(tmp_path, {MODEL: ("text=one two three",)}) as url:
        for model, messages in ((MODEL, QUESTION), ("embedded", shown(encoded(picture(), "PNG")))):
            asked = {"model": model, "messages": messages}
            assert httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=30).status_code == 200
        read = httpx.post(
            f"{url}/v1/recognize", files={"files": encoded(picture("A job"), "PNG")}, data={"model": "embedded"}
        )
        assert read.status_code == 200
        text = httpx.get(f"{url}/metrics").text
    for line in (
        f'chatvlmllm_tokens_total{{kind="completion",model="{MODEL}"}} 3.0',
        f'chatvlmllm_replies_total{{model="{MODEL}",stop="end"}} 1.0',
        'chatvlmllm_pages_total{model="embedded",verdict="ok"} 2.0',
        'chatvlmllm_requests_total{status="200"} 3.0',
        f'chatvlmllm_engine_state{{engine="openai",model="{MODEL}",state="ready"}} 1.0',
        'chatvlmllm_jobs{state="queued"} 0.0',
        "chatvlmllm_swaps_total 0.0",
    ):
        assert line in text
    assert 'chatvlmllm_stage_seconds_total{stage="first_token"}' in text


def test_the_system_is_described(http: httpx.Client) -> None:
    """Versions, memory and loaded models, as they are."""
    found = http.get("/v1/system").json()
    assert found["libraries"]["onnxruntime"]
    assert found["memory"]["device"] in ("cpu", "cuda:0")
    assert found["version"]


def test_a_failing_engine_is_counted(tmp_path: Path) -> None:
    """An engine that dies in the middle of an answer shows as a failure of its model."""
    with behind(tmp_path, {MODEL: ("half=1", "text=a b c")}) as url:
        asked = {"model": MODEL, "messages": QUESTION}
        assert httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=30).status_code == 503
        text = httpx.get(f"{url}/metrics").text
    assert f'chatvlmllm_engine_failures_total{{model="{MODEL}"}} 1.0' in text


def test_a_download_that_cannot_be_says_why(tmp_path: Path) -> None:
    """Offline nothing is fetched: the model's entry has the error; what has nothing to fetch is refused at once."""
    with serving(Settings(data=tmp_path / "data", offline=True, server=Serving(port=0))) as url:
        assert httpx.post(f"{url}/v1/models/embedded/pull").json()["error"]["code"] == "invalid_request"
        assert httpx.delete(f"{url}/v1/models/dots_ocr/pull").status_code == 422
        assert httpx.post(f"{url}/v1/models/dots_ocr/pull").status_code == 202
        until(lambda: pulled(url, "dots_ocr")["stage"] == "failed")
        assert pulled(url, "dots_ocr")["error"]["code"] == "offline_forbidden"


def pulled(url: str, key: str) -> dict:
    found: dict = httpx.get(f"{url}/v1/models/{key}").json()["chatvlmllm"]["pull"]
    return found
