"""The client of OpenAI-compatible servers, against programs that behave and programs that do not."""

import base64
import io
import socket
import time
from contextlib import closing

import pytest
from PIL import Image

from chatvlmllm.config import Server, Settings
from chatvlmllm.engines.openai import Endpoint, OpenAI, data_uri
from chatvlmllm.engines.process import free_port
from chatvlmllm.engines.start import plan
from chatvlmllm.errors import (
    ChatVLMLLMError,
    EngineCrashed,
    EngineHung,
    ServerRefused,
    ServerUnreachable,
)
from chatvlmllm.exchange import Delta, Reply, Stop
from chatvlmllm.models import find
from tests.conftest import picture
from tests.engines.rig import request, server


def reply_of(url: str, **more: object) -> Reply:
    client = OpenAI(Endpoint(url=url, served="model", silence=1.0, **more))  # type: ignore[arg-type]
    try:
        *deltas, reply = client.stream(request())
        assert isinstance(reply, Reply)
        assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == reply.text
        return reply
    finally:
        client.close()


def test_a_page_is_read_through_a_users_own_server() -> None:
    """Text, stop reason, usage, the served name and the times stand in the reply; the deltas are its text."""
    with server("text=one two three") as url:
        reply = reply_of(url)
    assert reply.text == "one two three "
    assert reply.stop is Stop.END
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 3)
    assert (reply.model, reply.served, reply.engine) == ("qwen_vl_2b", "model", "openai")
    assert 0 < reply.seconds["first_token"] <= reply.seconds["generate"]


def test_the_picture_arrives_without_loss() -> None:
    """What is sent decodes to exactly the pixels that were to be sent."""
    image = picture("text")
    sent = base64.b64decode(data_uri(image).partition(",")[2])
    assert Image.open(io.BytesIO(sent)).convert("RGB").tobytes() == image.tobytes()


def test_t21_a_cut_off_answer_says_so() -> None:
    """`finish_reason: length` is a stop of its own, never an ordinary end."""
    with server("length") as url:
        assert reply_of(url).stop is Stop.LENGTH


def test_t37_repetition_is_a_loop_whoever_notices() -> None:
    """A loop that vLLM reports and a loop that only we can see both end as LOOP, the second long before the limit."""
    with server("repetition") as url:
        assert reply_of(url).stop is Stop.LOOP
    with server("loop") as url:
        reply = reply_of(url)
    assert reply.stop is Stop.LOOP
    assert len(reply.text) < 20_000


@pytest.mark.parametrize(
    ("modes", "error"),
    [
        (("die=2",), EngineCrashed),
        (("quit=2",), EngineCrashed),
        (("half=2",), EngineCrashed),
        (("hang=2",), EngineHung),
        (("ping=2",), EngineHung),
        (("dead",), EngineCrashed),
        (("refuse=the prompt is longer than the model",), ServerRefused),
    ],
)
def test_every_way_to_fail_has_a_name(modes: tuple[str, ...], error: type[ChatVLMLLMError]) -> None:
    """Exit, half a frame, silence, silence behind comments, a dead engine and a refusal are told apart."""
    begun = time.perf_counter()
    with server(*modes) as url, pytest.raises(error):
        reply_of(url)
    assert time.perf_counter() - begun < 8


def test_a_refusal_carries_the_servers_own_sentence() -> None:
    """The user reads what the server said, not a status code alone."""
    with server("refuse=the prompt is longer than the model") as url, pytest.raises(ServerRefused) as caught:
        reply_of(url)
    assert "the prompt is longer than the model" in caught.value.message()


def test_a_server_that_is_not_there() -> None:
    """Nobody listens: an error that names the address, at once."""
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(ServerUnreachable, match=url):
        reply_of(url)


def test_closing_the_stream_closes_the_connection() -> None:
    """Cancellation reaches the server: its end of the connection is closed although it has more to say."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        client = OpenAI(Endpoint(url=url, served="model"))
        stream = client.stream(request())
        import threading

        seen: list[bytes] = []
        closed = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                connection.settimeout(5)
                while b"}" not in connection.recv(1 << 20)[-2:]:
                    pass
                frame = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + frame)
                seen.append(connection.recv(1))
                closed.set()

        thread = threading.Thread(target=serve)
        thread.start()
        assert next(stream) == Delta("x")
        stream.close()  # type: ignore[attr-defined]
        assert closed.wait(3)
        thread.join()
        client.close()
    assert seen == [b""]


def test_t37b_what_the_server_does_not_serve_is_refused_by_name() -> None:
    """A model that the configuration promises but the server lacks is an error that lists what is there."""
    with server(name="other") as url:
        settings = Settings(servers=(Server(url=url, models={"qwen_vl_2b": "wanted"}),))
        start = plan(find("qwen_vl_2b"), settings)
        assert start.engine == "openai"
        with pytest.raises(ServerRefused, match="it serves other, not wanted"):
            start.run(None)  # type: ignore[arg-type]
