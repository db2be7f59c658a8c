"""What a subject said about a case, with what it cost: everything that is kept of one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatvlmllm.bench.metrics import GridCell, Region, grid_html
from chatvlmllm.export import text as exported
from chatvlmllm.reading import Format, Kind

if TYPE_CHECKING:
    from chatvlmllm.forms import Extraction
    from chatvlmllm.reading import Reading, Table


@dataclass(frozen=True)
class Answer:
    """One reading of one case.

    `text` is what the user gets as plain text; `markdown`, `regions`, `fields` are None where the subject has no such
    thing. `raw` are the replies as they were said. `seconds` has `total` and, where measured, `first_token`, `witness`,
    `fields`; `memory` peaks in bytes: `rss` of all its processes, `vram` above what was used before it was loaded.
    `verdict` is ours, or `ok` or `failed` for an outside program; `failure` is a code and a sentence.
    """

    case: str
    subject: str
    version: str
    page: str
    text: str
    verdict: str
    markdown: str | None = None
    regions: tuple[Region, ...] | None = None
    tables: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    fields: Mapping[str, str | Sequence[Mapping[str, str]]] | None = None
    raw: tuple[str, ...] = ()
    stop: str = ""
    engine: str = ""
    device: str | None = None
    failure: tuple[str, str] | None = None
    notices: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    read_at: str = ""


def of_reading(reading: Reading, place: tuple[str, str, str, str]) -> Answer:
    """The answer in a reading; `place` is case, subject, version and the digest of the page."""
    case, subject, version, page = place
    replies = [reply for reply in (reading.reply, *reading.further) if reply is not None]
    return Answer(
        case=case,
        subject=subject,
        version=version,
        page=page,
        text="".join(exported.plain([reading])).strip("\n"),
        verdict=reading.verdict.value,
        markdown="".join(exported.markdown([reading])).strip("\n"),
        regions=tuple(
            Region(
                block.kind.value,
                block.text,
                (block.box.x1, block.box.y1, block.box.x2, block.box.y2) if block.box else None,
                block.level or 0,
                block.confidence if block.confidence is not None else 1.0,
            )
            for block in reading.blocks
        ),
        tables=tuple(_html(block.table) for block in reading.blocks if block.table is not None),
        formulas=tuple(
            block.text for block in reading.blocks if block.kind is Kind.FORMULA or block.format is Format.LATEX
        ),
        raw=tuple(reply.text for reply in replies),
        stop=replies[0].stop.value if replies else "",
        engine=replies[0].engine if replies else "",
        device=replies[0].device if replies else None,
        failure=(reading.failure.code, reading.failure.message) if reading.failure else None,
        notices=tuple(notice.code for notice in reading.notices),
        measures=dict(reading.evidence.measures),
        seconds=dict(reading.seconds),
    )


def record(found: Extraction) -> dict[str, str | Sequence[Mapping[str, str]]]:
    """The values of an extraction by their keys, groups as lists of rows."""
    values: dict[str, str | Sequence[Mapping[str, str]]] = {
        one.key: one.value for one in found.fields if one.value is not None
    }
    for group in found.groups:
        values[group.key] = [
            {name: cell.value for name, cell in row.items() if cell.value is not None} for row in group.rows
        ]
    return values


def _html(table: Table) -> str:
    return grid_html([GridCell(c.row, c.column, c.text, c.rows, c.columns) for c in table.cells])
