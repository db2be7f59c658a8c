"""Finding the words of a label on a page that was read with mistakes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from chatvlmllm.forms.sheet import Segment, Stream

#: Latin letters with a Cyrillic twin, and spellings that papers mix. One character becomes one character, always.
_FOLD = str.maketrans("abcehkmoptxyё", "авсенкмортхуе")
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[№%#/]")
#: One wrong letter in this many is forgiven.
_LETTERS_PER_ERROR = 5


def fold(text: str) -> str:
    """`text` in the alphabet of comparison, character by character (the length never changes)."""
    lowered = "".join(low if len(low := sign.lower()) == 1 else sign for sign in text)
    return lowered.translate(_FOLD)


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    start: int
    end: int


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Words, numbers and the signs № % / of a text, folded, with their places in it."""
    return tuple(Token(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(fold(text)))


@dataclass(frozen=True, slots=True)
class Hit:
    """A label on the page: characters start…end of a segment; `quality` 1 is exact; `first` when it opens the segment."""

    segment: Segment
    start: int
    end: int
    quality: float
    label: str
    first: bool


@lru_cache(maxsize=4096)
def _pattern(label: str) -> tuple[str, int, int]:
    """A label as joined tokens, their number, and the errors forgiven."""
    parts = [token.text for token in tokens(label)]
    joined = "".join(parts)
    letters = sum(sign.isalpha() for sign in joined)
    return joined, len(parts), letters // _LETTERS_PER_ERROR


def match(label: str, text: str, start: int = 0) -> Iterable[tuple[int, int, float]]:
    """Places of `label` in `text` as (start, end, quality); exact words first, then near ones."""
    wanted, count, slack = _pattern(label)
    known = [token for token in tokens(text) if token.start >= start]
    found: list[tuple[int, int, float]] = []
    for index in range(len(known)):
        best: tuple[int, int, float] | None = None
        for size in {count, count - 1, count + 1} if slack else {count}:
            part = known[index : index + size]
            if size < 1 or len(part) < size:
                continue
            joined = "".join(token.text for token in part)
            if abs(len(joined) - len(wanted)) > slack:
                continue
            errors = Levenshtein.distance(joined, wanted, score_cutoff=slack)
            if errors <= slack and (best is None or 1 - errors / len(wanted) > best[2]):
                best = (part[0].start, part[-1].end, 1 - errors / len(wanted))
        if best is not None:
            found.append(best)
    return _apart(found)


def _apart(found: Sequence[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """Only the best of overlapping matches."""
    kept: list[tuple[int, int, float]] = []
    for one in sorted(found, key=lambda hit: -hit[2]):
        if not any(one[0] < other[1] and other[0] < one[1] for other in kept):
            kept.append(one)
    return sorted(kept)


def hits(labels: Iterable[str], segments: Iterable[Segment]) -> list[Hit]:
    """Every place of every label, longer labels winning where they overlap."""
    found: list[Hit] = []
    ordered = sorted(set(labels), key=lambda label: -len(label))
    for segment in segments:
        mine: list[Hit] = []
        for label in ordered:
            for start, end, quality in match(label, segment.text):
                if not any(start < hit.end and hit.start < end for hit in mine):
                    first = not any(sign.isalnum() for sign in segment.text[:start])
                    if first or _telling(label):
                        mine.append(Hit(segment, start, end, quality, label, first))
        found += sorted(mine, key=lambda hit: hit.start)
    return found


def _telling(label: str) -> bool:
    """Whether a label is recognisable in the middle of a run; numbers and single letters are not."""
    return sum(sign.isalpha() for sign in label) >= 3


def compile_phrase(phrase: str, shapes: Mapping[str, str]) -> re.Pattern[str]:
    """A phrase like `Акт № {number} от {date}` as a pattern over folded text; `…` stands for up to 60 characters."""
    parts: list[str] = []
    for piece in re.split(r"(\{\w+\}|…)", phrase):
        if piece == "…":
            parts.append(r".{0,60}?")
        elif piece.startswith("{"):
            key = piece[1:-1]
            parts.append(rf"(?P<{key}>{shapes[key]})")
        else:
            parts.append(_literal(piece))
    return re.compile(r"\s*".join(part for part in parts if part))


def _literal(text: str) -> str:
    """Words in a row with free spacing; № may have been read as a letter N or the like."""
    found = []
    for sign in re.findall(r"[^\W_]+|[^\w\s]", fold(text)):
        if sign == "№":
            found.append(r"(?:№|n[ео°º]?|м[ое]?|н[ео]|хо|#)?\.?")
        elif sign.isalnum():
            found.append(re.escape(sign))
        elif sign in "«»\"":
            found.append(r"[«»\"“”„<>']{0,2}")
        else:
            found.append(re.escape(sign) + "?")
    return r"\s*".join(found)


def search(phrase: re.Pattern[str], stream: Stream) -> Iterable[re.Match[str]]:
    """Matches of a compiled phrase; places are those of the stream's own text."""
    return phrase.finditer(fold(stream.text))
