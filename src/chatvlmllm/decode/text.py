"""Plain text → blocks: paragraphs at empty lines, line breaks kept. And replies that are one table or one formula."""

import re

from chatvlmllm.decode import Decoded, blocks, table
from chatvlmllm.decode.islands import islands
from chatvlmllm.decode.markdown import of_island, unfence
from chatvlmllm.decode.tally import Tally
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.reading import Block, Format, Kind

_EMPTY_LINES = re.compile(r"\n[ \t\r]*\n")


def decode(reply: Reply, _request: Request) -> Decoded:
    """One text block per paragraph."""
    parts = (part.strip("\r\n").rstrip() for part in _EMPTY_LINES.split(reply.text))
    return Decoded(tuple(Block(Kind.TEXT, part) for part in parts if part.strip()))


def tables(reply: Reply, _request: Request) -> Decoded:
    """An answer to "convert this table": every table in it, in any notation, and what stands between them."""
    tally = Tally()
    inside = unfence(reply.text)
    notation = table.notation(inside)
    if notation is Format.OTSL or (notation is Format.HTML and "<table" not in inside.lower()):
        return Decoded((blocks.build(Kind.TABLE, inside, None, tally),), tally.notices())
    found = [block for island in islands(inside) for block in of_island(island, tally)]
    if found and not any(block.kind is Kind.TABLE for block in found):
        tally.add("table_missing")
    return Decoded(tuple(found), tally.notices())


def formula(reply: Reply, _request: Request) -> Decoded:
    """An answer to "convert this formula": one block of LaTeX."""
    block = blocks.formula(unfence(reply.text), None)
    return Decoded((block,) if block.text else ())
