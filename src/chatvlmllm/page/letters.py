"""What single letters a page may hold: strangers in a Russian text, and words of two cases.

The line network knows six Cyrillic alphabets and most Latin diacritics. On a smudged line of a Russian page it may see
a Kazakh or Ukrainian letter; where the page as a whole is not in such a language, that is a mistake.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from chatvlmllm.page.witness import Said

_RUSSIAN = frozenset(map(chr, range(0x430, 0x450))) | {"ё"}
#: Letters of other alphabets than Russian and plain Latin.
STRANGERS = frozenset(
    letter
    for letter in map(chr, range(0xC0, 0x530))
    if letter.isalpha() and letter.lower() not in _RUSSIAN and letter != "µ"
)
#: A page with so many letters, and at most this share of strangers among them, is Russian or English.
_ENOUGH, _STRANGE = 150, 0.01
#: A word that was read with this confidence means its strangers.
_SURE = 0.9
#: Shorter words may be abbreviations with a conjunction inside.
_CAPITALS = re.compile(r"[А-ЯЁа-яё]{8,}")


def estranged(heard: Sequence[Said]) -> list[int]:
    """Numbers of the lines with doubtful strangers on a page that hardly has any."""
    letters = [letter for said in heard for letter in said.text if letter.isalpha()]
    strange = sum(letter in STRANGERS for letter in letters)
    home = sum(letter.lower() in _RUSSIAN for letter in letters)
    if len(letters) < _ENOUGH or strange > _STRANGE * len(letters) or home < 0.5 * len(letters):
        return []
    return [n for n, said in enumerate(heard) if any(_doubtful(word.text, word.confidence) for word in said.words)]


def _doubtful(text: str, confidence: float) -> bool:
    return confidence < _SURE and not STRANGERS.isdisjoint(text)


def with_one_case(said: Said) -> Said:
    """The same with each of its words in one case."""
    return replace(said, words=tuple(replace(word, text=one_case(word.text)) for word in said.words))


def one_case(text: str) -> str:
    """Russian words of capitals with some small letters between them in capitals throughout: "МИнИСТЕРСТВО".

    Small letters at a word's end are left alone, for they may be meant: "ГОСТов".
    """
    return _CAPITALS.sub(lambda match: _capital(match.group()), text)


def _capital(word: str) -> str:
    capitals = sum(letter.isupper() for letter in word)
    between = word.rstrip("".join({letter for letter in word if letter.islower()}))
    mixed = word[0].isupper() and not between.isupper()
    return word.upper() if mixed and capitals >= 0.7 * len(word) else word
