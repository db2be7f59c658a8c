"""What counts as the same text before it is compared.

The rules, in this order; each can be switched off, the defaults are marked:

1. `form` (NFC): Unicode composition, so that й is one character however it was typed. Always NFC, never NFKC: ²
   stays different from 2, № from No.
2. Soft hyphens, zero-width signs and byte-order marks are dropped (always); every kind of space, tab, no-break
   space and line break is one space, runs are collapsed and the ends trimmed (always).
3. `marks` (on): typographic variants of one sign are unified: quotation marks « » „ “ ” ‘ ’ to " and ', dashes
   – — − ‐ ‑ to -, the ellipsis … to three dots. OCR engines differ here by taste, not by error.
4. `yo` (off): ё → е.
5. `case` (off): case folded.
6. `punctuation` (off): everything that is neither letter nor digit nor space is dropped.

Look-alike letters of two alphabets (Latin A, Cyrillic А) stay different: confusing them is an error.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_DROPPED = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f"))
_MARKS = str.maketrans(
    {**dict.fromkeys("«»„“”‟″", '"'), **dict.fromkeys("‘’‚‛′`", "'"), **dict.fromkeys("–—−‐‑‒―", "-"), "…": "..."}
)


@dataclass(frozen=True)
class Rules:
    """Switches of the normalisation; the defaults are what reports use unless they say otherwise."""

    marks: bool = True
    yo: bool = False
    case: bool = False
    punctuation: bool = False


DEFAULT = Rules()
EXACT = Rules(marks=False)
LOOSE = Rules(marks=True, yo=True, case=True, punctuation=True)


def text(raw: str, rules: Rules = DEFAULT) -> str:
    """Normalise a text to one line by the rules above."""
    return " ".join(_signs(raw, rules).split())


def lines(raw: str, rules: Rules = DEFAULT) -> list[str]:
    """Normalise each line by itself; empty lines vanish."""
    found = (" ".join(line.split()) for line in _signs(raw, rules).splitlines())
    return [line for line in found if line]


def words(raw: str, rules: Rules = DEFAULT) -> list[str]:
    """Words of the normalised text: what stands between spaces."""
    return _signs(raw, rules).split()


def _signs(raw: str, rules: Rules) -> str:
    found = unicodedata.normalize("NFC", raw).translate(_DROPPED)
    if rules.marks:
        found = found.translate(_MARKS)
    if rules.yo:
        found = found.replace("ё", "е").replace("Ё", "Е")
    if rules.case:
        found = found.casefold()
    if rules.punctuation:
        found = "".join(sign if sign.isalnum() or sign.isspace() else " " for sign in found)
    return found
