"""Finding the words of a label on a page that was read with mistakes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from rapidfuzz.distance import Levenshtein

from chatvlmllm.forms.sheet import Segment

#: Latin letters with a Cyrillic twin, and spellings that papers mix. One character becomes one character, always.
_FOLD = str.maketrans("abcehkmoptxyё", "авсенкмортхуе")
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[№%#/]")
#: A zero among letters, or between the full stops of an abbreviation (Ф.И.0.), is the letter.
_ZERO = re.compile(r"(?<=[^\W\d_])0(?!\d)|(?<=[^\W\d_]\.)0(?=\.)")
#: One wrong letter in this many is forgiven.
_LETTERS_PER_ERROR = 6
#: Long labels differ from each other by a word or two, so no more than this.
_MOST_ERRORS = 4


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
    return tuple(Token(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(_ZERO.sub("о", fold(text))))


@dataclass(frozen=True, slots=True)
class Hit:
    """A label on the page: characters start…end of a segment; `quality` 1 is exact; `first` when it opens the segment.

    A label wrapped over lines ends with its first segment and goes on over the whole of `tail`.
    """

    segment: Segment
    start: int
    end: int
    quality: float
    label: str
    first: bool
    tail: tuple[Segment, ...] = ()


@lru_cache(maxsize=8192)
def joined(text: str) -> str:
    """The tokens of a text without the gaps between them."""
    return "".join(token.text for token in tokens(text))


@lru_cache(maxsize=4096)
def _pieces(label: str) -> tuple[str, ...]:
    """The label cut into one piece more than the errors forgiven: at least one of them must stand unharmed."""
    whole, _, slack = _pattern(label)
    size = -(-len(whole) // (slack + 1))
    return tuple(whole[start : start + size] for start in range(0, len(whole), size))


def may_hold(label: str, text: str) -> bool:
    """Whether a label can possibly stand in joined tokens: a quick refusal before the slow comparison."""
    return any(piece in text for piece in _pieces(label))


@lru_cache(maxsize=4096)
def _pattern(label: str) -> tuple[str, int, int]:
    """A label as joined tokens, their number, and the errors forgiven."""
    parts = [token.text for token in tokens(label)]
    whole = "".join(parts)
    letters = sum(sign.isalpha() for sign in whole)
    return whole, len(parts), min(_MOST_ERRORS, letters // _LETTERS_PER_ERROR)


def match(label: str, text: str, start: int = 0) -> Iterable[tuple[int, int, float]]:
    """Places of `label` in `text` as (start, end, quality); exact words first, then near ones."""
    if not may_hold(label, joined(text)):
        return []
    wanted, count, slack = _pattern(label)
    known = [token for token in tokens(text) if token.start >= start]
    numbers = _numbers(tokens(label))
    found: list[tuple[int, int, float]] = []
    for index in range(len(known)):
        best: tuple[int, int, float] | None = None
        for part in _windows(known[index:], len(wanted), slack) if slack else [known[index : index + count]]:
            read = "".join(token.text for token in part)
            errors = Levenshtein.distance(read, wanted, score_cutoff=slack)
            if errors <= slack and _numbers(part) == numbers and (best is None or 1 - errors / len(wanted) > best[2]):
                best = (part[0].start, part[-1].end, 1 - errors / len(wanted))
        if best is not None:
            found.append(best)
    return _apart(found)


def _windows(known: Sequence[Token], length: int, slack: int) -> Iterator[Sequence[Token]]:
    """The first tokens that together are about as long as a label: a reader parts and joins words as well."""
    size = 0
    for count, token in enumerate(known, 1):
        size += len(token.text)
        if size > length + slack:
            return
        if size >= length - slack:
            yield known[:count]


def alike(label: str, text: str) -> float:
    """How alike a label and a whole text are, 0…1; 0 when the label has a number and the text another one."""
    if _numbers(tokens(label)) not in ([], _numbers(tokens(text))):
        return 0.0
    return Levenshtein.normalized_similarity(joined(label), joined(text))


def _numbers(part: Sequence[Token]) -> list[str]:
    """The numbers of a label: № 1 is never № 2."""
    return [token.text for token in part if token.text.isdigit()]


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
    for _, group in groupby(sightings(labels, segments), key=lambda hit: id(hit.segment)):
        mine: list[Hit] = []
        for hit in sorted(group, key=lambda hit: -len(_pattern(hit.label)[0]) * hit.quality**3):
            if not any(hit.start < other.end and other.start < hit.end for other in mine):
                mine.append(hit)
        found += sorted(mine, key=lambda hit: hit.start)
    later = {id(segment) for hit in found for segment in hit.tail}
    return [hit for hit in found if id(hit.segment) not in later]


def sightings(labels: Iterable[str], segments: Iterable[Segment]) -> Iterator[Hit]:
    """Every place of every label, segment by segment, also where they overlap."""
    wanted = sorted(set(labels))
    every = tuple(segments)
    rows: dict[int, list[Segment]] = {}
    for segment in every:
        rows.setdefault(segment.row, []).append(segment)
    for segment in every:
        stack = _stack(segment, rows)
        here = joined(segment.text)
        around = "".join(joined(one.text) for one in stack)
        for label in wanted:
            if may_hold(label, here):
                yield from _plain(label, segment)
            if len(stack) > 1 and may_hold(label, around):
                yield from _wrapped(label, stack)


def _plain(label: str, segment: Segment) -> Iterable[Hit]:
    for start, end, quality in match(label, segment.text):
        first = opens(segment.text[:start])
        if not telling(label) and re.match(r"[.,)]?\d", segment.text[end:]):
            continue  # 10. begins a date here, not field 10
        if re.search(r"\w-$", segment.text[:start]):
            continue  # the end of a compound word
        if telling(label) or not any(sign.isalnum() for sign in segment.text[:start]):
            yield Hit(segment, start, end, quality, label, first)


def _stack(segment: Segment, rows: Mapping[int, Sequence[Segment]]) -> list[Segment]:
    """The run and up to three runs set flush right under it."""
    stack = [segment]
    for row in range(segment.row + 1, segment.row + 8):
        last = stack[-1]
        flush = [s for s in rows.get(row, ()) if abs(_left(s) - _left(last)) < 0.7 * last.height]
        if flush and flush[0].box.y1 - last.box.y2 < 1.4 * last.height:
            stack.append(flush[0])
        if len(stack) == 4:
            break
    return stack


def _left(segment: Segment) -> float:
    """Where the text of a run begins, after a number or a bullet."""
    first = segment.words[0]
    if first.text[:1].isalpha():
        return first.box.x1
    return next((w.box.x1 for w in segment.words if any(c.isalpha() for c in w.text)), first.box.x1)


def opens(text: str) -> bool:
    """Whether nothing but numbers and signs leads up to a place in a run."""
    return not any(sign.isalpha() for sign in text)


def _wrapped(label: str, stack: Sequence[Segment]) -> Iterable[Hit]:
    """A label of several words that opens the first line of the stack and ends a later one."""
    size = _pattern(label)[1]
    found: list[Hit] = []
    for lines in range(2, len(stack) + 1) if size >= 2 else ():
        text = " ".join(segment.text for segment in stack[:lines])
        ends = len(text.rstrip(" :.*"))
        for start, end, quality in match(label, text):
            if (
                start < len(stack[0].text)
                and opens(text[:start])
                and end > len(text) - len(stack[lines - 1].text)
                and end >= ends - 1
            ):
                found.append(Hit(stack[0], start, len(stack[0].text), quality, label, True, tuple(stack[1:lines])))
    return sorted(found, key=lambda hit: -hit.quality)[:1]


def telling(label: str) -> bool:
    """Whether a label is recognisable in the middle of a run; numbers and single letters are not."""
    return sum(sign.isalpha() for sign in label) >= (2 if "/" in label else 3)
