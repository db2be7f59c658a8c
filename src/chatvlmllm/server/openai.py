"""OpenAI's chat completions over `talk`: one answer as JSON, or its pieces as server-sent events.

Both carry `chatvlmllm`: the task that was done, model, engine, why the model stopped, verdict, seconds, and for pages
that were read their blocks and attempts. OpenAI's `finish_reason` has no word for a loop or a deadline; both are
`length` there and named in `chatvlmllm.stop`.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.errors import ChatVLMLLMError, InvalidRequest
from chatvlmllm.exchange import Delta, Manner, Stop, Usage
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import overall
from chatvlmllm.server import edge, forms, parts, talk
from chatvlmllm.server.shared import Shared, SharedBy
from chatvlmllm.server.wire import ChatRequest, Chunks, Completion, FastRoute

router = APIRouter(tags=["openai"], responses=edge.PROBLEMS, route_class=FastRoute)

_numbers = map("chatcmpl-{:024x}".format, count(secrets.randbits(95)))
_VERDICTS = {Stop.END: Verdict.OK, Stop.LOOP: Verdict.LOOPED}


@router.post("/v1/chat/completions", response_model=Completion, responses=edge.EVENTS)
async def complete(request: Request, body: ChatRequest, shared: SharedBy) -> Response:
    """Answer a conversation; with `stream` as server-sent events that end with `data: [DONE]`.

    Closing the connection ends the generation. Documents travel as `image_url` or `file` parts.
    """
    leaving = Leaving()
    exchange = Exchange(body, shared, leaving, edge.request_id(request), edge.language(request.headers))
    if body.stream:
        return await edge.streamed(request, exchange.events(), leaving)
    return edge.answer(await edge.finished(request, exchange.whole, leaving))


class Exchange:
    """One request on its way through a thread."""

    def __init__(self, body: ChatRequest, shared: Shared, leaving: Leaving, number: str, spoken: str) -> None:
        self._body, self._shared, self._leaving = body, shared, leaving
        self._number, self._spoken = number, spoken
        self._id, self._created = next(_numbers), int(time.time())

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        said: list[str] = []
        outcome: talk.Outcome | None = None
        for item in self.items():
            if isinstance(item, Delta):
                said.append(item.text)
            else:
                outcome = item
        assert outcome is not None
        text = "".join(said)
        finish = finish_reason(outcome)
        self.check(text, outcome)
        message = {"role": "assistant", "content": text, "refusal": None}
        answer = {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._body.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
            "chatvlmllm": extra(outcome),
        }
        usage = usage_of(outcome)
        return answer | ({"usage": usage} if usage else {})

    def events(self) -> Iterator[bytes]:
        """The answer as it is said. An error after the first piece is an event too, and the stream ends there."""
        chunks = Chunks(self._id, self._created, self._body.model)
        begun = False
        said: list[str] = []
        try:
            for item in self.items():
                if not begun:
                    begun = True
                    yield chunks.first()
                if isinstance(item, Delta):
                    if self._body.response_format is not None:
                        said.append(item.text)
                    yield chunks.piece(item.text)
                else:
                    self.check("".join(said), item)
                    yield from self._end(chunks, item)
        except ChatVLMLLMError as error:
            if not begun:
                raise
            yield b"data: " + edge.envelope(error, self._spoken, self._number) + b"\n\n"

    def _end(self, chunks: Chunks, outcome: talk.Outcome) -> Iterator[bytes]:
        usage, options = usage_of(outcome), self._body.stream_options
        counted = chunks.usage(usage) if usage and options is not None and options.include_usage else b""
        yield chunks.last(finish_reason(outcome), extra(outcome)) + counted + b"data: [DONE]\n\n"

    def items(self) -> Iterator[Delta | talk.Outcome]:
        """Pieces of the answer, then how it went."""
        settings = self._shared.settings
        with ExitStack() as held:
            said = parts.opened(self._body.messages, self._shared.runner, held)
            question = _question(self._body, said, settings.languages)
            for item in talk.answer(question, self._shared.host, self._leaving, settings.server.chat_pages):
                if isinstance(item, talk.Outcome):
                    self._count(item)
                yield item

    def _count(self, outcome: talk.Outcome) -> None:
        if outcome.reply is not None:
            self._shared.metrics.reply(outcome.reply)
        for reading in outcome.readings:
            self._shared.metrics.page(reading)

    def check(self, text: str, outcome: talk.Outcome) -> None:
        """An answer that came to its end must have the form that was asked for."""
        form = self._body.response_format
        if form is not None and outcome.reply is not None and outcome.reply.stop is Stop.END:
            forms.check(text, form, outcome.reply.model)


def _question(body: ChatRequest, said: tuple[talk.Said, ...], languages: str) -> talk.Question:
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > 4:
        raise InvalidRequest(where="stop", problem="at most 4 stop words")
    form = body.response_format
    manner = Manner(
        temperature=body.temperature or 0.0,
        top_p=body.top_p,
        seed=body.seed,
        stops=tuple(stop for stop in stops if stop),
        form=forms.wanted(form) if form is not None else None,
    )
    return talk.Question(
        model=body.model,
        said=said,
        manner=manner,
        tokens=body.max_completion_tokens or body.max_tokens,
        task=body.chatvlmllm.task,
        languages=tuple((body.chatvlmllm.languages or languages).split("+")),
    )


def finish_reason(outcome: talk.Outcome) -> str:
    """OpenAI's word for how it ended: `stop`, or `length` for whatever was cut off."""
    if outcome.reply is not None:
        return "stop" if outcome.reply.stop is Stop.END else "length"
    cut = (Verdict.TRUNCATED, Verdict.LOOPED)
    return "length" if any(reading.verdict in cut for reading in outcome.readings) else "stop"


def usage_of(outcome: talk.Outcome) -> dict[str, int] | None:
    """Tokens as the engines counted them; None where one does not count."""
    replies = [outcome.reply] if outcome.reply else [r.reply for r in outcome.readings if r.reply]
    counted: list[Usage] = [reply.usage for reply in replies if reply]
    prompt = [usage.prompt_tokens for usage in counted]
    said = [usage.completion_tokens for usage in counted]
    if not counted or None in prompt or None in said:
        return None
    one, other = sum(filter(None, prompt)), sum(filter(None, said))
    return {"prompt_tokens": one, "completion_tokens": other, "total_tokens": one + other}


def extra(outcome: talk.Outcome) -> dict[str, Any]:
    """What OpenAI has no place for."""
    choice, reply = outcome.choice, outcome.reply
    found: dict[str, Any] = {
        "task": choice.task,
        "asked": choice.model,
        "reason": choice.reason,
        "seconds": {"total": round(outcome.seconds, 4)},
        "failed": [{"model": one.model, "code": error.code} for one, error in outcome.failed],
    }
    if reply is not None:
        found |= {
            "model": reply.model,
            "served": reply.served,
            "engine": reply.engine,
            "device": reply.device,
            "stop": reply.stop,
            "verdict": _VERDICTS.get(reply.stop, Verdict.TRUNCATED),
            "versions": dict(reply.versions),
            "choices": dict(reply.choices),
        }
        found["seconds"] |= {name: round(value, 4) for name, value in reply.seconds.items()}
    else:
        found["verdict"] = overall(reading.verdict for reading in outcome.readings)
        found["pages"] = [_page(reading) for reading in outcome.readings]
    return found


def _page(reading: Reading) -> dict[str, Any]:
    """A page as far as a client of a chat can use it; boxes are in pixels of `size`."""
    return {
        "page": reading.page,
        "size": reading.size,
        "verdict": reading.verdict,
        "model": reading.answered,
        "reasons": reading.evidence.reasons,
        "notices": reading.notices,
        "attempts": reading.attempts,
        "failure": reading.failure,
        "blocks": [
            {"kind": block.kind, "text": block.text, "box": block.box, "confidence": block.confidence}
            for block in reading.blocks
        ],
    }
