"""Markdown with formulas, for Streamlit: what has none becomes inert HTML, the rest Markdown in which only they act.

Streamlit draws formulas with a library of its own, offline, but only those in Markdown, where links and pictures act as
well. So everything beside the formulas is escaped there, and a formula that could do more than be drawn is text.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from chatvlmllm.ui import safe

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

#: Commands that lead elsewhere, load something, define others, or draw over the rest of the page.
_ACTS = re.compile(
    r"\\(href|url|html\w*|includegraphics|[egx]?def|let|futurelet|global|(re|provide)?newcommand"
    r"|rule|[mh]?kern|[hm]skip|hspace|raisebox|[rlc]lap|smash)(?![a-zA-Z])"
)
_MOST = 5_000


def drawable(latex: str) -> str | None:
    """The formula as it may be drawn; None where it could end its place or do something."""
    whole = " ".join(latex.split())
    # An escaped dollar ends a formula there as well.
    if not whole or len(whole) > _MOST or "$" in whole or _ACTS.search(whole):
        return None
    return whole


def pieces(markdown: str) -> Iterator[tuple[bool, str]]:
    """Parts of a text in order: inert HTML (False), or Markdown with formulas in it (True)."""
    parser = _parser()
    html: list[Token] = []
    for group in _groups(parser.parse(markdown)):
        if not any(token.type.startswith("math") for token in _flat(group)):
            html += group
            continue
        if html:
            yield False, parser.renderer.render(html, parser.options, {})
            html = []
        yield True, "".join(_lines(group))
    if html:
        yield False, parser.renderer.render(html, parser.options, {})


@cache
def _parser() -> "MarkdownIt":
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    return safe.parser().use(dollarmath_plugin, allow_digits=False, allow_space=False, allow_labels=False)


def _groups(tokens: "Sequence[Token]") -> "Iterator[list[Token]]":
    """What stands on the top level, each with all that is in it."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []


def _flat(tokens: "Sequence[Token]") -> "Iterator[Token]":
    for token in tokens:
        yield token
        yield from token.children or ()


def _lines(group: "Sequence[Token]") -> Iterator[str]:
    """A paragraph, heading, quotation, list or table as Markdown; lists and quotations are flat."""
    if group[0].type == "table_open":
        yield from _table(group)
        return
    before = ""
    for token in group:
        match token.type:
            case "heading_open":
                before = token.markup + " "
            case "list_item_open":
                before = "- " if token.markup in "-+*" else f"{token.info or 1}\\. "
            case "inline":
                yield f"{before}{_inline(token.children or (), '  ' + chr(10))}\n\n"
                before = ""
            case "math_block":
                yield _formula(token.content, "$$") + "\n\n"


def _table(group: "Sequence[Token]") -> Iterator[str]:
    row: list[str] = []
    for token in group:
        if token.type == "inline":
            row.append(_inline(token.children or (), " ").replace("|", "\\|"))
        elif token.type == "tr_close":
            yield f"| {' | '.join(row)} |\n"
            row = []
        elif token.type == "thead_open":
            columns = sum(one.type == "th_open" for one in group)
        elif token.type == "thead_close":
            yield f"|{' --- |' * columns}\n"


def _inline(tokens: "Sequence[Token]", newline: str) -> str:
    said = ""
    for token in tokens:
        piece = _written(token, newline)
        # Two formulas without anything between them would be taken for one.
        said += f" {piece}" if said.endswith("$") and piece.startswith("$") else piece
    return said


def _written(token: "Token", newline: str) -> str:
    match token.type:
        case "softbreak" | "hardbreak":
            return newline
        case "strong_open" | "strong_close" | "em_open" | "em_close":
            return token.markup.replace("_", "*")
        case "math_inline" | "math_inline_double":
            return _formula(token.content, token.markup)
    return safe.literal(token.content)


def _formula(latex: str, mark: str) -> str:
    drawn = drawable(latex)
    return safe.literal(mark + latex + mark) if drawn is None else f"{mark}{drawn}{mark}"
