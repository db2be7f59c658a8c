"""The real server on a real socket; behind it, as a user's own server, the program that misbehaves as told."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from chatvlmllm.config import Server, Serving, Settings
from chatvlmllm.server.app import create_app
from chatvlmllm.server.run import Listener, listening
from tests.engines.rig import server as program


def settings(folder: Path, models: Mapping[str, str] | None = None, **serving: object) -> Settings:
    """Settings of a server on any free port; `models` are our keys and the URL of the server that has each."""
    return Settings(
        data=folder / "data",
        workers=2,
        server=Serving(port=0, **serving),  # type: ignore[arg-type]
        servers=tuple(Server(url=url, models={key: "model"}, requests=8) for key, url in (models or {}).items()),
    )


@contextmanager
def serving(chosen: Settings) -> Iterator[str]:
    """A server that runs in a thread of this process; its URL."""
    app, ready = create_app(chosen), threading.Event()
    with listening(chosen.server) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        listener = Listener(app, chosen.server, ready.set)
        thread = threading.Thread(target=listener.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            assert ready.wait(20)
            yield url
        finally:
            listener.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@contextmanager
def behind(folder: Path, modes: Mapping[str, tuple[str, ...]], **chosen: object) -> Iterator[str]:
    """A server of ours before one program per model, each in its modes."""
    with ExitStack() as stack:
        models = {key: stack.enter_context(program(*words)) for key, words in modes.items()}
        yield stack.enter_context(serving(settings(folder, models, **chosen)))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a model that answers in three words."""
    with behind(tmp_path_factory.mktemp("server"), {"qwen3_vl_2b": ("text=one two three",)}) as found:
        yield found


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        yield client
