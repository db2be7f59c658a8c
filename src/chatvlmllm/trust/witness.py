"""The second witness: a reading is compared with what an engine that cannot invent reads on the same page.

`compare` lays one look of a witness over a reading; what it finds suspicious is worth a closer look (`looks`), and
`examine` decides what stands. How the thresholds were fitted: docs/trust.md.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Word
from chatvlmllm.trust.align import Alignment, align
from chatvlmllm.trust.tokens import Token, tokens

#: A word that has less of its letters supported than this is not supported.
SUPPORTED = 0.5
_ANY = str.maketrans("123456789", "000000000")
#: A word of the witness with no more letters than this is looked at together with its neighbours.
_SHORT = 3
#: Words further apart than this many heights are not shown together.
_FAR = 12.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reading's `text` and its words, beside the witness's `words`; `owner[j]` is the word that `others[j]` is of."""

    text: str
    tokens: tuple[Token, ...]
    words: tuple[Word, ...]
    others: tuple[Token, ...]
    owner: tuple[int, ...]
    alignment: Alignment

    def box(self, chosen: Sequence[int]) -> Box | None:
        """Where the witness's words stand."""
        return union([self.words[self.owner[j]].box for j in chosen]) if chosen else None

    def place(self, token: int) -> tuple[int, ...]:
        """The witness's words where a word of the reading stands; with those beside it where it is short or has none.

        Empty when it has none and its neighbours do not stand on one line either: then nobody knows where to look.
        """
        own = tuple(dict.fromkeys(self.owner[j] for j in self.alignment.partners[token]))
        if sum(len(self.words[index].text) for index in own) > _SHORT:
            return own
        left, right = self._neighbour(token, -1), self._neighbour(token, 1)
        if own:
            near = (left if self._level(left, own[0]) else (), own, right if self._level(own[-1], right) else ())
            return tuple(dict.fromkeys(index for part in near for index in _many(part)))
        return (left, right) if left is not None and right is not None and self._level(left, right) else ()

    def _neighbour(self, token: int, step: int) -> int | None:
        """The witness's word for the word before (-1) or after (1) a word of the reading."""
        index = token + step
        if not 0 <= index < len(self.tokens) or not self.alignment.partners[index]:
            return None
        return self.owner[self.alignment.partners[index][0 if step > 0 else -1]]

    def _level(self, left: int | None, right: int | None) -> bool:
        """Whether two of the witness's words stand on one line, in this order and not far apart."""
        if left is None or right is None:
            return False
        a, b = self.words[left].box, self.words[right].box
        near = -a.width <= b.x1 - a.x2 < _FAR * max(a.height, b.height)
        return abs(a.y1 + a.y2 - b.y1 - b.y2) < min(a.height, b.height) and b.x2 > a.x1 and near

    def beside(self, token: int) -> tuple[int, int]:
        """The reading's words (first, one past the last) that stand in the same words of the witness as `token`."""
        place = set(self.place(token))

        def there(i: int) -> bool:
            return any(self.owner[j] in place for j in self.alignment.partners[i])

        first = last = token
        while first > 0 and there(first - 1):
            first -= 1
        while last + 1 < len(self.tokens) and there(last + 1):
            last += 1
        return first, last + 1

    def seen(self, chosen: Sequence[int]) -> str:
        """The witness's words as it wrote them."""
        return " ".join(self.words[n].text for n in dict.fromkeys(self.owner[j] for j in chosen))


@dataclass(frozen=True, slots=True)
class Span:
    """Words `first`…`last` (exclusive) in a row, of the reading or of the witness, that the other side lacks."""

    first: int
    last: int
    letters: int


def compare(text: str, words: Sequence[Word]) -> Comparison:
    """Lay the witness's words over the text of a reading."""
    others: list[Token] = []
    owner: list[int] = []
    for index, word in enumerate(words):
        found = tokens(word.text)
        others += found
        owner += [index] * len(found)
    mine = tokens(text)
    plain = Comparison(text, mine, tuple(words), tuple(others), tuple(owner), align(mine, others))
    return replace(plain, alignment=_paired(plain))


def _paired(comparison: Comparison) -> Alignment:
    """A lone figure that is nowhere on the page, and the one lone figure of the page that is nowhere in the reading and
    stands between the same signs, are each other's partners: labels such as (5) stand apart from all words.
    """
    alignment = comparison.alignment
    mine = [i for i, t in enumerate(comparison.tokens) if t.number and not alignment.partners[i]]
    free = [j for j, t in enumerate(comparison.others) if t.number and alignment.seen[j] == 0]
    partners, echo = list(alignment.partners), list(alignment.echo)
    for i in mine:
        alike = [j for j in free if _shape(comparison, i) == comparison.words[comparison.owner[j]].text.translate(_ANY)]
        if len(alike) == 1 and "(" in _shape(comparison, i):
            partners[i], echo[i] = (alike[0],), comparison.others[alike[0]].key
    return replace(alignment, partners=tuple(partners), echo=tuple(echo))


def _shape(comparison: Comparison, token: int) -> str:
    """A word of the reading with the signs around it, every digit as 0."""
    text, place = comparison.text, comparison.tokens[token]
    before = next((n for n in range(place.start, -1, -1) if n == 0 or text[n - 1].isspace()), 0)
    after = next((n for n in range(place.end, len(text)) if text[n].isspace()), len(text))
    return text[before:after].translate(_ANY)


def unsupported(comparison: Comparison, sure: float) -> list[Span]:
    """Runs of words that the witness has nothing of.

    `letters` counts what the gap on its side leaves unexplained: what it reads there without being `sure` may be these
    words misread, what it is sure of is other text.
    """
    support = comparison.alignment.support
    spans = []
    for first, last in runs([value < SUPPORTED for value in support]):
        letters = sum(_readable(comparison.tokens[i].key) for i in range(first, last))
        spans.append(Span(first, last, max(0, letters - _opposite(comparison, first, last, sure))))
    return spans


def missing(comparison: Comparison, sure: float) -> list[Span]:
    """Runs of the witness's words that the reading has nothing of, as far as the witness is `sure` of them.

    Below that its own words prove nothing missing: a stamp reads as letters too.
    """
    alignment = comparison.alignment
    # A number that is read otherwise is no missing one; a word in the place of another leaves that other missing.
    told = [t.number or value >= SUPPORTED for t, value in zip(comparison.tokens, alignment.support, strict=True)]
    answered = {j for chosen, known in zip(alignment.partners, told, strict=True) if known for j in chosen}
    lacking = [value < SUPPORTED and j not in answered for j, value in enumerate(alignment.seen)]
    spans = []
    for first, last in runs(lacking):
        letters = sum(_readable(comparison.others[j].key) for j in range(first, last))
        words = sum(comparison.others[j].key.isalpha() for j in range(first, last))
        # Lone figures without a word are what a recogniser makes of lines, seals and turned text.
        if words and _sure(comparison, range(first, last)) >= sure:
            spans.append(Span(first, last, letters))
    return spans


def runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where `flags` are set in a row: first and one past the last."""
    edges = [i for i, (before, after) in enumerate(pairwise([False, *flags, False])) if before != after]
    yield from zip(edges[::2], edges[1::2], strict=True)


def _many(part: "int | tuple[int, ...] | None") -> tuple[int, ...]:
    return part if isinstance(part, tuple) else () if part is None else (part,)


def _opposite(comparison: Comparison, first: int, last: int, sure: float) -> int:
    """Letters that the witness reads unsurely at the place of a run without their being the run's words."""
    partners = {j for i in range(first, last) for j in comparison.alignment.partners[i]}
    vague = [j for j in partners if comparison.alignment.seen[j] < SUPPORTED and _sure(comparison, [j]) < sure]
    return sum(len(comparison.others[j].key) for j in vague)


def _sure(comparison: Comparison, chosen: Sequence[int]) -> float:
    """Mean confidence of the witness's words, weighted by their letters; an unrated word counts as unsure."""
    total = sum(len(comparison.others[j].key) for j in chosen)
    rated = sum((comparison.words[comparison.owner[j]].confidence or 0) * len(comparison.others[j].key) for j in chosen)
    return rated / total if total else 0.0


def _readable(key: str) -> int:
    """How many characters of a word the witness can be expected to read: its languages are Cyrillic and Latin."""
    return sum(1 for char in key if char.isdigit() or unicodedata.name(char, "").startswith(("LATIN", "CYRILLIC")))
