"""Words that mix Cyrillic with Latin look-alikes, or letters with digits that look like them.

Such a word looks right on paper and is wrong for every search and every check. All are found and counted; a repair is
offered only where one reading is possible, because of a letter that only one script has or of the words around it.
Codes, plates and units (А123ВС, 5кг, COVID-19, Wi-Fi) mix on purpose and are left alone. The text is never changed.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from chatvlmllm.reading import Doubt, Repair
from chatvlmllm.trust.lexicon import LEXICON
from chatvlmllm.trust.tokens import CYRILLIC_TO_LATIN, LATIN_TO_CYRILLIC, Token, tokens

_LETTERS = re.compile(r"[^\W\d_]+")
#: Digits that are misread letters: drawn alike in ordinary text fonts.
_DIGIT_TO_LETTER: dict[str, str] = LEXICON["digits"]
#: A digit between letters is a slip only in a word of at least this many letters; shorter ones are codes.
_WORD_LETTERS = 4
#: How many words on each side are asked which script the line is in.
_NEIGHBOURS = 3
#: Russian words of Latin-looking letters only.
_ALIKE_WORDS = frozenset(LEXICON["words"]["alike"].split())


def suspicious(text: str) -> tuple[tuple[Doubt, ...], tuple[Repair, ...]]:
    """Every suspicious word of `text`, and the repairs that are certain."""
    words = tokens(text)
    own = {word.text.lower() for word in words}
    doubts, repairs = [], []
    for index, word in enumerate(words):
        for code, find in _RULES:
            if found := find(words, index, own):
                reason, repaired = found
                doubts.append(Doubt(word.start, word.end, code, word.text))
                if reason and repaired != word.text:
                    repairs.append(Repair(word.start, word.end, word.text, repaired, reason))
                break
    return tuple(doubts), tuple(repairs)


def repaired(text: str, repairs: Iterable[Repair]) -> str:
    """A copy of `text` with the repairs applied; those that do not fit it are left out."""
    for repair in sorted(repairs, key=lambda repair: repair.start, reverse=True):
        if text[repair.start : repair.end] == repair.raw:
            text = text[: repair.start] + repair.repaired + text[repair.end :]
    return text


def reverted(text: str, repairs: Iterable[Repair]) -> str:
    """What `repaired` was given, from what it returned: every repair can be taken back."""
    for repair in sorted(repairs, key=lambda repair: repair.start):
        # Places before this one hold their raw words again, so they are where the repair says.
        start = repair.start
        text = text[:start] + repair.raw + text[start + len(repair.repaired) :]
    return text


#: A rule's answer: the reason for a repair ("" when nothing is certain) and the word repaired.
_Answer = tuple[str, str] | None


def _mixed(words: Sequence[Token], index: int, _own: set[str]) -> _Answer:
    """Letters of both scripts in one run of letters."""
    word = words[index].text
    run = max(_LETTERS.findall(word), key=len, default="")
    cyrillic, latin = [c for c in run if _is(c, "CYRILLIC")], [c for c in run if _is(c, "LATIN")]
    if not cyrillic or not latin:
        return None
    to_cyrillic = all(char in LATIN_TO_CYRILLIC for char in latin)
    to_latin = all(char in CYRILLIC_TO_LATIN for char in cyrillic)
    if any(char.isdigit() for char in word) or not (to_cyrillic or to_latin):
        return "", word
    if to_cyrillic and not to_latin:
        return "only_cyrillic_fits", _in_cyrillic(word)
    if to_latin and not to_cyrillic:
        return "only_latin_fits", _in_latin(word)
    script = _around(words, index)
    if script == "CYRILLIC":
        return "neighbours", _in_cyrillic(word)
    return ("neighbours", _in_latin(word)) if script == "LATIN" else ("", word)


def _disguised(words: Sequence[Token], index: int, own: set[str]) -> _Answer:
    """A Russian word written in Latin look-alikes from its first letter to its last."""
    word = words[index].text
    if not word.isalpha() or not all(char in LATIN_TO_CYRILLIC for char in word):
        return None
    russian = _in_cyrillic(word)
    if _around(words, index) != "CYRILLIC" or russian.lower() not in _ALIKE_WORDS | own:
        return None
    return "neighbours", russian


def _digit(_words: Sequence[Token], index: int, own: set[str]) -> _Answer:
    """A digit between the letters of a Russian word, or before them when the page has the word without it."""
    word = _words[index].text
    letters = [char for char in word if char.isalpha()]
    digits = [char for char in word if char.isdigit()]
    slips = all(char in _DIGIT_TO_LETTER for char in digits) and 0 < len(digits) <= 2
    if not slips or len(letters) < _WORD_LETTERS or not all(_is(char, "CYRILLIC") for char in letters):
        return None
    russian = "".join(_like(_DIGIT_TO_LETTER.get(char, char), letters) for char in word)
    if russian.lower() in own:
        return "same_word_on_page", russian
    if not re.fullmatch(r"[^\W\d_]+(?:\d[^\W\d_]+)+", word):
        return None
    lower = [char for char in letters if char.islower()]
    return ("inside_word" if len(lower) >= _WORD_LETTERS - 1 else ""), russian


_RULES: tuple[tuple[str, Callable[[Sequence[Token], int, set[str]], _Answer]], ...] = (
    ("mixed_script", _mixed),
    ("latin_for_cyrillic", _disguised),
    ("digit_in_word", _digit),
)


def _is(char: str, script: str) -> bool:
    return unicodedata.name(char, "").startswith(script)


def _like(char: str, letters: Sequence[str]) -> str:
    """In capitals if the word is."""
    return char.upper() if all(letter.isupper() for letter in letters) else char


def _in_cyrillic(word: str) -> str:
    return "".join(LATIN_TO_CYRILLIC.get(char, char) for char in word)


def _in_latin(word: str) -> str:
    return "".join(CYRILLIC_TO_LATIN.get(char, char) for char in word)


def _around(words: Sequence[Token], index: int) -> str:
    """The script of the unambiguous words beside this one, "" when they are of both or of none."""
    beside = [*words[max(0, index - _NEIGHBOURS) : index], *words[index + 1 : index + 1 + _NEIGHBOURS]]
    seen = set()
    for word in beside:
        scripts = {name for name in ("CYRILLIC", "LATIN") for char in word.text if _is(char, name)}
        alike = all(char in LATIN_TO_CYRILLIC or char in CYRILLIC_TO_LATIN for char in word.text)
        if len(scripts) == 1 and not alike:
            seen |= scripts
    return seen.pop() if len(seen) == 1 else ""
