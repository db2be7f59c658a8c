"""After a loop or a cut: what to keep, which part of the page to read next, how to join the parts. Pure planning.

A loop does not spoil what was said before it. The text is cut back to the last good block, the rest of the page is
read as a picture of its own, tables in bands of whole rows, and the parts are joined. The raw replies stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chatvlmllm.decode.loops import find_loop
from chatvlmllm.exchange import Reply, Stop
from chatvlmllm.geometry import Box, Size, union
from chatvlmllm.reading import Block, Table, Word
from chatvlmllm.trust.witness import SUPPORTED, compare

#: How often the rest of one page is read before what there is has to do.
MOST_ROUNDS = 3
#: Less of the page than this share of its height is margin, not text.
_LEAST_REST = 0.03
#: Rows of a table that are read at once when the table as a whole made the model loop.
BAND_ROWS = 12
#: How many of the last words that were read are looked for on the page.
_TAIL_WORDS = 12
_BROKEN = (Stop.LENGTH, Stop.LOOP, Stop.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Kept:
    """What an answer is good for: its `reply` with the text up to the fault, and whether the fault needs mending."""

    reply: Reply
    broken: bool


def keep(reply: Reply) -> Kept:
    """The answer without the loop at its end; the reply that came is not changed, this is another one."""
    loop = find_loop(reply.text)
    if loop is not None:
        return Kept(replace(reply, text=reply.text[: loop.keep]), broken=True)
    return Kept(reply, broken=reply.stop in _BROKEN)


def good(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """All blocks but the last, which the fault has cut or doubled; of a single block of text all lines but the last."""
    if len(blocks) != 1 or blocks[0].table is not None or blocks[0].lines:
        return tuple(blocks[:-1]) if len(blocks) > 1 else tuple(blocks)
    kept, _, _ = blocks[0].text.rstrip().rpartition("\n")
    return (replace(blocks[0], text=kept.rstrip()),) if kept.strip() else tuple(blocks)


def rest(blocks: Sequence[Block], words: Sequence[Word], size: Size) -> tuple[Box, ...]:
    """The regions of the page to read next, from the top: below the last good block, or below its last words.

    A block without a box is looked for among the witness's `words`. Nothing comes back when the place is not known or
    no page is left.
    """
    bottom = _bottom(blocks, words)
    if bottom is None or size.height - bottom < _LEAST_REST * size.height:
        return ()
    return (Box(0, bottom, size.width, size.height),)


def bands(region: Box, words: Sequence[Word], rows: int = BAND_ROWS) -> tuple[Box, ...]:
    """A table's region cut between lines of words into bands of at most `rows` lines; words decide where lines are."""
    inside = sorted(
        (word.box for word in words if word.box.overlap(region) > word.box.area / 2), key=lambda box: box.y1
    )
    cuts, lines, bottom = [region.y1], 0, region.y1
    for box in inside:
        if box.y1 >= bottom:
            if lines and lines % rows == 0:
                cuts.append((bottom + box.y1) / 2)
            lines += 1
        bottom = max(bottom, box.y2)
    cuts.append(region.y2)
    return tuple(Box(region.x1, top, region.x2, low) for top, low in pairwise(cuts) if low > top)


def join(first: Sequence[Block], second: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks of two parts that follow each other; what both have is kept once, a continued table becomes one."""
    said = {_spoken(block) for block in first[-3:]}
    later = list(second)
    while later and _spoken(later[0]) in said:
        later.pop(0)
    if first and later and (table := stack(first[-1].table, later[0].table)) is not None:
        boxes = [box for box in (first[-1].box, later[0].box) if box is not None]
        text = f"{first[-1].text}\n{later[0].text}"
        joined = replace(first[-1], text=text, table=table, box=union(boxes) if boxes else None)
        return (*first[:-1], joined, *later[1:])
    return (*first, *later)


def stack(upper: Table | None, lower: Table | None) -> Table | None:
    """One table of two parts with equally many columns; a repeated header row is left out. None if they do not fit."""
    if upper is None or lower is None or upper.columns != lower.columns:
        return None
    skip = 1 if lower.grid()[:1] == upper.grid()[:1] else 0
    moved = tuple(replace(cell, row=cell.row - skip + upper.rows) for cell in lower.cells if cell.row >= skip)
    return Table(upper.rows + lower.rows - skip, upper.columns, (*upper.cells, *moved))


def _bottom(blocks: Sequence[Block], words: Sequence[Word]) -> float | None:
    """Where on the page reading stopped, in pixels from the top."""
    boxes = [block.box for block in blocks if block.box is not None]
    if boxes:
        return max(box.y2 for box in boxes)
    text = "\n".join(block.text for block in blocks)
    comparison = compare(text, words)
    support, partners = comparison.alignment.support, comparison.alignment.partners
    tail = range(max(0, len(support) - _TAIL_WORDS), len(support))
    places = [comparison.box(partners[i]) for i in tail if support[i] >= SUPPORTED]
    return max((box.y2 for box in places if box is not None), default=None)


def _spoken(block: Block) -> str:
    return " ".join(block.text.split()).casefold()
