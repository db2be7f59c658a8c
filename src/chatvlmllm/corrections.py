"""What a person has put right in a reading or in its fields, and the result as if it had been read so. Pure.

The reading itself stays as it was; `mended` makes a copy for showing and exporting.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from chatvlmllm.export import grid
from chatvlmllm.forms.form import Form
from chatvlmllm.forms.judge import judged
from chatvlmllm.forms.nouns import Extraction, Field, Group
from chatvlmllm.reading import Block, Doubt, Evidence, Format, Notice, Reading, Repair, Table

_Spot = TypeVar("_Spot", Doubt, Repair)


@dataclass(frozen=True, slots=True)
class Corrections:
    """Of one file. `blocks` are texts by "page:block", `cells` by "page:block:row:column", `fields` values by key.

    Pages count from 1, blocks, rows and columns from 0. A field that was read but is not on the paper becomes "".
    """

    blocks: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def on(self, page: int) -> int:
        """How many texts of a page were put right."""
        return sum(place.startswith(f"{page}:") for place in (*self.blocks, *self.cells))


def mended(reading: Reading, by: Corrections) -> Reading:
    """A copy with the corrected texts and a notice that says how many; doubts about a corrected text are settled."""
    count = by.on(reading.page)
    if not count:
        return reading
    blocks = tuple(_block(block, f"{reading.page}:{index}", by) for index, block in enumerate(reading.blocks))
    evidence = _moved(reading.evidence, reading.blocks, blocks)
    notices = (*reading.notices, Notice("corrected", {"count": count}))
    return replace(reading, blocks=blocks, evidence=evidence, notices=notices)


def _block(block: Block, place: str, by: Corrections) -> Block:
    if block.table is not None:
        table = _table(block.table, place, by)
        if table == block.table:
            return block
        return replace(block, table=table, text=grid.to_markdown(table), format=Format.MARKDOWN, lines=())
    text = by.blocks.get(place)
    # The places of single words are those of the words as read.
    return block if text is None or text == block.text else replace(block, text=text, lines=(), confidence=None)


def _table(table: Table, place: str, by: Corrections) -> Table:
    cells = tuple(
        replace(cell, text=by.cells.get(f"{place}:{cell.row}:{cell.column}", cell.text)) for cell in table.cells
    )
    return replace(table, cells=cells)


def _moved(evidence: Evidence, before: Iterable[Block], after: Iterable[Block]) -> Evidence:
    """Doubts and repairs where their text stands now."""
    doubts: list[Doubt] = []
    repairs: list[Repair] = []
    old = new = 0
    for was, now in zip(before, after, strict=True):
        if was.text == now.text:
            end = old + len(was.text)
            doubts += [_shifted(one, new - old) for one in evidence.doubts if old <= one.start <= end and was.text]
            repairs += [_shifted(one, new - old) for one in evidence.repairs if old <= one.start and one.end <= end]
        old += len(was.text) + 2 if was.text else 0
        new += len(now.text) + 2 if now.text else 0
    return replace(evidence, doubts=tuple(doubts), repairs=tuple(repairs))


def _shifted(one: _Spot, by: int) -> _Spot:
    return replace(one, start=one.start + by, end=one.end + by)


def checked(extraction: Extraction, form: Form, by: Corrections) -> Extraction:
    """A copy with the corrected values, every check run again."""
    if not by.fields:
        return extraction
    changed = replace(
        extraction,
        fields=tuple(_field(one, by) for one in extraction.fields),
        groups=tuple(
            Group(group.key, tuple({key: _field(cell, by) for key, cell in row.items()} for row in group.rows))
            for group in extraction.groups
        ),
    )
    return judged(form, changed)


def _field(one: Field, by: Corrections) -> Field:
    if one.key not in by.fields:
        return one
    # Whoever corrected it has seen the paper; what readers thought of the old value says nothing about the new one.
    return replace(one, value=by.fields[one.key] or None, supported=None, confidence=None, candidates=())
