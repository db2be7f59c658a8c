"""Amounts in words, Russian and English: from words to a number and back.

The way back is num2words. The way here is ours because the library has none, and because a reading errs: a word one
letter away from exactly one numeral counts as it, and the result says so.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

_UNITS = {
    "ноль": 0, "один": 1, "одна": 1, "одну": 1, "одного": 1, "одной": 1, "два": 2, "две": 2, "двух": 2, "три": 3,
    "трех": 3, "четыре": 4, "пять": 5, "шесть": 6, "семь": 7, "восемь": 8, "девять": 9, "десять": 10,
    "одиннадцать": 11, "двенадцать": 12, "тринадцать": 13, "четырнадцать": 14, "пятнадцать": 15, "шестнадцать": 16,
    "семнадцать": 17, "восемнадцать": 18, "девятнадцать": 19, "двадцать": 20, "тридцать": 30, "сорок": 40,
    "пятьдесят": 50, "шестьдесят": 60, "семьдесят": 70, "восемьдесят": 80, "девяносто": 90, "сто": 100, "двести": 200,
    "триста": 300, "четыреста": 400, "пятьсот": 500, "шестьсот": 600, "семьсот": 700, "восемьсот": 800,
    "девятьсот": 900, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {
    "тысяча": 10**3, "тысячи": 10**3, "тысяч": 10**3, "тысячу": 10**3, "миллион": 10**6, "миллиона": 10**6,
    "миллионов": 10**6, "миллиард": 10**9, "миллиарда": 10**9, "миллиардов": 10**9, "триллион": 10**12,
    "триллиона": 10**12, "триллионов": 10**12, "thousand": 10**3, "million": 10**6, "billion": 10**9,
}  # fmt: skip
#: A thousand is said without its one; thousands are not.
_ALONE = {"тысяча", "тысячу", "миллион", "миллиард", "триллион", "thousand", "million", "billion"}
_WHOLE = {
    "рубль", "рубля", "рублей", "руб", "р", "dollar", "dollars", "euro", "euros", "pound", "pounds", "российских",
    "российский", "us",
}  # fmt: skip
_PARTS = {
    "копейка", "копейки", "копеек", "коп", "к", "cent", "cents", "penny", "pence",
}  # fmt: skip
_JOINERS = {"and", "и"}
_HUNDRED = "hundred"
_VOCABULARY = {*_UNITS, *_SCALES, *_WHOLE, *_PARTS, _HUNDRED}


@dataclass(frozen=True, slots=True)
class Spoken:
    """An amount read from words; `exact` is false when a misspelt word was taken for its only neighbour."""

    amount: Decimal
    exact: bool


def parse(text: str) -> Spoken | None:
    """The amount that a phrase names, or None when it is not one from its first word to its currency."""
    tokens = re.findall(r"[^\W\d_]+|\d+", text.casefold().replace("ё", "е"))
    known = [word for token in tokens for word in _parted(_known(token))]
    exact = known == tokens
    whole, rest = _take(known, _WHOLE)
    if whole is None:
        return None
    parts, _ = _take(rest, _PARTS)
    if parts is None and len(rest) == 1 and rest[0].isdigit() and len(rest[0]) == 2:
        parts = int(rest[0])  # the word for hundredths was cut off
    if parts is not None and parts >= 100:
        return None
    return Spoken(Decimal(whole) + Decimal(parts or 0) / 100, exact)


def _take(tokens: list[str], ends: set[str]) -> tuple[int | None, list[str]]:
    """The number before the first of `ends` (or before the end of a text without any), and what follows."""
    place = next((index for index, token in enumerate(tokens) if token in ends), len(tokens))
    if place == len(tokens) and ends is not _WHOLE:
        return None, []
    return _number(tokens[:place]), [token for token in tokens[place + 1 :] if token not in _WHOLE]


def _number(tokens: list[str]) -> int | None:
    """The whole number that all these words name together, or None."""
    total = current = 0
    seen = False
    for token in tokens:
        if token in _JOINERS and seen:
            continue
        value = int(token) if token.isdigit() else _UNITS.get(token)
        if value is not None:
            current += value
        elif token == _HUNDRED and seen:
            current *= 100
        elif token in _SCALES and (current or token in _ALONE):
            total, current = total + max(current, 1) * _SCALES[token], 0
        else:
            return None
        seen = True
    return total + current if seen else None


@cache
def _known(token: str) -> str:
    """The numeral or currency word that `token` is, or misspells by one letter in no other way; else itself."""
    if token in _VOCABULARY or token.isdigit() or len(token) < 4:
        return token
    from rapidfuzz.distance import Levenshtein

    near = [word for word in _VOCABULARY if Levenshtein.distance(token, word, score_cutoff=1) <= 1]
    meanings = {_UNITS.get(word, _SCALES.get(word, word)) for word in near}
    return near[0] if len(meanings) == 1 else token


@cache
def _parted(token: str) -> tuple[str, ...]:
    """The two words that ran together into one, if it is that; else the token alone."""
    if token in _VOCABULARY:
        return (token,)
    parts = [(token[:place], token[place:]) for place in range(3, len(token) - 2)]
    return next((pair for pair in parts if set(pair) <= _VOCABULARY), (token,))


def names_currency(text: str) -> bool:
    """Whether a currency is named in words or shortened."""
    return any(word in _WHOLE for word in re.findall(r"[^\W\d_]+", text.casefold()))


def spell(amount: Decimal, language: str) -> str:
    """The amount in words as it should stand: whole units, then hundredths in digits."""
    from num2words import num2words

    whole = num2words(int(amount), lang=language)
    return f"{whole} {int(amount * 100) % 100:02d}/100"
