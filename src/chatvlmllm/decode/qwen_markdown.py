"""Qwen3-VL's answer to `qwenvl markdown`: Markdown in which comments say where things are.

`<!-- Table (x1, y1, x2, y2) -->` stands before a table in LaTeX or HTML, `<!-- Image (x1, y1, x2, y2) -->` for a
picture; boxes are in 0…1000 of the image.
"""

import re
from dataclasses import replace

from chatvlmllm.decode import Decoded, Decoder, markdown
from chatvlmllm.decode.boxes import Grid, numbers, place, thousand
from chatvlmllm.decode.islands import islands
from chatvlmllm.decode.tally import Tally
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Kind

_PLACE = re.compile(r"<!--\s*([A-Za-z]+)\s*\(([\d\s.,-]{0,200})\)\s*-->")
_CUT = re.compile(r"<!?-{0,2}(?:\s*[A-Za-z]+\s*(?:\([\d\s.,-]{0,200}\)?\s*-{0,2})?)?\s*\Z")


def decode_in(space: Grid = thousand) -> Decoder:
    """The dialect with its boxes counted in `space`."""

    def decode(reply: Reply, request: Request) -> Decoded:
        tally = Tally()
        blocks: list[Block] = []
        awaiting: Box | None = None
        for island in islands(_trim(markdown.unfence(reply.text), tally)):
            found = _PLACE.fullmatch(island.text) if island.sort == "comment" else None
            if found is None:
                made = markdown.of_island(island, tally)
                blocks += _located(made, awaiting, tally)
                awaiting = None if made else awaiting
                continue
            tally.add("boxes_dropped", int(awaiting is not None))
            awaiting = place(numbers(found[2]), space, request, tally)
            if found[1].lower() != "table":
                blocks.append(Block(Kind.PICTURE, "", awaiting))
                awaiting = None
        tally.add("boxes_dropped", int(awaiting is not None))
        return Decoded(tuple(blocks), tally.notices())

    return decode


decode = decode_in()


def _located(made: list[Block], box: Box | None, tally: Tally) -> list[Block]:
    """Blocks of which the first, if it is the table that was announced, gets its box."""
    if box is None or not made:
        return made
    if made[0].kind is Kind.TABLE:
        return [replace(made[0], box=box), *made[1:]]
    tally.add("boxes_dropped")
    return made


def _trim(text: str, tally: Tally) -> str:
    """`text` without a comment that was cut off at its end."""
    start = text.rfind("<", max(0, len(text) - 300))
    if start < 0 or _CUT.match(text, start) is None:
        return text
    tally.add("reply_cut")
    return text[:start]
