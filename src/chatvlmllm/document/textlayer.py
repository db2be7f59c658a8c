"""The text that a PDF page carries beside its picture, and whether it may be believed.

Pure: `pdf` takes the characters out of a file, this module groups and judges them. Does not cover reading order: the
order is the file's own.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chatvlmllm.geometry import Box, union


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character of a text layer; white space has no box."""

    char: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class LayerWord:
    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class TextLayer:
    """Lines of words in page pixels. `doubt` is the reason not to trust it; None means trusted."""

    lines: tuple[tuple[LayerWord, ...], ...]
    doubt: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


def assemble(glyphs: Iterable[Glyph]) -> tuple[tuple[LayerWord, ...], ...]:
    """Group characters into words at white space and into lines at line ends; empty ones are dropped."""
    lines: list[tuple[LayerWord, ...]] = []
    line: list[LayerWord] = []
    word: list[Glyph] = []
    for glyph in glyphs:
        if glyph.char.isspace() or glyph.char == "\x00":
            line += _word(word)
            word = []
            if glyph.char in "\r\n" and line:
                lines.append(tuple(line))
                line = []
        else:
            word.append(glyph)
    line += _word(word)
    return (*lines, tuple(line)) if line else tuple(lines)


def _word(glyphs: Sequence[Glyph]) -> list[LayerWord]:
    boxes = [glyph.box for glyph in glyphs if glyph.box is not None]
    if not boxes:
        return []
    # PDFium reports a hyphen that was put in at a line end as U+0002 (or U+FFFE in older files).
    text = "".join("-" if glyph.char in "\x02\ufffe" else glyph.char for glyph in glyphs)
    return [LayerWord(unicodedata.normalize("NFC", text), union(boxes))]


#: Shares of letters above which a layer is called garbled. A layer is either fine (near 0) or broken (near 1) in
#: practice, so the exact values matter little.
_UNREADABLE_SHARE = 0.05
_MOJIBAKE_SHARE = 0.30


def doubt(text: str, picture_share: float) -> str | None:
    """Why a layer with this `text` is not to be trusted, or None.

    `picture_share` is the part of the page (0…1) that is covered by pictures: a page that is one big picture is a
    scan, and its text was put there by some recogniser of unknown quality.
    """
    letters = [c for c in text if not c.isspace()]
    if not letters:
        return "empty"
    unreadable = sum(_unreadable(c) for c in letters) / len(letters)
    if unreadable > _UNREADABLE_SHARE:
        return "unreadable_characters"
    if _mojibake_share(text) > _MOJIBAKE_SHARE:
        return "wrong_encoding"
    if picture_share > 0.5:
        return "scan_with_hidden_text"
    return None


def _unreadable(char: str) -> bool:
    """Replacement, private-use, unassigned and control characters carry no text."""
    return char == "\ufffd" or unicodedata.category(char) in ("Co", "Cn", "Cc", "Cs")


def _mojibake_share(text: str) -> float:
    """Share of words that look like Cyrillic shown through a Latin code page ("Ïðèâåò").

    In every language that uses U+00C0…U+00FF such letters are the minority of a word of four letters or more.
    """
    words = [w for w in text.split() if sum(c.isalpha() for c in w) >= 4]
    if not words:
        return 0.0
    strange = sum(sum("\xa8" <= c <= "\xff" for c in word) > 0.6 * len(word) for word in words)
    return strange / len(words)
