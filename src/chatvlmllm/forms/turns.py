"""Turns of speech with places for values, as in `Акт № {number} от {date}`, found in text that was read with mistakes.

The words of a turn are forgiven as labels are; what stands in its places is given by the characters as they were read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from chatvlmllm.forms.labels import fold
from chatvlmllm.forms.sheet import Stream

#: Words of a turn from this length on are known with a wrong letter, from the second length on with two.
_ONE_ERROR, _TWO_ERRORS = 5, 7
#: A word that differs only in so many last letters is another form of the word and not a misreading of it.
_ENDING = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of speech over folded text, and those of its words that are long enough to be known when misread."""

    pattern: re.Pattern[str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A turn that was found: where it starts, and the characters start…end of every place for a value."""

    start: int
    spans: Mapping[str, tuple[int, int]]


def compiled(phrase: str, shapes: Mapping[str, str]) -> Turn:
    """A phrase like `Акт № {number} от {date}`; `…` stands for up to 60 characters."""
    parts: list[str] = []
    for piece in re.split(r"(\{\w+\}|…)", phrase):
        if piece == "…":
            parts.append(r".{0,60}?")
        elif piece.startswith("{"):
            key = piece[1:-1]
            parts.append(rf"(?P<{key}>{shapes[key]})")
        else:
            parts.append(_literal(piece, after=bool(parts)))
    said = re.sub(r"\{\w+\}|…", " ", fold(phrase))
    words = {word for word in re.findall(r"[^\W\d_]+", said) if len(word) >= _ONE_ERROR}
    return Turn(re.compile(r"\s*".join(part for part in parts if part)), tuple(sorted(words)))


def _literal(text: str, *, after: bool) -> str:
    """Words in a row with free spacing; № may have been read as a letter N or the like.

    A sign right `after` a place for a value ends it and must be there, unless a word that follows does so; elsewhere
    punctuation is easily lost.
    """
    found: list[str] = []
    alone = after and not any(sign.isalpha() for sign in text)
    for sign in re.findall(r"\d+(?:\.\d+)+|[^\W_]+|[^\w\s]", fold(text)):
        if sign == "№":
            found.append(r"(?:№|n[ео°º]?|м[ое]?|н[ео]|хо|#)?\.?")
        elif sign == "@":
            found.append(r"(?:[^\w\s.,]|ө|[0о](?=\s))")  # readers make some sign or other of it
        elif sign == "х":
            found.append("[хx×*]")  # the sign of multiplication, as typed and as read
        elif sign.isalnum():
            found.append(re.escape(sign))
        elif sign[0].isdigit():
            found.append(sign.replace(".", r"\s?[.,]\s?"))  # clause 1.2 is not 12
        elif sign in '«»"':
            found.append(r"[«»\"“”„<>']{0,2}")
        else:
            one = "[.,:;]" if sign in ".,:;" else re.escape(sign)
            found.append(one + ("" if alone and not found else "?"))
    return r"\s*".join(found)


def search(turn: Turn, stream: Stream) -> Iterator[Said]:
    """Where a turn of speech stands; places are those of the stream's own text."""
    text, places = _mended(fold(stream.text), turn.words)
    for match in turn.pattern.finditer(text):
        spans = {key: match.span(key) for key in match.groupdict()}
        yield Said(places[match.start()], {key: (places[start], places[end]) for key, (start, end) in spans.items()})


def _mended(text: str, words: Sequence[str]) -> tuple[str, Sequence[int]]:
    """The text with misread words of a turn put right, and for each of its characters the place in the text as read."""
    places: list[int] = []
    pieces: list[str] = []
    done = 0
    for match in re.finditer(r"[^\W\d_]{4,}", text) if words else ():
        meant = _meant(match.group(), tuple(words))
        if meant is None:
            continue
        pieces += [text[done : match.start()], meant]
        places += range(done, match.start())
        places += [min(match.start() + index, match.end() - 1) for index in range(len(meant))]
        done = match.end()
    return "".join((*pieces, text[done:])), [*places, *range(done, len(text) + 1)]


@lru_cache(maxsize=65536)
def _meant(read: str, words: tuple[str, ...]) -> str | None:
    """The one word that a text of the page must be a misreading of; None for a right word and for a strange one."""
    if read in words:
        return None
    near = [word for word in words if 0 < Levenshtein.distance(read, word) <= (2 if len(word) >= _TWO_ERRORS else 1)]
    if len(near) != 1 or near[0] in read or read.startswith(near[0][:-_ENDING]):
        return None
    return near[0]
