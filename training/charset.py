"""The characters that the recogniser knows, one class each; class 0 is the CTC blank.

Look-alikes of different scripts (А/A) are different classes: context decides. Look-alikes of one script that print the
same are folded by `fold()` before anything is drawn, trained on or scored.
"""

from __future__ import annotations

import unicodedata

DIGITS = "0123456789"
RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
NATIONAL = {
    "ru": RUSSIAN,
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "kk": "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
}
LATIN = "abcdefghijklmnopqrstuvwxyz"
DIACRITICS = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿąćčďđęěğıłńňőœřśšşťůűźżžāēīūțș"
ASCII_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
MARKS = "«»„“”‘’–—…•·№§°²³¹×÷±≤≥≠≈→←↑↓€£₽₴₸¥¢©®™½¼¾†‰√∞¬☐☑☒✓"
GREEK = "αβγδελμπσφωΔΣΩ"

_FOLDS = str.maketrans({
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2007": " ", "\u00ad": None, "\u2010": "-", "\u2011": "-",
    "\u2212": "–", "µ": "μ", "º": "°", "˚": "°", "‚": ",", "―": "—", "‒": "–", "⋅": "·", "∙": "·", "ţ": "ț",
    "∆": "Δ", "∑": "Σ", "Ω": "Ω", "✔": "✓", "□": "☐", "●": "•",
})  # fmt: skip


def fold(text: str) -> str:
    """NFC text with characters that print alike within a script folded into one, blanks collapsed."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_FOLDS).split())


def charset() -> str:
    """All characters in class order; the character of class k (k ≥ 1) is `charset()[k - 1]`."""
    lower = "".join(dict.fromkeys("".join(NATIONAL.values())))
    letters = lower + lower.upper() + LATIN + LATIN.upper()
    accented = DIACRITICS + "".join(c.upper() for c in DIACRITICS if len(c.upper()) == 1 and c != "ı") + "İß"
    every = " " + DIGITS + letters + accented + ASCII_MARKS + MARKS + GREEK
    return "".join(dict.fromkeys(every))
