"""OpenAI's `/v1/responses`: the same conversations as chat completions, in the notation of today's clients.

Nothing is kept: a conversation travels whole in `input`, and `store` is always false. What would change an answer and
is not done here is refused; what changes nothing is passed over.
"""

import secrets
import time
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Annotated, Any, Literal, Self

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.errors import ChatVLMLLMError, InvalidRequest
from chatvlmllm.exchange import Delta
from chatvlmllm.server import edge, wire
from chatvlmllm.server.openai import Exchange, extra, finish_reason, usage_of
from chatvlmllm.server.shared import SharedBy
from chatvlmllm.server.talk import Outcome

router = APIRouter(tags=["openai"], responses=edge.PROBLEMS, route_class=wire.FastRoute)

_numbers = map("{:024x}".format, count(secrets.randbits(95)))


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class TextIn(_Lenient):
    type: Literal["input_text", "output_text"]
    text: str


class ImageIn(_Lenient):
    type: Literal["input_image"]
    image_url: str = Field(min_length=1, description="a data: URI, or an http address where the server allows it")


class FileIn(_Lenient):
    """A whole file: PDF or picture. Files are not kept here, so that none has an id."""

    type: Literal["input_file"]
    file_data: str = Field("", description="a data: URI or plain base64")
    file_url: str = Field("", description="an http address, where the server allows it")
    filename: str = "document"

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not (self.file_data or self.file_url):
            raise ValueError("file_data or file_url is expected")
        return self


class MessageIn(_Lenient):
    """A message of either side; an earlier answer's `output` can be sent back as it came."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Annotated[TextIn | ImageIn | FileIn, Field(discriminator="type")]]


class Format(_Lenient):
    """The form of the answer; a schema stands beside its type here."""

    type: Literal["text", "json_object", "json_schema"]
    name: str = "answer"
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class Text(_Lenient):
    format: Format = Format(type="text")


class ResponseRequest(_Lenient):
    """A conversation that is to be answered; all of it, since nothing is kept."""

    model: str
    input: str | Annotated[list[MessageIn], Field(min_length=1)]
    instructions: str | None = None
    stream: bool = False
    max_output_tokens: int | None = Field(None, ge=1, le=1_000_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    text: Text = Text()
    previous_response_id: str | None = Field(None, description="refused: nothing is kept")
    conversation: Any = Field(None, description="refused: nothing is kept")
    background: Literal[False] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    chatvlmllm: wire.Own = wire.Own()


class ResponseOut(BaseModel):
    """An answer. `chatvlmllm` holds what OpenAI has no place for; `usage` is null where the engine does not count."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    model: str
    output: list[dict[str, Any]]
    store: Literal[False]
    error: dict[str, Any] | None
    incomplete_details: dict[str, Any] | None
    usage: dict[str, Any] | None
    chatvlmllm: dict[str, Any] | None


@router.post("/v1/responses", response_model=ResponseOut, responses=edge.EVENTS)
async def respond(request: Request, body: ResponseRequest, shared: SharedBy) -> Response:
    """Answer a conversation in the notation of OpenAI's Responses; with `stream` as its server-sent events.

    Documents travel as `input_image` or `input_file` parts. Nothing is kept, so that `previous_response_id` is refused.
    """
    for name in ("previous_response_id", "conversation"):
        if getattr(body, name) is not None:
            raise InvalidRequest(where=name, problem="nothing is kept here; send the whole conversation as input")
    leaving, spoken = Leaving(), edge.language(request.headers)
    exchange = Exchange(as_chat(body), shared, leaving, edge.request_id(request), spoken)
    answer = _Answer(body, exchange, spoken)
    if body.stream:
        return await edge.streamed(request, answer.events(), leaving)
    return edge.answer(await edge.finished(request, answer.whole, leaving))


def as_chat(body: ResponseRequest) -> wire.ChatRequest:
    """The same conversation as a chat completion."""
    said = [MessageIn(role="user", content=body.input)] if isinstance(body.input, str) else body.input
    messages = [wire.Message(role=one.role, content=_content(one)) for one in said]
    if body.instructions:
        messages.insert(0, wire.Message(role="system", content=body.instructions))
    return wire.ChatRequest(
        model=body.model,
        messages=messages,
        max_completion_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        response_format=_form(body.text.format),
        chatvlmllm=body.chatvlmllm,
    )


def _content(message: MessageIn) -> str | list[wire.Part]:
    return message.content if isinstance(message.content, str) else [_part(part) for part in message.content]


def _part(part: TextIn | ImageIn | FileIn) -> wire.Part:
    match part:
        case TextIn():
            return wire.TextPart(type="text", text=part.text)
        case ImageIn():
            return wire.ImagePart(type="image_url", image_url=wire.ImageUrl(url=part.image_url))
        case FileIn():
            source = part.file_data or part.file_url
            return wire.FilePart(type="file", file=wire.FileData(file_data=source, filename=part.filename))


def _form(format: Format) -> wire.ResponseFormat | None:
    if format.type == "text":
        return None
    schema = None if format.schema_ is None else wire.JsonSchema(name=format.name, schema=format.schema_)
    return wire.ResponseFormat(type=format.type, json_schema=schema)


class _Answer:
    """One answer on its way: the object that grows, and the events that tell of it."""

    def __init__(self, body: ResponseRequest, exchange: Exchange, spoken: str) -> None:
        self._exchange, self._spoken = exchange, spoken
        number = next(_numbers)
        self._message, self._said = f"msg_{number}", list[str]()
        self._events = count()
        self._base = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": int(time.time()),
            "model": body.model,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "temperature": body.temperature or 0.0,
            "top_p": body.top_p,
            "text": body.text.model_dump(by_alias=True, exclude_none=True),
            "parallel_tool_calls": False,
            "tool_choice": "none",
            "tools": [],
            "metadata": {},
            "previous_response_id": None,
            "store": False,
        }

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        outcome: Outcome | None = None
        for item in self._exchange.items():
            if isinstance(item, Delta):
                self._said.append(item.text)
            else:
                outcome = item
        assert outcome is not None
        self._exchange.check("".join(self._said), outcome)
        return self._ended(outcome)

    def events(self) -> Iterator[bytes]:
        """The answer as it is said; an error after the first piece is its last event."""
        begun = False
        try:
            for item in self._exchange.items():
                if not begun:
                    begun = True
                    yield self._begin()
                if isinstance(item, Delta):
                    self._said.append(item.text)
                    yield self._event("response.output_text.delta", **self._place, delta=item.text, logprobs=[])
                else:
                    self._exchange.check("".join(self._said), item)
                    yield self._end(item)
        except ChatVLMLLMError as error:
            if not begun:
                raise
            told = {"code": error.code, "message": f"{error.message(self._spoken)} {error.hint(self._spoken)}"}
            yield self._event("response.failed", response=self._object("failed", error=told))

    def _begin(self) -> bytes:
        """Everything that stands before the first word."""
        going = self._object("in_progress")
        return b"".join(
            [
                self._event("response.created", response=going),
                self._event("response.in_progress", response=going),
                self._event("response.output_item.added", output_index=0, item=self._item("in_progress", [])),
                self._event("response.content_part.added", **self._place, part=_text("")),
            ]
        )

    def _end(self, outcome: Outcome) -> bytes:
        text, ended = "".join(self._said), self._ended(outcome)
        return b"".join(
            [
                self._event("response.output_text.done", **self._place, text=text, logprobs=[]),
                self._event("response.content_part.done", **self._place, part=_text(text)),
                self._event("response.output_item.done", output_index=0, item=ended["output"][0]),
                self._event(f"response.{ended['status']}", response=ended),
            ]
        )

    @property
    def _place(self) -> dict[str, Any]:
        """There is one message, and one text in it."""
        return {"item_id": self._message, "output_index": 0, "content_index": 0}

    def _event(self, kind: str, **content: Any) -> bytes:
        data = {"type": kind, "sequence_number": next(self._events), **content}
        return f"event: {kind}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"

    def _item(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._message, "type": "message", "role": "assistant", "status": status, "content": content}

    def _ended(self, outcome: Outcome) -> dict[str, Any]:
        """The whole answer. OpenAI has one word for whatever was cut off; `chatvlmllm.stop` has the true one."""
        cut = finish_reason(outcome) == "length"
        status = "incomplete" if cut else "completed"
        return self._object(
            status,
            output=[self._item(status, [_text("".join(self._said))])],
            incomplete_details={"reason": "max_output_tokens"} if cut else None,
            usage=_usage(usage_of(outcome)),
            chatvlmllm=extra(outcome),
        )

    def _object(self, status: str, **more: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "output": [],
            "error": None,
            "incomplete_details": None,
            "usage": None,
            "chatvlmllm": None,
        }
        return {**self._base, "status": status, **empty, **more}


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(counted: Mapping[str, int] | None) -> dict[str, Any] | None:
    """Clients read the details without asking whether they are there; engines do not tell them apart."""
    if counted is None:
        return None
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted["total_tokens"],
    }
