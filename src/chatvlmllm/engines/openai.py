"""Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, LM Studio, SGLang.

The server may be the user's own or one that `vllm` or `container` started. Closing a stream closes its connection,
which is how such servers learn that nobody listens. Does not cover starting or ending a server.
"""

import base64
import io
import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import responses
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import httpx
from pydantic_core import from_json, to_json

from chatvlmllm.decode.loops import LoopWatch
from chatvlmllm.engines.interrupt import Interruptible
from chatvlmllm.engines.line import Lines, Unreachable, Wire
from chatvlmllm.errors import EngineBusy, EngineCrashed, EngineHung, ServerRefused, ServerUnreachable
from chatvlmllm.exchange import Delta, Manner, Reply, Request, Stop, Turn, Usage
from chatvlmllm.models.card import conversation

if TYPE_CHECKING:
    from PIL.Image import Image

#: A pattern of at most so many tokens, so often in a row, ends a generation inside vLLM. Forms have some hundred empty
#: cells, so the count is high; longer patterns are noticed here.
_REPETITION = {"max_pattern_size": 16, "min_pattern_size": 1, "min_count": 160}

_STOPS = {
    "stop": Stop.END,
    "eos": Stop.END,
    "length": Stop.LENGTH,
    "repetition": Stop.LOOP,
    "abort": Stop.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a server listens and how to talk to it.

    `url` ends before `/chat/completions`; `served` is the server's name of the model; `connect` and `silence` are
    patience in seconds for a connection and for the next token; `body` is laid over every request, `prefix` stands
    before the text of a turn with images. `vllm` says that the server understands vLLM's own fields.
    """

    url: str
    served: str
    key: str = field(default="", repr=False)
    connect: float = 5.0
    silence: float = 120.0
    slots: int = 8
    body: Mapping[str, object] = field(default_factory=dict)
    prefix: str = ""
    vllm: bool = False


class OpenAI:
    """A client of one model on one server; any number of streams at once."""

    name = "openai"

    def __init__(self, endpoint: Endpoint, *, device: str = "unknown", name: str = "openai") -> None:
        self.endpoint, self.device, self.name = endpoint, device, name
        self.slots = endpoint.slots
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._client = httpx.Client(
            base_url=endpoint.url.rstrip("/") + "/",
            headers=headers,
            timeout=httpx.Timeout(endpoint.silence, connect=endpoint.connect),
            # A proxy of the environment must never see documents that are meant for this machine.
            trust_env=False,
        )
        self._lines = Lines(
            endpoint.url, headers, connect=endpoint.connect, silence=endpoint.silence, spare=endpoint.slots
        )

    def models(self) -> list[dict[str, Any]]:
        """What the server says it serves; raises ServerUnreachable or ServerRefused."""
        with self._named_errors(self.endpoint.served):
            response = self._client.get("models", timeout=self.endpoint.connect)
            if response.is_error:
                raise _refusal(self.endpoint.served, response.status_code, response.text)
            listed = response.json().get("data", [])
        return [entry for entry in listed if isinstance(entry, dict)]

    def stream(self, request: Request) -> Interruptible:
        """Deltas, then the reply with the server's own stop reason and usage."""
        wire = Wire()
        return Interruptible(self._stream(request, wire), wire.cut)

    def _stream(self, request: Request, wire: Wire) -> Generator[Delta | Reply]:
        try:
            yield from self._answer(request, wire)
        except (EngineCrashed, ServerUnreachable, EngineHung):
            if not wire.was_cut:
                raise

    def _answer(self, request: Request, wire: Wire) -> Generator[Delta | Reply]:
        started = time.perf_counter()
        answer = _Answer(self.endpoint.silence, request.model)
        body = to_json(self.body(request))
        with self._named_errors(request.model), self._lines.post("chat/completions", body, wire) as response:
            if response.status >= httpx.codes.BAD_REQUEST:
                raise _refusal(request.model, response.status, b"".join(response.bursts()).decode(errors="replace"))
            # Read to the end: only then can the connection serve the next request.
            for burst in response.bursts(lambda: self._lines.rest() if answer.said else 0.0):
                pieces: list[str] = []
                try:
                    pieces.extend(answer.hear(burst))
                finally:
                    # What was said before something went wrong was said.
                    if pieces:
                        yield Delta("".join(pieces))
                if answer.looped:
                    break
        yield Reply(
            text="".join(answer.said),
            stop=answer.end(),
            model=request.model,
            engine=self.name,
            device=self.device,
            served=answer.served,
            usage=answer.usage,
            seconds=answer.seconds(started),
        )

    def body(self, request: Request) -> dict[str, object]:
        """What is sent for a request."""
        body: dict[str, object] = {
            "model": self.endpoint.served,
            "messages": [_message(turn, self.endpoint.prefix) for turn in conversation(request)],
            "max_tokens": request.limits.tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.endpoint.vllm:
            body["repetition_detection"] = _REPETITION
        if request.schema is not None:
            named = {"name": "answer", "schema": dict(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        return body | dict(self.endpoint.body) | _said(request.manner)

    @contextmanager
    def _named_errors(self, model: str) -> Iterator[None]:
        """What the library raises, as errors of ours."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, Unreachable) as error:
            raise ServerUnreachable(url=self.endpoint.url, reason=_why(error)) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise EngineHung(model=model, seconds=self.endpoint.silence) from error
        except (httpx.TransportError, OSError, ValueError) as error:
            raise EngineCrashed(model=model, status=None, reason=f"the connection broke: {_why(error)}") from error
        except RuntimeError as error:
            # Another request saw the engine die and closed it a moment ago.
            if not self._client.is_closed:
                raise
            raise EngineCrashed(model=model, status=None, reason="the engine was ended meanwhile") from error

    def close(self) -> None:
        """Close every idle connection."""
        self._client.close()
        self._lines.close()


class _Answer:
    """What was heard of one answer so far."""

    def __init__(self, silence: float, model: str) -> None:
        self._silence, self._model = silence, model
        self._watch = LoopWatch()
        self._token_at = time.perf_counter()
        self._first_at: float | None = None
        self._stop: Stop | None = None
        self._begun = b""
        self.said: list[str] = []
        self.served: str | None = None
        self.usage = Usage()
        self.looped = False

    def hear(self, burst: bytes) -> Iterator[str]:
        """The pieces of text in the lines that are whole by now."""
        *lines, self._begun = (self._begun + burst).split(b"\n")
        for line in lines:
            piece = self._line(line)
            if piece:
                yield piece
            if self.looped:
                return

    def _line(self, line: bytes) -> str:
        """The new text of one line of the event stream."""
        if not line.startswith(b"data:"):
            # Comments keep a proxy's connection alive while the engine behind it says nothing.
            if time.perf_counter() - self._token_at > self._silence:
                raise EngineHung(model=self._model, seconds=self._silence)
            return ""
        content = line[5:].strip()
        if content == b"[DONE]":
            return ""
        return self._chunk(from_json(content))

    def _chunk(self, chunk: Mapping[str, Any]) -> str:
        if chunk.get("error"):
            raise EngineCrashed(model=self._model, status=None, reason=_sentence(chunk["error"]))
        self._token_at = time.perf_counter()
        self.served = chunk.get("model") or self.served
        if chunk.get("usage"):
            usage = chunk["usage"]
            self.usage = Usage(usage.get("prompt_tokens"), usage.get("completion_tokens"))
        piece = ""
        for choice in chunk.get("choices") or ():
            piece += (choice.get("delta") or {}).get("content") or ""
            if choice.get("finish_reason"):
                self._stop = self._reason(choice)
        if piece:
            self._first_at = self._first_at or time.perf_counter()
            self.said.append(piece)
            if self._watch.feed(piece) is not None:
                self._stop, self.looped = Stop.LOOP, True
        return piece

    def _reason(self, choice: Mapping[str, Any]) -> Stop:
        if choice.get("stop_reason") == "repetition_detected":
            return Stop.LOOP
        reason = choice["finish_reason"]
        if reason == "content_filter":
            raise ServerRefused(model=self._model, status=200, reason="content filter")
        if reason == "error":
            raise EngineCrashed(model=self._model, status=None, reason="the engine reported an error")
        return _STOPS.get(reason, Stop.END)

    def end(self) -> Stop:
        """Why the model stopped; raises EngineCrashed when the stream ended in the middle."""
        if self._stop is None:
            raise EngineCrashed(model=self._model, status=None, reason="the answer broke off in the middle")
        return self._stop

    def seconds(self, started: float) -> dict[str, float]:
        seconds = {"generate": time.perf_counter() - started}
        if self._first_at is not None:
            seconds["first_token"] = self._first_at - started
        return seconds


def _said(manner: Manner) -> dict[str, object]:
    """What differs from the way in which pages are read."""
    said = {
        "temperature": manner.temperature or None,
        "top_p": manner.top_p,
        "seed": manner.seed,
        "stop": list(manner.stops) or None,
        "response_format": dict(manner.form) if manner.form else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _message(turn: Turn, prefix: str) -> dict[str, object]:
    if not turn.images:
        return {"role": turn.role, "content": turn.text}
    parts: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": file or data_uri(image)}}
        for image, file in zip_longest(turn.images, turn.files)
    ]
    text = prefix + turn.text
    return {"role": turn.role, "content": [*parts, *([{"type": "text", "text": text}] if text else [])]}


def data_uri(image: "Image") -> str:
    """The picture without any loss, so that a server sees the pixels that any other engine sees."""
    stream = io.BytesIO()
    # The fastest compression: the bytes travel inside this machine only.
    image.save(stream, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _refusal(model: str, status: int, text: str) -> EngineBusy | ServerRefused | EngineCrashed:
    try:
        reason = _sentence(json.loads(text))
    except ValueError:
        reason = text.strip()[:300]
    reason = reason or responses.get(status, str(status))
    if status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        return EngineBusy(model=model, reason=reason)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return EngineCrashed(model=model, status=status, reason=reason)
    return ServerRefused(model=model, status=status, reason=reason)


def _sentence(answer: object) -> str:
    """The sentence inside an error body, whichever of the usual shapes it has."""
    if isinstance(answer, Mapping):
        for name in ("error", "message", "detail"):
            if answer.get(name):
                return _sentence(answer[name])
    return str(answer)[:300]


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
