"""HTML as models write it, split into tags and text.

Only the names in `KNOWN` make a tag: `<ФИО>`, `a < b` and `<n>` on a page stay text, which `html.parser` would swallow.
Comments vanish, entities are decoded. Nothing here judges nesting, and nothing of the result is safe to show as HTML.
Linear time for any input.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_KNOWN = """
a abbr address article aside b big blockquote body br button caption center code col colgroup dd del details div dl
dt em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i img input ins kbd label legend
li link main mark math meta nav ol option p pre q s samp script section select small span strike strong style sub
summary sup svg table tbody td textarea tfoot th thead title tr tt u ul var
"""
_BLOCKS = """
address article aside blockquote body center dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header
html li main nav ol p pre section summary ul
"""
KNOWN = frozenset(_KNOWN.split())
#: Elements that stand on lines of their own; tables, which are read by `table`, are not among them.
BLOCKS = frozenset(_BLOCKS.split())
_BREAKS = BLOCKS | {"br", "hr", "td", "th", "tr"}

_NAMES = "|".join(sorted(KNOWN, key=len, reverse=True))
_TAG = re.compile(rf"(<!--)|<!DOCTYPE[^<>]*>|<(/?)({_NAMES})(?=[\s/>])([^<>]*)>", re.IGNORECASE)
_OPEN_END = re.compile(rf"<(?:!--.*|!?|/?(?:{_NAMES})(?:[\s/][^<>]*)?|/)\Z", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(r"""([A-Za-z_:][\w:.-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=]+)))?""")
_SPACES = re.compile(r"[ \t\r\f]+")


@dataclass(frozen=True, slots=True)
class Tag:
    """`name` in lower case; `start` and `end` are its place in the source."""

    name: str
    closing: bool
    start: int
    end: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    def opens(self, *names: str) -> bool:
        return not self.closing and self.name in names

    def closes(self, *names: str) -> bool:
        return self.closing and self.name in names


@dataclass(frozen=True, slots=True)
class Text:
    """Characters between tags, entities decoded."""

    text: str


Piece = Tag | Text


def pieces(source: str) -> Iterator[Piece]:
    """The tags and texts of `source` in order; a comment without an end is text."""
    at = look = 0
    last_comment = source.rfind("-->")
    while (found := _TAG.search(source, look)) is not None:
        start, look = found.span()
        if found[1]:
            if look > last_comment:
                continue
            look = source.index("-->", look) + 3
        if start > at:
            yield Text(html.unescape(source[at:start]))
        at = look
        if found[3]:
            attributes = {} if found[2] else _attributes(found[4])
            yield Tag(found[3].lower(), bool(found[2]), start, at, attributes)
    if at < len(source):
        yield Text(html.unescape(source[at:]))


def trim(source: str) -> str:
    """`source` without a tag that was cut off at its end."""
    last = source.rfind("<", max(0, len(source) - 2000))
    return source[:last] if last >= 0 and _OPEN_END.match(source, last) else source


def plain(parts: Iterable[Piece]) -> str:
    """What a reader sees: tags gone, breaks and blocks on lines of their own, runs of blanks as one."""
    text: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            text.append(part.text.replace("\n", " "))
        elif part.name in _BREAKS:
            text.append("\n")
    lines = (_SPACES.sub(" ", line).strip() for line in "".join(text).split("\n"))
    return "\n".join(line for line in lines if line)


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), html.unescape(double or single or bare))
    return found
