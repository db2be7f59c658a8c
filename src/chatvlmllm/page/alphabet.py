"""One word, one alphabet: letters that print alike in Cyrillic and Latin follow the letters around them.

The network sees about ten letters to each side and is usually right by itself; what is left over are words such as
"НOМЕ", half in one alphabet and half in the other. Covers: words whose other letters, or whose line, say which
alphabet is meant. Does not cover: codes with digits in them, words of look-alikes only in a line of look-alikes only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_CYRILLIC = "АВЕКМНОРСТХУасеорхуіІјЈѕЅһҺ"
_LATIN = "ABEKMHOPCTXYaceopxyiIjJsShH"
_TO_LATIN = dict(zip(_CYRILLIC, _LATIN, strict=True))
_TO_CYRILLIC = {latin: cyrillic for cyrillic, latin in reversed(_TO_LATIN.items())}
_WORD = re.compile(r"[^\W\d_]+")
_UNSURE = 0.8
"""Below this mean confidence a word of look-alikes follows the clear words of its line."""


def settle(text: str, confidences: Sequence[float]) -> str:
    """The text with look-alike letters in the alphabet of their word; one character stays one character.

    A word with letters that only one alphabet has takes that alphabet. A word of look-alikes only takes the alphabet of
    most of its letters, or that of the line when all clear words there agree and the reader was unsure of it or the
    line is Latin. What follows a backslash is a command of a markup language, and these are Latin.
    """
    words = [m for m in _WORD.finditer(text) if not _in_code(text, m)]
    sides = [side for m in words if (side := _side(m.group())) is not None]
    clear = set(sides)
    # Latin names stand in Russian lines, Russian words hardly ever in Latin ones.
    foreign = clear == {"latin"} and len(sides) > 1
    out = list(text)
    for match in words:
        word = match.group()
        side = _side(word)
        if side is None and text[: match.start()].endswith("\\"):
            side = "latin"
        if side is None and len(word) > 1 and not any(_only(c) for c in word):
            mean = sum(confidences[match.start() : match.end()]) / len(word)
            follows = foreign or (mean < _UNSURE and len(clear) == 1)
            side = next(iter(clear)) if follows else _majority(word)
        if side is not None:
            table = _TO_LATIN if side == "latin" else _TO_CYRILLIC
            out[match.start() : match.end()] = [table.get(c, c) for c in word]
    return "".join(out)


def _in_code(text: str, match: re.Match[str]) -> bool:
    """True if the word touches a digit, as in a number plate or a part number."""
    around = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
    return any(c.isdigit() for c in around)


def _only(letter: str) -> str | None:
    """The alphabet of a letter that has no twin in the other."""
    if letter in _TO_LATIN or letter in _TO_CYRILLIC:
        return None
    if "\u0400" <= letter <= "\u04ff":
        return "cyrillic"
    return "latin" if letter < "\u0250" else None


def _side(word: str) -> str | None:
    """The only alphabet that has all clear letters of a word; None if there are none or they disagree."""
    sides = {side for c in word if (side := _only(c))}
    return next(iter(sides)) if len(sides) == 1 else None


def _majority(word: str) -> str:
    cyrillic = sum(c in _TO_LATIN for c in word)
    return "cyrillic" if 2 * cyrillic > len(word) else "latin"
