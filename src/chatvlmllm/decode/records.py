"""The dialect of the package's own readers: one JSON object per line of text.

    {"block": 0, "kind": "text", "words": [["Счёт", 10, 20, 60, 40, 0.98], …]}

`block` groups lines, `kind` is a `reading.Kind`, a word is its text, its box in pixels of the sent image and its
confidence (null when nobody measured one).
"""

import json
from collections.abc import Sequence
from itertools import groupby

from chatvlmllm.decode import Decoded
from chatvlmllm.errors import UndecodableReply
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Block, Kind, Line, Word


def encode(block: int, words: Sequence[Word], kind: Kind = Kind.TEXT) -> str:
    """One record, with its line end."""
    cells = [[w.text, w.box.x1, w.box.y1, w.box.x2, w.box.y2, w.confidence] for w in words]
    return json.dumps({"block": block, "kind": kind, "words": cells}, ensure_ascii=False) + "\n"


def decode(reply: Reply, request: Request) -> Decoded:
    """One block per run of equal block numbers."""
    try:
        records = [json.loads(row) for row in reply.text.splitlines()]
        lines = [(r["block"], Kind(r["kind"]), _line(r["words"], request)) for r in records if r["words"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UndecodableReply(model=reply.model, reason=str(error)) from error
    runs = groupby(lines, key=lambda record: record[:2])
    return Decoded(tuple(block(kind, [record[2] for record in run]) for (_, kind), run in runs))


def _line(cells: list[tuple[str, float, float, float, float, float | None]], request: Request) -> Line:
    return line([Word(text, request.to_page(Box(*box)), confidence) for text, *box, confidence in cells])


def line(words: Sequence[Word]) -> Line:
    """A line of at least one word; its confidence is the mean of its words'."""
    return Line(" ".join(w.text for w in words), union([w.box for w in words]), tuple(words), _mean(words))


def block(kind: Kind, lines: Sequence[Line]) -> Block:
    """A block of at least one line; its confidence is the mean of its lines'."""
    text = "\n".join(line.text for line in lines)
    return Block(kind, text, union([line.box for line in lines]), lines=tuple(lines), confidence=_mean(lines))


def _mean(parts: Sequence[Word] | Sequence[Line]) -> float | None:
    known = [part.confidence for part in parts if part.confidence is not None]
    return round(sum(known) / len(known), 4) if known else None
