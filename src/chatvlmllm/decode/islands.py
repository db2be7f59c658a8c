"""Pieces of a Markdown text that are not Markdown: HTML and LaTeX tables, displayed formulas, LaTeX headings, comments.

They may hold empty lines and bars, so they are cut out before Markdown's own rules see the text. Linear time: when the
end of one sort of piece has been sought in vain, it is not sought again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from chatvlmllm.decode import latex

Sort = Literal["text", "html_table", "latex_table", "formula", "heading", "comment"]

_START = re.compile(
    r"(?P<html_table><table(?=[\s>]))"
    r"|\\begin\{(?P<environment>tabular[xy*]?|longtable|tblr|table\*?|array|equation\*?|align(?:ed)?\*?|gather\*?|multline\*?|cases)\}"
    r"|(?P<heading>\\(?P<rank>title|chapter|(?:sub)*section)\*?\{)"
    r"|(?P<comment><!--)"
    r"|^[ \t]*(?P<formula>\$\$|(?<!\\)\\\[)",
    re.IGNORECASE | re.MULTILINE,
)
_TABLE_TAG = re.compile(r"<(/?)table(?=[\s>])[^<>]*>", re.IGNORECASE)
_TABLES = ("tabular", "tabularx", "tabulary", "tabular*", "longtable", "tblr", "table", "table*")
#: Braces that stay open for longer do not hold a heading.
_LONGEST_HEADING = 500
_LINE_REST = re.compile(r"[ \t.,;]*(?:\(?\d+(?:\.\d+)*\)?)?[ \t.,;]*$", re.MULTILINE)
_ENDS = {"$$": "$$", "\\[": "\\]"}


@dataclass(frozen=True, slots=True)
class Island:
    """`text` is the source of the piece; of a heading, what stands in its braces, with its depth in `level`."""

    sort: Sort
    text: str
    level: int | None = None
    complete: bool = True


def islands(text: str) -> Iterator[Island]:
    """`text` in pieces, in order; what is no island comes as `text`."""
    at = look = 0
    hopeless: set[str] = set()
    while (start := _START.search(text, look)) is not None:
        found = _island(text, start, hopeless)
        if found is None:
            look = start.end()
            continue
        island, begin, look = found
        if begin > at:
            yield Island("text", text[at:begin])
        yield island
        at = look
    if at < len(text):
        yield Island("text", text[at:])


def _island(text: str, start: re.Match[str], hopeless: set[str]) -> tuple[Island, int, int] | None:
    if start["html_table"]:
        end, complete = _balanced(text, start.start(), _TABLE_TAG)
        return Island("html_table", text[start.start() : end], complete=complete), start.start(), end
    if start["environment"]:
        return _environment(text, start)
    if start["heading"]:
        return _heading(text, start)
    if start["comment"]:
        return _enclosed("comment", text, start.start(), "-->", hopeless)
    return _formula(text, start, hopeless)


def _balanced(text: str, at: int, tags: re.Pattern[str]) -> tuple[int, bool]:
    """Where what opens at `at` is closed again; the end of the text, and False, if it never is."""
    depth = 0
    for tag in tags.finditer(text, at):
        depth += -1 if tag[1] in ("/", "end") else 1
        if depth == 0:
            return tag.end(), True
    return len(text), False


def _environment(text: str, start: re.Match[str]) -> tuple[Island, int, int]:
    name = start["environment"]
    tags = re.compile(rf"\\(begin|end)\{{{re.escape(name)}\}}", re.IGNORECASE)
    end, complete = _balanced(text, start.start(), tags)
    sort: Sort = "latex_table" if name.lower() in _TABLES else "formula"
    if name.lower() == "array" and latex.BEGIN_TABULAR.match(text, start.start()):
        sort = "latex_table" if "&" in text[start.end() : end] else "formula"
    return Island(sort, text[start.start() : end], complete=complete), start.start(), end


def _heading(text: str, start: re.Match[str]) -> tuple[Island, int, int] | None:
    r"""`\title{…}` and `\section*{…}`; braces that are not closed soon are not a heading."""
    brace = start.end() - 1
    braces = latex.group(text[brace : brace + _LONGEST_HEADING], 0)
    if brace + braces.end > len(text) or not text[brace : brace + braces.end].endswith("}"):
        return None
    rank = start["rank"].lower()
    level = 1 if rank in ("title", "chapter") else 2 + rank.count("sub")
    return Island("heading", braces.inside, level=min(level, 6)), start.start(), brace + braces.end


def _formula(text: str, start: re.Match[str], hopeless: set[str]) -> tuple[Island, int, int] | None:
    """A formula that has its lines to itself, apart from its number."""
    found = _enclosed("formula", text, start.start("formula"), _ENDS[start["formula"]], hopeless)
    if found is None or _LINE_REST.match(text, found[2]) is None:
        return None
    return found[0], start.start(), found[2]


def _enclosed(sort: Sort, text: str, at: int, end: str, hopeless: set[str]) -> tuple[Island, int, int] | None:
    found = -1 if end in hopeless else text.find(end, at + 2)
    if found < 0:
        hopeless.add(end)
        return None
    return Island(sort, text[at : found + len(end)]), at, found + len(end)
