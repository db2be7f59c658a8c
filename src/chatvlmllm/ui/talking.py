"""A conversation as the server keeps it, and as it is sent to a model; pure but for the server that is asked."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Kind, Reading, Verdict
from chatvlmllm.ui.remote import Remote

#: A message as it is kept: role, text, numbers of its pictures, and for an answer how it came about.
Message = dict[str, Any]

#: The bytes of a chat's picture by its number.
Pictures = Callable[[int], bytes]


@dataclass(slots=True)
class Answer:
    """An answer while it comes; `extra` is what the server says about it at its end."""

    model: str
    seen: list[int]
    text: str = ""
    finish: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    tokens: int | None = None
    began: float = field(default_factory=time.monotonic)

    def message(self, *, stopped: bool = False, broken: str = "") -> Message:
        """As it is kept, with everything that belongs to it and to no other message; `broken` says why it ended."""
        return {
            "role": "assistant",
            "text": self.text,
            "asked": self.model,
            "model": self.extra.get("model") or self._read_by(),
            "seen": self.seen,
            "finish": self.finish,
            "stop": "stopped" if stopped else self.extra.get("stop", ""),
            "verdict": self.extra.get("verdict", ""),
            "seconds": round(time.monotonic() - self.began, 1),
            "tokens": self.tokens,
            "pages": self.extra.get("pages", []),
            "broken": broken,
        }

    def _read_by(self) -> str:
        pages = self.extra.get("pages") or [{}]
        return str(pages[0].get("model") or self.model)


def stream(
    remote: Remote, messages: Sequence[Message], pictures: Pictures, wanted: Mapping[str, str]
) -> Iterator[Answer]:
    """Ask; the answer as far as it has come, again with every piece. Closing ends the generation.

    `wanted` has the `model`, and the `task` where something else than talking is wanted. Raises what the client raises.
    """
    reads = wanted.get("task", "chat") != "chat"
    seen = sorted({number for one in messages for number in one.get("pictures", [])})
    body: dict[str, Any] = {"model": wanted["model"], "stream_options": {"include_usage": True}}
    body["messages"] = [_last(messages, seen, pictures)] if reads else [sent(one, pictures) for one in messages]
    if reads:
        body["chatvlmllm"] = {"task": wanted["task"]}
    answer = Answer(wanted["model"], seen)
    with closing(remote.client.chunks(body)) as chunks:
        for chunk in chunks:
            for choice in chunk["choices"]:
                answer.text += choice["delta"].get("content") or ""
                answer.finish = choice["finish_reason"] or answer.finish
            answer.extra = chunk.get("chatvlmllm") or answer.extra
            if chunk.get("usage"):
                answer.tokens = chunk["usage"]["completion_tokens"]
            yield answer


def sent(message: Message, pictures: Pictures) -> dict[str, Any]:
    """A message in OpenAI's notation: its pictures, then its text."""
    if not message.get("pictures"):
        return {"role": message["role"], "content": message["text"]}
    parts = [_part(pictures(number)) for number in message["pictures"]]
    return {"role": message["role"], "content": [*parts, {"type": "text", "text": message["text"]}]}


def _last(messages: Sequence[Message], seen: Sequence[int], pictures: Pictures) -> dict[str, Any]:
    """A reader knows no conversation: it gets every page with the last question."""
    return sent({**messages[-1], "pictures": list(seen)}, pictures)


def _part(picture: bytes) -> dict[str, Any]:
    content = base64.b64encode(picture).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{content}"}}


def reading(page: Mapping[str, Any], number: int) -> Reading:
    """A page that an answer is about, for showing: its blocks and boxes."""
    blocks = tuple(
        Block(Kind(one["kind"]), one["text"], Box(**one["box"]) if one["box"] else None) for one in page["blocks"]
    )
    size = Size(**page["size"])
    return Reading(page=number, size=size, verdict=Verdict(page["verdict"]), asked=page["model"] or "", blocks=blocks)
