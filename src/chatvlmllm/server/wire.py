"""The JSON of OpenAI's chat completions: what is understood of a request, and the bytes of an answer.

What would change an answer and is not done is refused; what changes nothing (`user`, `metadata`, …) is passed over.
"""

from typing import Annotated, Any, Literal

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as Plain

from chatvlmllm.exchange import Task

#: Larger bodies are parsed in a thread, so that the loop goes on.
_LARGE = 262_144


class _Fast(Request):
    """Parses JSON with orjson: pictures travel in it."""

    async def json(self) -> Any:
        body = await self.body()
        return await run_in_threadpool(orjson.loads, body) if len(body) > _LARGE else orjson.loads(body)


class FastRoute(APIRoute):
    """A route whose bodies may be large."""

    def get_route_handler(self) -> Any:
        handler = super().get_route_handler()

        async def fast(request: Plain) -> Any:
            return await handler(_Fast(request.scope, request.receive))

        return fast


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", str_max_length=None)


class TextPart(_Lenient):
    type: Literal["text", "input_text", "output_text"]
    text: str


class ImageUrl(_Lenient):
    url: str = Field(min_length=1, description="a data: URI, or an http address where the server allows it")


class ImagePart(_Lenient):
    type: Literal["image_url"]
    image_url: ImageUrl


class FileData(_Lenient):
    """A whole file: PDF or picture."""

    file_data: str = Field(min_length=1, description="a data: URI or plain base64")
    filename: str = "document"


class FilePart(_Lenient):
    type: Literal["file"]
    file: FileData


Part = Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]


class Message(_Lenient):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] = ""


class StreamOptions(_Lenient):
    include_usage: bool = False


class JsonSchema(_Lenient):
    name: str = "answer"
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Lenient):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Own(BaseModel):
    """What this server understands beyond OpenAI: the task of a reader, and its languages."""

    model_config = ConfigDict(extra="forbid")

    task: Task | None = None
    languages: str | None = Field(None, pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$")


class ChatRequest(_Lenient):
    """A conversation that is to be answered."""

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = None
    response_format: ResponseFormat | None = None
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    # Penalties corrupt tables and numbers, which is what documents are made of.
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    chatvlmllm: Own = Own()


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Said(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    index: int
    message: Said
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class Completion(BaseModel):
    """An answer. `chatvlmllm` holds what OpenAI has no place for; `usage` is absent where the engine does not count."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    chatvlmllm: dict[str, Any]


class Chunks:
    """Writes the events of one stream; the constant part of a chunk is made once."""

    def __init__(self, number: str, created: int, model: str) -> None:
        base = {"id": number, "object": "chat.completion.chunk", "created": created, "model": model}
        self._base = orjson.dumps(base)[:-1]
        self._before = b"data: " + self._base + b',"choices":[{"index":0,"delta":{"content":'
        self._after = b'},"logprobs":null,"finish_reason":null}]}\n\n'

    def first(self) -> bytes:
        """Who speaks."""
        return self._before.replace(b'{"content":', b'{"role":"assistant","content":') + b'""' + self._after

    def piece(self, text: str) -> bytes:
        """One piece of the answer."""
        return self._before + orjson.dumps(text) + self._after

    def last(self, finish: str, extra: dict[str, Any]) -> bytes:
        """Why it ended, with everything that is ours."""
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish}
        return self._event({"choices": [choice], "chatvlmllm": extra})

    def usage(self, usage: dict[str, int]) -> bytes:
        return self._event({"choices": [], "usage": usage})

    def _event(self, rest: dict[str, Any]) -> bytes:
        return b"data: " + self._base + b"," + orjson.dumps(rest)[1:] + b"\n\n"
