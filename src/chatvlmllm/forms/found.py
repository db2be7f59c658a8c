"""What one layer proposes for a field, and pieces of text cut out of a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.forms.kinds import KINDS, find
from chatvlmllm.forms.nouns import Layer, Source
from chatvlmllm.forms.sheet import Segment, Sheet, Stream
from chatvlmllm.geometry import union
from chatvlmllm.reading import Word

#: What a value without the shape that is typical of its kind is worth: a name may be unusual, a number is not.
_DOUBTFUL_TEXT, _DOUBTFUL_NUMBER = 0.7, 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """A proposed value. `score` compares proposals for the same field only; `place` is its order on the paper.

    With a `reason` it is never the value, only a candidate.
    """

    key: str
    value: str
    source: Source
    score: float
    confidence: float | None = None
    place: tuple[int, int, float] = (0, 0, 0.0)
    reason: str = ""


def cut(stream: Stream, start: int, end: int) -> tuple[Word, ...]:
    """The words of characters start…end, the first and last shortened; boxes stay those of whole words."""
    pieces: list[Word] = []
    for offset, word in zip(stream.starts, stream.words, strict=True):
        text = word.text[max(0, start - offset) : max(0, end - offset)]
        if text.strip():
            pieces.append(Word(text, word.box, word.confidence))
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is looked for in a piece of text: the field, its kind, the paper's language."""

    key: str
    kind: str
    language: str


def look(ask: Ask, window: Sequence[Word], sheet: Sheet, layer: Layer, label: str = "") -> Found | None:
    """The likeliest value of the kind in these words, scored 1 when it opens them."""
    stream = Stream(tuple(window))
    found = find(ask.kind, stream.text, ask.language)
    if not found:
        return None
    start, end, value = found[0]
    words = stream.at(start, end)
    if not words or not value:
        return None
    box = union([word.box for word in words]) if sheet.located else None
    known = [word.confidence for word in words if word.confidence is not None]
    source = Source(layer, sheet.page, stream.text[start:end], box, label)
    place = (sheet.page, 0, words[0].box.y1)
    doubtful = _DOUBTFUL_TEXT if KINDS[ask.kind].free else _DOUBTFUL_NUMBER
    score = (1.0 - min(0.3, start * 0.006)) * (1.0 if KINDS[ask.kind].sure(value) else doubtful)
    return Found(ask.key, value, source, score, min(known) if known else None, place)


def words_of(segments: Sequence[Segment]) -> tuple[Word, ...]:
    """All words of several segments in order."""
    return tuple(word for segment in segments for word in segment.words)
