"""The whole way on a real vLLM: the official client, our server, the engine that it starts."""

import json
from pathlib import Path

import openai
import pytest

from chatvlmllm.config import Serving, Settings
from chatvlmllm.exchange import Task
from chatvlmllm.models import find
from tests.conftest import encoded
from tests.server.conftest import serving
from tests.server.test_chat import SCHEMA, shown, uri
from tests.tiny.training import PAGES, page

pytestmark = pytest.mark.real

MODEL = "qwen_vl_2b"


def test_a_conversation_on_a_real_engine(real_settings: Settings, tmp_path: Path) -> None:
    """Pictures, several at once, streams, schemas, limits and stop words reach vLLM, and its answers come back."""
    chosen = real_settings.model_copy(update={"server": Serving(port=0)})
    prompt = find(MODEL).recipes[Task.TEXT].prompt
    with serving(chosen) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="x", timeout=900) as client:
        ask = client.chat.completions.create
        for name, text in PAGES.items():
            read = ask(model=MODEL, messages=shown(encoded(page(name), "PNG"), prompt))
            assert read.choices[0].message.content == text
            assert read.choices[0].finish_reason == "stop"
            assert read.usage is not None
            assert read.usage.prompt_tokens > 200
        pieces = [
            chunk.choices[0].delta.content or ""
            for chunk in ask(model=MODEL, messages=shown(encoded(page("bill"), "PNG"), prompt), stream=True)
            if chunk.choices
        ]
        assert "".join(pieces) == PAGES["bill"]
        both = [{"type": "image_url", "image_url": {"url": uri(encoded(page(name), "PNG"))}} for name in PAGES]
        content = [*both, {"type": "text", "text": prompt}]
        assert ask(model=MODEL, messages=[{"role": "user", "content": content}], max_tokens=8).usage is not None
        cut = ask(model=MODEL, messages=shown(encoded(page("bill"), "PNG"), prompt), max_tokens=3)
        assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 3)
        stopped = ask(model=MODEL, messages=shown(encoded(page("bill"), "PNG"), prompt), stop=["\n"])
        assert stopped.choices[0].message.content == PAGES["bill"].partition("\n")[0]
        held = ask(
            model=MODEL, messages=shown(encoded(page("bill"), "PNG"), prompt), response_format=SCHEMA, max_tokens=200
        )
        if held.choices[0].finish_reason == "stop":
            assert isinstance(json.loads(held.choices[0].message.content)["sum"], int | float)
        with pytest.raises(openai.UnprocessableEntityError):
            ask(model=MODEL, messages=[{"role": "user", "content": "word " * 40_000}])
