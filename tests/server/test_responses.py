"""`/v1/responses` through the official client, on a real socket."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from pydantic import BaseModel

from tests.conftest import encoded, picture
from tests.pdfs import text_pdf
from tests.server.conftest import behind
from tests.server.test_chat import MODEL, uri

PICTURE = {"type": "input_image", "image_url": uri(encoded(picture(size=(640, 320)), "PNG")), "detail": "auto"}


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as found:
        yield found


def test_a_question_is_answered(client: openai.OpenAI) -> None:
    """Text, usage as the engine counted it, a true status, nothing kept, and our own object beside OpenAI's."""
    answer = client.responses.create(model=MODEL, input="What is it?", instructions="Be short.", store=True)
    assert (answer.output_text, answer.status, answer.error) == ("one two three ", "completed", None)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (7, 3, 10)
    assert answer.model_extra["store"] is False
    assert answer.model_extra["chatvlmllm"]["model"] == MODEL


def test_an_answer_streams(client: openai.OpenAI) -> None:
    """The client's own accumulator takes every event in order and ends with the whole answer."""
    with client.responses.stream(model=MODEL, input="What is it?") as stream:
        events = list(stream)
        whole = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events if not event.type.endswith("delta")] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text == "one two three "
    assert len({whole.id, *(event.response.id for event in events if hasattr(event, "response"))}) == 1


def test_the_async_client_streams_many_at_once(url: str) -> None:
    """Ten streams at once each get their whole answer."""

    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:

            async def one() -> str:
                stream = await client.responses.create(model=MODEL, input="What is it?", stream=True)
                return "".join([e.delta async for e in stream if e.type == "response.output_text.delta"])

            return await asyncio.gather(*(one() for _ in range(10)))

    assert asyncio.run(all_of_them()) == ["one two three "] * 10


def test_pictures_files_and_an_earlier_answer_reach_the_model(tmp_path: Path) -> None:
    """Parts of an item become those of a chat, and an answer's output can be sent back as it came."""
    diary = tmp_path / "diary"
    with (
        behind(tmp_path, {MODEL: (f"note={diary}",)}) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="no") as client,
    ):
        first = [{"role": "user", "content": [PICTURE, {"type": "input_text", "text": "Read."}]}]
        seen = client.responses.create(model=MODEL, input=first)
        assert seen.output_text == "seen 1024 x 512 by model "
        pages = uri(text_pdf("one", pages=2), "application/pdf")
        document = {"type": "input_file", "filename": "a.pdf", "file_data": pages}
        more = [*first, *seen.output, {"role": "user", "content": [document, {"type": "input_text", "text": "And?"}]}]
        client.responses.create(model=MODEL, input=more, instructions="Be short.")
        sent = httpx.Response(200, content=diary.read_bytes()).json()["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    kinds = [part["type"] for part in sent[3]["content"]]
    assert kinds == ["image_url", "image_url", "text"]


class Total(BaseModel):
    total: int


def test_a_schema_holds_the_answer(tmp_path: Path) -> None:
    """`text.format` is what `response_format` is: asked of the engine, checked afterwards."""
    with (
        behind(tmp_path, {MODEL: ('json={"total": 17}',)}) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="no") as client,
    ):
        assert client.responses.parse(model=MODEL, input="Sum?", text_format=Total).output_parsed == Total(total=17)
    with (
        behind(tmp_path, {MODEL: ("text=no",)}) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="no", max_retries=0) as client,
    ):
        with pytest.raises(openai.APIStatusError) as caught:
            client.responses.parse(model=MODEL, input="Sum?", text_format=Total)
        assert caught.value.code == "not_as_asked"


def test_t21_a_cut_off_answer_is_incomplete(tmp_path: Path) -> None:
    """A limit is `incomplete`, streamed or not, and our object says the true reason."""
    with (
        behind(tmp_path, {MODEL: ("length", "text=a b")}) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="no") as client,
    ):
        whole = client.responses.create(model=MODEL, input="Go on.", max_output_tokens=2)
        assert whole.status == "incomplete"
        assert whole.incomplete_details is not None
        assert whole.incomplete_details.reason == "max_output_tokens"
        assert whole.model_extra["chatvlmllm"]["stop"] == "length"
        *_, last = client.responses.create(model=MODEL, input="Go on.", stream=True)
        assert last.type == "response.incomplete"


def test_a_reader_answers_with_the_text_of_a_picture(client: openai.OpenAI) -> None:
    """A model that only reads gives the pages' text, as in a chat."""
    hello = {"type": "input_image", "image_url": uri(encoded(picture("Hello world"), "PNG")), "detail": "auto"}
    answer = client.responses.create(model="embedded", input=[{"role": "user", "content": [hello]}])
    assert "Hello" in answer.output_text
    assert answer.model_extra["chatvlmllm"]["pages"][0]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"model": "gpt-4o"}, 404, "unknown_model"),
        ({"previous_response_id": "resp_1"}, 422, "invalid_request"),
        ({"conversation": "conv_1"}, 422, "invalid_request"),
        ({"tools": [{"type": "web_search"}]}, 422, "invalid_request"),
        ({"background": True}, 422, "invalid_request"),
        ({"input": [{"type": "function_call_output", "call_id": "1", "output": "x"}]}, 422, "invalid_request"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
            422,
            "invalid_request",
        ),
        ({"input": [{"role": "assistant", "content": "mine"}]}, 422, "invalid_request"),
        ({"model": "embedded"}, 422, "needs_picture"),
    ],
)
def test_what_cannot_be_done_is_said_in_openais_shape(
    client: openai.OpenAI, more: dict, status: int, code: str
) -> None:
    """A status and a code that a program can use, streamed or not; that nothing is kept is said."""
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            client.responses.create(**{"model": MODEL, "input": "What?", "stream": stream, **more})
        assert (caught.value.status_code, caught.value.code) == (status, code)
        if "previous_response_id" in more:
            assert "nothing is kept" in caught.value.message


def test_an_engine_that_dies_after_the_first_word_is_a_failed_response(tmp_path: Path) -> None:
    """The stream's last event is `response.failed` with our code, and never a completed answer."""
    modes = {"qwen_vl_2b": ("half=2", "text=a b c d")}
    with behind(tmp_path, modes) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="no", max_retries=0) as client:
        *_, last = client.responses.create(model="qwen_vl_2b", input="Go on.", stream=True)
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error is not None
    assert last.response.error.code == "engine_crashed"
