"""Markdown → blocks: headings, lists, tables, formulas, pictures, paragraphs; boxes are not known.

The block structure is CommonMark's with pipe tables (markdown-it-py), without the rules that take pages for source
code: indented code, underlined headings, reference definitions and HTML blocks, each of which would hide text. Only
lines are taken from the parser, so the text of every block is a piece of the reply. Models enclose whole answers in a
fence; it is taken off.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from chatvlmllm.decode import Decoded, table
from chatvlmllm.decode.blocks import build, formula, heading
from chatvlmllm.decode.islands import Island, islands
from chatvlmllm.decode.tally import Tally
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.reading import Block, Format, Kind

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_FENCED = re.compile(r"\s*(`{3,}|~{3,})[ \t]*[\w+-]*[ \t]*\r?\n")
_FENCE_LINE = re.compile(r"\s*(?:`{3,}|~{3,})[ \t]*[\w+-]*\s*")
_PICTURE = re.compile(r"\s*!\[([^\[\]]*)\]\([^()\s]*\)\s*")
_KINDS = {"bullet_list_open": Kind.LIST, "ordered_list_open": Kind.LIST, "table_open": Kind.TABLE}


def decode(reply: Reply, _request: Request) -> Decoded:
    """One block per heading, list, table, formula or paragraph."""
    tally = Tally()
    found = blocks(reply.text, tally)
    return Decoded(tuple(found), tally.notices())


def blocks(text: str, tally: Tally) -> list[Block]:
    """The blocks of a Markdown text."""
    return [block for island in islands(unfence(text)) for block in of_island(island, tally)]


def unfence(text: str) -> str:
    """The inside of the code fence that encloses the whole of `text`, or `text`; the closing fence may be cut off."""
    opening = _FENCED.match(text)
    if opening is None:
        return text
    closing = text.find(opening[1], opening.end())
    if closing < 0:
        return text[opening.end() :]
    return text[opening.end() : closing] if not text[closing:].strip(" \t\r\n`~") else text


def of_island(island: Island, tally: Tally) -> list[Block]:
    """The blocks of one piece; comments have none."""
    tally.add("reply_cut", int(not island.complete))
    match island.sort:
        case "text":
            return list(_of_markdown(island.text, tally))
        case "html_table" | "latex_table":
            return [build(Kind.TABLE, island.text, None, tally)]
        case "formula":
            return [formula(island.text, None)]
        case "heading":
            kind = Kind.TITLE if island.level == 1 else Kind.HEADING
            return [Block(kind, island.text.strip(), format=Format.MARKDOWN, level=island.level)]
        case _:
            return []


def _of_markdown(text: str, tally: Tally) -> Iterator[Block]:
    if text.isspace():
        return
    lines = _LINE.findall(text)
    done = 0
    for token in _parser().parse(text):
        if token.level or token.map is None or token.nesting < 0:
            continue
        begin, end = token.map
        yield from _paragraph(lines[done:begin])  # whatever no rule has claimed
        yield from _block(token, lines[begin:end], tally)
        done = end
    yield from _paragraph(lines[done:])


def _block(token: "Token", lines: Sequence[str], tally: Tally) -> Iterator[Block]:
    source = "".join(lines).strip("\r\n").rstrip()
    match token.type:
        case "heading_open":
            level = int(token.tag[1:])
            yield heading(Kind.TITLE if level == 1 else Kind.HEADING, source.lstrip(), None)
        case "hr":
            if "_" in source:  # a line for a signature, not a rule
                yield Block(Kind.TEXT, source)
        case "fence":
            inside = lines[1:-1] if len(lines) > 1 and _FENCE_LINE.fullmatch(lines[-1]) else lines[1:]
            yield from _paragraph(inside, Format.TEXT)
        case "table_open":
            if table.notation(source) is Format.MARKDOWN:
                yield build(Kind.TABLE, source, None, tally)
            else:
                yield from _paragraph(lines)
        case _:
            if token.type in _KINDS:
                yield Block(_KINDS[token.type], source, format=Format.MARKDOWN)
            else:
                yield from _paragraph(lines)


def _paragraph(lines: Sequence[str], notation: Format = Format.MARKDOWN) -> Iterator[Block]:
    """Text without the indentation of its first line, which would make it source code when it is shown (T-27)."""
    source = "".join(lines).strip()
    if not source or _FENCE_LINE.fullmatch(source):
        return
    picture = _PICTURE.fullmatch(source)
    if picture:
        yield Block(Kind.PICTURE, picture[1].strip())
    else:
        yield Block(Kind.TEXT, source, format=notation)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    rules = ["code", "lheading", "reference", "html_block", "inline"]
    return MarkdownIt("commonmark").enable("table").disable(rules)
