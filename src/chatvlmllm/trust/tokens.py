"""Words of a text as the witness compares them: where they stand, and a key that forgets what does not matter.

A key forgets case, ё, accents and the script of look-alike letters: О and O look the same on paper, so neither
reader can be blamed for the difference here (`scripts` blames it). Digits are never forgotten. Markup of Markdown,
HTML and LaTeX is no text.
"""

import re
import unicodedata
from dataclasses import dataclass

from chatvlmllm.trust.lexicon import LEXICON

#: Latin letters and the Cyrillic ones that are drawn alike. Upper and lower case differ: Latin B looks like В, b does
#: not. Source: the letter shapes of ordinary text fonts.
LATIN_TO_CYRILLIC: dict[str, str] = dict(
    zip(LEXICON["look_alikes"]["latin"], LEXICON["look_alikes"]["cyrillic"], strict=True)
)
CYRILLIC_TO_LATIN = {cyrillic: latin for latin, cyrillic in LATIN_TO_CYRILLIC.items()}

_WORD = re.compile(r"[^\W_]+")
_MARKUP = re.compile(
    r"<!--.*?-->"  # comments
    r"|</?[A-Za-z][^<>\n]{0,200}>"  # tags of HTML and of special tokens
    r"|&(?:#\d{1,6}|[A-Za-z]{2,8});"  # entities
    r"|!?\[(?=[^\]\n]*\]\()|\]\([^)\s]{0,300}\)"  # brackets and target of a link
    r"|\\[A-Za-z]{2,20}"  # LaTeX commands
    r"|\bN[oо°º]\.?(?=\s*\d)",  # the sign № in other letters
    re.DOTALL,
)
_FOLD = str.maketrans({**{latin: cyrillic.casefold() for latin, cyrillic in LATIN_TO_CYRILLIC.items()}, "ё": "е"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text: characters `start`…`end` of it, and the key it is compared by."""

    text: str
    start: int
    end: int
    key: str

    @property
    def number(self) -> bool:
        """Whether it carries a digit."""
        return any(char.isdigit() for char in self.key)


def tokens(text: str) -> tuple[Token, ...]:
    """Every word of `text` outside markup, in order."""
    return tuple(Token(m[0], m.start(), m.end(), key(m[0])) for m in _WORD.finditer(visible(text)))


def visible(text: str) -> str:
    """`text` with blanks in the place of its markup, so that offsets stay true."""
    return _MARKUP.sub(lambda match: " " * len(match[0]), text)


def key(word: str) -> str:
    """What `word` is compared by; equal keys look alike on paper."""
    # Superscripts go: no recogniser tells м² from м reliably, and neither is a digit of a number.
    plain = "".join(char for char in word if unicodedata.category(char) != "No")
    folded = unicodedata.normalize("NFKC", plain).translate(_FOLD).casefold().translate(_FOLD)
    return "".join(char for char in folded if char.isalnum()) or word
