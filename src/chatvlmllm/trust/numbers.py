"""Numbers, dates, sums and identifiers of a reading that the second witness reads otherwise.

A digit is compared strictly, as nothing in the words around it would show the mistake. A place where the witness reads
no similar digits at all is no contradiction: it proves that the witness did not see, not that the reading is wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz.distance import Levenshtein

from chatvlmllm.trust.lexicon import LEXICON

if TYPE_CHECKING:
    from chatvlmllm.trust.witness import Comparison

_DIGIT = re.compile(r"\d")
_DATE = re.compile(r"\d{1,2}[.\-/]\d{1,2}[.\-/](?:\d{4}|\d{2})|\d{4}-\d{2}-\d{2}")
_SUM = re.compile(r"\d[.,]\d\d$")
_IDENTIFIER_DIGITS = 8

#: Letters that are drawn like digits. They decide nothing about a word that has letters of its own: 2б or 26 is for
#: the script guard, not for the diff of numbers.
_LIKE_DIGITS = str.maketrans(LEXICON["folded"]["letters"], LEXICON["folded"]["digits"])
#: One sign between digits joins them to one number: 12.03.2024, 1,5, 10/2.
_SIGN = re.compile(r"[.,:/\-\u2013\u2212]?")
_THOUSANDS = 3


@dataclass(frozen=True, slots=True)
class NumberDiff:
    """Characters `start`…`end` of the reading are a number of `kind`; its word `token` is read as `seen` instead.

    `kind` is one of number, date, sum, identifier.
    """

    kind: str
    start: int
    end: int
    token: int
    seen: str


def differing(comparison: "Comparison") -> Iterator[NumberDiff]:
    """Every word with digits at whose place the witness reads other digits, or nothing although it reads around it."""
    echo = comparison.alignment.echo
    for index, token in enumerate(comparison.tokens):
        if token.number and not agrees(token.key, echo[index]) and comparison.place(index):
            start, end = _whole(comparison, index)
            yield NumberDiff(kind(comparison.text[start:end]), start, end, index, echo[index])


def unseen(comparison: "Comparison") -> int:
    """How many words with digits the witness has nothing of and nothing around."""
    return sum(
        token.number and not agrees(token.key, comparison.alignment.echo[index]) and not comparison.place(index)
        for index, token in enumerate(comparison.tokens)
    )


def agrees(key: str, seen: str) -> bool:
    """Whether both say the same digits, as far as letters drawn like digits allow to tell."""
    if key == seen:
        return True
    return not key.isdecimal() and _folded(key) == _folded(seen)


def same(before: str, seen: str) -> bool:
    """Whether two looks read the same digits, be it that one of them took a digit for the letter drawn like it."""
    return before == seen or (bool(seen) and _folded(before) == _folded(seen))


def contradicts(key: str, seen: str) -> bool:
    """Whether these are the digits of one number, read differently.

    That is: as many digits, half of them right; or one digit more or less of at least three.
    """
    mine, other = _digits(key), _digits(seen)
    if not key.isdecimal() and _folded(key).isdecimal():
        # A label such as 2б, which the witness reads 26: its digit is compared, its letter is not.
        key, seen = _folded(key), _folded(seen)
        mine, other = _digits(key), _digits(seen)
    same_letters = _DIGIT.sub("", key) == _DIGIT.sub("", seen)
    if mine == other or not other or not (same_letters or len(seen) - len(other) <= len(other) / 2):
        return False
    distance = Levenshtein.distance(mine, other)
    return distance <= max(1, len(mine) // 2) if len(mine) == len(other) else distance == 1 and len(mine) > 2


def kind(number: str) -> str:
    """What sort of number a whole expression is."""
    if _DATE.search(number):
        return "date"
    if _SUM.search(number):
        return "sum"
    return "identifier" if len(_digits(number)) >= _IDENTIFIER_DIGITS else "number"


def _whole(comparison: "Comparison", index: int) -> tuple[int, int]:
    """The expression around a word with digits: 234 in "1 234,56" belongs to the whole of it."""
    tokens, text = comparison.tokens, comparison.text

    def joined(left: int, right: int) -> bool:
        between, before, after = text[tokens[left].end : tokens[right].start], tokens[left].key, tokens[right].key
        if not (before.isdecimal() and after.isdecimal()):
            return False
        # A blank joins thousands only: the next cell of a table stands behind a blank too.
        thousands = len(between) == 1 and between.isspace() and len(after) == _THOUSANDS >= len(before)
        return thousands or bool(_SIGN.fullmatch(between))

    first = last = index
    while first > 0 and joined(first - 1, first):
        first -= 1
    while last + 1 < len(tokens) and joined(last, last + 1):
        last += 1
    return tokens[first].start, tokens[last].end


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _folded(text: str) -> str:
    return text.translate(_LIKE_DIGITS)
