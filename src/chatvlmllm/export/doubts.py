"""Doubts and repairs of a page, block by block: what exports mark and, when asked, what they mend.

Offsets of doubts count in the whole page's text; here they are moved into the text of the block they fall in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

from chatvlmllm import messages
from chatvlmllm.reading import Block, Cell, Doubt, Reading, Repair, Table
from chatvlmllm.trust.scripts import repaired


def by_block(reading: Reading) -> list[tuple[Block, tuple[Doubt, ...]]]:
    """Every block with the doubts that begin in it, their offsets counted in the block's text."""
    return [
        (
            block,
            tuple(_moved(doubt, start, length) for doubt in reading.evidence.doubts if _within(doubt, start, length)),
        )
        for block, start, length in _places(reading)
    ]


def mended(reading: Reading) -> Reading:
    """A copy of the reading with its repairs applied to blocks and cells; the reading itself stays as it is."""
    blocks = []
    for block, start, length in _places(reading):
        mine = [
            replace(repair, start=repair.start - start, end=repair.end - start)
            for repair in reading.evidence.repairs
            if start <= repair.start and repair.end <= start + length
        ]
        table = block.table and _mended_table(block.table, mine)
        blocks.append(replace(block, text=repaired(block.text, mine), table=table) if mine else block)
    return replace(reading, blocks=tuple(blocks))


def marked(text: str, doubts: Iterable[Doubt], language: str) -> str:
    """`text` as HTML with every doubtful stretch in a `mark` that says why; overlapping doubts make one mark."""
    pieces, done = [], 0
    for doubt in sorted(doubts, key=lambda doubt: (doubt.start, -doubt.end)):
        if doubt.start < done:
            continue
        why = escape(sentence(doubt, language), quote=True)
        inner = escape(text[doubt.start : doubt.end]) or "⁁"
        pieces.append(f'{escape(text[done : doubt.start])}<mark class="{doubt.code}" title="{why}">{inner}</mark>')
        done = max(done, doubt.end)
    return "".join([*pieces, escape(text[done:])])


def sentence(doubt: Doubt, language: str) -> str:
    """What is doubtful about a place, for a person."""
    words = {"raw": " ".join(doubt.raw.split()), "seen": doubt.seen or "—"}
    code = "unsupported_otherwise" if doubt.code == "unsupported" and doubt.seen else doubt.code
    return messages.render(f"doubts.{code}", language, words)


def _places(reading: Reading) -> Iterator[tuple[Block, int, int]]:
    """Every block, where its text starts in the page's text, and how long it is."""
    start = 0
    for block in reading.blocks:
        yield block, start, len(block.text)
        # Blocks are joined by an empty line; one without text leaves no trace.
        start += len(block.text) + 2 if block.text else 0


def _within(doubt: Doubt, start: int, length: int) -> bool:
    return length > 0 and start <= doubt.start <= start + length


def _moved(doubt: Doubt, start: int, length: int) -> Doubt:
    return replace(doubt, start=doubt.start - start, end=min(doubt.end - start, length))


def _mended_table(table: Table, repairs: Iterable[Repair]) -> Table:
    return replace(table, cells=tuple(_mended_cell(cell, repairs) for cell in table.cells))


def _mended_cell(cell: Cell, repairs: Iterable[Repair]) -> Cell:
    text = cell.text
    for repair in repairs:
        text = text.replace(repair.raw, repair.repaired)
    return replace(cell, text=text)
