"""`/v1/chat/completions` through the official client, on a real socket."""

import asyncio
import base64
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import openai
import pytest
from PIL import Image

from tests.conftest import encoded, picture
from tests.pdfs import text_pdf
from tests.server.conftest import behind

MODEL = "qwen3_vl_2b"
QUESTION = [{"role": "user", "content": "What is it?"}]


def uri(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64," + base64.b64encode(content).decode()


def shown(content: bytes, question: str = "Read.") -> list[dict]:
    image = {"type": "image_url", "image_url": {"url": uri(content)}}
    return [{"role": "user", "content": [image, {"type": "text", "text": question}]}]


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as found:
        yield found


def test_a_question_is_answered(client: openai.OpenAI) -> None:
    """Text, usage as the engine counted it, a true finish reason, and our own object beside OpenAI's."""
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION)
    assert answer.choices[0].message.content == "one two three "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 3, 10)
    own = answer.model_extra["chatvlmllm"]
    assert (own["model"], own["served"], own["engine"], own["stop"], own["verdict"]) == (
        MODEL,
        "model",
        "openai",
        "end",
        "ok",
    )


def test_an_answer_streams(client: openai.OpenAI) -> None:
    """The pieces are those of the engine, the last chunk says why it ended, usage comes when it was asked for."""
    stream = client.chat.completions.create(
        model=MODEL, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(pieces) == "one two three "
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_async_client_streams_many_at_once(url: str) -> None:
    """Twenty streams at once on eight places each get their whole answer."""

    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:

            async def one() -> str:
                stream = await client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            return await asyncio.gather(*(one() for _ in range(20)))

    assert asyncio.run(all_of_them()) == ["one two three "] * 20


def test_pictures_and_pdfs_reach_the_model(tmp_path: Path) -> None:
    """The picture of an earlier turn, and every page of a `file` part, are sent at the size that the card wants."""
    with behind(tmp_path, {MODEL: ()}) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        seen = client.chat.completions.create(model=MODEL, messages=shown(encoded(picture(size=(640, 320)), "PNG")))
        assert seen.choices[0].message.content == "seen 1024 x 512 by model "
        document = {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": uri(text_pdf("one", pages=2), "application/pdf")},
        }
        talk = [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [document]},
            {"role": "assistant", "content": "Two pages."},
            {"role": "user", "content": "And?"},
        ]
        seen = client.chat.completions.create(model=MODEL, messages=talk)
        assert seen.choices[0].message.content.startswith("seen ")
        assert not seen.choices[0].message.content.startswith("seen 0")


def test_a_picture_that_fits_is_passed_on_as_it_came(tmp_path: Path) -> None:
    """What the card does not want changed is neither decoded nor encoded anew; what has to be turned or scaled is."""
    log = tmp_path / "asked.json"
    fitting = picture(size=(768, 768))
    turned = fitting.getexif()
    turned[0x0112] = 6
    files = [
        (encoded(fitting, "PNG"), True),
        (encoded(fitting.convert("L"), "JPEG"), True),
        (encoded(fitting, "JPEG", exif=turned), False),
        (encoded(fitting.convert("RGBA"), "PNG"), False),
        (encoded(picture(size=(300, 200)), "PNG"), False),
    ]
    with behind(tmp_path, {MODEL: (f"note={log}", "text=x")}) as url:
        for content, same in files:
            asked = {"model": MODEL, "messages": shown(content)}
            assert httpx.post(f"{url}/v1/chat/completions", json=asked).status_code == 200
            sent = json.loads(log.read_text())["messages"][0]["content"][0]["image_url"]["url"]
            assert (base64.b64decode(sent.partition(",")[2]) == content) is same


def test_t21_a_cut_off_answer_says_so(tmp_path: Path) -> None:
    """A limit is `length`; a loop is `length` for strict clients and `loop` in our object, streamed or not."""
    modes = {MODEL: ("length", "text=a b"), "qwen_vl_2b": ("loop",)}
    with behind(tmp_path, modes) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        for model, stop, verdict in ((MODEL, "length", "truncated"), ("qwen_vl_2b", "loop", "looped")):
            whole = client.chat.completions.create(model=model, messages=QUESTION)
            assert whole.choices[0].finish_reason == "length"
            own = whole.model_extra["chatvlmllm"]
            assert (own["stop"], own["verdict"]) == (stop, verdict)
            last = [c for c in client.chat.completions.create(model=model, messages=QUESTION, stream=True) if c.choices]
            assert last[-1].choices[0].finish_reason == "length"
            assert last[-1].model_extra["chatvlmllm"]["stop"] == stop


def test_the_manner_reaches_the_engine(tmp_path: Path) -> None:
    """Temperature, seed, stop words and the limit of tokens are what the engine is told."""
    log = tmp_path / "asked.json"
    manner = {"temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": ["END"]}
    with behind(tmp_path, {MODEL: (f"note={log}", "text=x")}) as url:
        asked = {"model": MODEL, "messages": QUESTION, "max_completion_tokens": 9, **manner}
        assert httpx.post(f"{url}/v1/chat/completions", json=asked).status_code == 200
    sent = json.loads(log.read_text())
    assert {**manner, "max_tokens": 9}.items() <= sent.items()


SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "sum",
        "schema": {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]},
    },
}


def test_an_answer_in_a_form_has_it(tmp_path: Path) -> None:
    """The schema is passed on; an answer that lacks the form is an error and never passes as an answer."""
    log = tmp_path / "asked.json"
    modes = {MODEL: (f"note={log}", 'text={"sum":12.5}'), "qwen_vl_2b": ("text=about twelve",)}
    with behind(tmp_path, modes) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        good = client.chat.completions.create(model=MODEL, messages=QUESTION, response_format=SCHEMA)
        assert json.loads(good.choices[0].message.content) == {"sum": 12.5}
        assert (
            json.loads(log.read_text())["response_format"]["json_schema"]["schema"] == SCHEMA["json_schema"]["schema"]
        )
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="qwen_vl_2b", messages=QUESTION, response_format=SCHEMA)
        assert caught.value.status_code == 502
        assert caught.value.code == "not_as_asked"
        with pytest.raises(openai.APIError, match="form that was asked for"):
            list(
                client.chat.completions.create(
                    model="qwen_vl_2b", messages=QUESTION, response_format=SCHEMA, stream=True
                )
            )


def test_a_reader_reads_the_picture_and_says_so(tmp_path: Path) -> None:
    """Where no model talks, the answer is the text of the page with its blocks and its verdict, and says that."""
    messages = shown(encoded(picture("Total 2468"), "PNG"), "What is the total?")
    with behind(tmp_path, {}) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        for model, reason in (("embedded", "chosen"), ("auto", "reads_only")):
            answer = client.chat.completions.create(model=model, messages=messages)
            assert "2468" in answer.choices[0].message.content
            own = answer.model_extra["chatvlmllm"]
            assert (own["task"], own["reason"], own["verdict"]) == ("text", reason, "ok")
            assert own["pages"][0]["model"] == "embedded"
            assert own["pages"][0]["blocks"][0]["box"]["x2"] <= 640
            assert answer.usage is None
        with pytest.raises(openai.UnprocessableEntityError, match="qwen3_vl_2b"):
            client.chat.completions.create(model="auto", messages=QUESTION)


def test_pages_stream_as_they_are_read(client: openai.OpenAI) -> None:
    """Each page of a file is a piece of the stream."""
    pages = [picture(f"Page {n}{n}{n}") for n in (1, 2)]
    file = {"type": "file", "file": {"filename": "a.tiff", "file_data": uri(tiff(pages), "image/tiff")}}
    stream = client.chat.completions.create(
        model="embedded", messages=[{"role": "user", "content": [file]}], stream=True
    )
    pieces = [c.choices[0].delta.content for c in stream if c.choices and c.choices[0].delta.content]
    assert len(pieces) == 2
    assert "111" in pieces[0]
    assert "222" in pieces[1]


def tiff(pages: list[Image.Image]) -> bytes:
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    return stream.getvalue()


@pytest.mark.parametrize(
    ("model", "messages", "more", "status", "code"),
    [
        ("gpt-4o", QUESTION, {}, 404, "unknown_model"),
        ("embedded", QUESTION, {}, 422, "needs_picture"),
        ("embedded", shown(encoded(picture(), "PNG")), {"response_format": SCHEMA}, 422, "not_constrained"),
        ("tesseract", shown(encoded(picture(), "PNG")), {"extra_body": {"chatvlmllm": {"task": "table"}}}, 422, None),
        (MODEL, [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], {}, 422, "invalid_request"),
        (MODEL, shown(b"this is no picture"), {}, 415, "unsupported_file"),
        (MODEL, QUESTION, {"n": 2}, 422, "invalid_request"),
        (MODEL, QUESTION, {"presence_penalty": 1}, 422, "invalid_request"),
        (MODEL, QUESTION, {"extra_body": {"chatvlmllm": {"tusk": "text"}}}, 422, "invalid_request"),
        (MODEL, QUESTION * 1 + shown(encoded(picture(), "PNG")) * 17, {}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_done_is_said_in_openais_shape(
    client: openai.OpenAI, model: str, messages: list, more: dict, status: int, code: str | None
) -> None:
    """A status and a code that a program can use, streamed or not."""
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model=model, messages=messages, stream=stream, **more)
        assert caught.value.status_code == status
        assert code is None or caught.value.code == code


def test_an_engine_that_dies_is_an_error_and_not_an_answer(tmp_path: Path) -> None:
    """Before the first word a status; after it an error event in the stream, and no `[DONE]`."""
    with behind(tmp_path, {MODEL: ("half=0",), "qwen_vl_2b": ("half=2", "text=a b c d")}) as url:
        refused = httpx.post(f"{url}/v1/chat/completions", json={"model": MODEL, "messages": QUESTION, "stream": True})
        assert refused.status_code == 503
        asked = {"model": "qwen_vl_2b", "messages": QUESTION, "stream": True}
        text = httpx.post(f"{url}/v1/chat/completions", json=asked).text
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        assert events[-1]["error"]["code"] == "engine_crashed"
        assert "[DONE]" not in text


def leases(url: str) -> int:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("chatvlmllm_engine_leases{"))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("mode", ["pace=0.05", "hang=2", "ping=2"])
def test_a_client_that_leaves_ends_the_generation(tmp_path: Path, mode: str, stream: bool) -> None:
    """The engine is free as soon as the socket closes: while it talks, while it is silent, with no further request."""
    with behind(tmp_path, {MODEL: (mode, "text=" + "word " * 1000)}) as url:
        port = int(url.rpartition(":")[2])
        body = json.dumps({"model": MODEL, "messages": QUESTION, "stream": stream}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        head += "Content-Type: application/json\r\n\r\n"
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            client.sendall(head.encode() + body)
            if stream:
                assert client.recv(1000)
            until(lambda: leases(url) == 1)
        until(lambda: leases(url) == 0)


def test_a_stream_under_way_comes_to_its_end_when_the_server_ends(tmp_path: Path) -> None:
    """A server that is asked to end finishes what it is saying, and then it is gone."""
    heard: list[str] = []
    with behind(tmp_path, {MODEL: ("pace=0.05", "text=" + "word " * 30)}) as url:
        asked = {"model": MODEL, "messages": QUESTION, "stream": True}
        begun = threading.Event()

        def listen() -> None:
            with httpx.stream("POST", f"{url}/v1/chat/completions", json=asked, timeout=30) as stream:
                for line in stream.iter_lines():
                    heard.append(line)
                    begun.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert begun.wait(10)
    listener.join(20)
    assert [line for line in heard if line][-1] == "data: [DONE]"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def until(true: object) -> None:
    """Wait for it; fails after ten seconds."""
    end = time.monotonic() + 10
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
