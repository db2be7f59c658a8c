"""Rows for spreadsheet programs. Text that a program would run as a formula is defused, everything else is as read."""

import csv as library
import io
import re
from collections.abc import Iterable, Iterator

from chatvlmllm.export.doubts import by_block
from chatvlmllm.reading import Block, Reading
from chatvlmllm.run import Run

HEADER = ("file", "page", "verdict", "block", "kind", "text", "confidence_percent", "x1", "y1", "x2", "y2", "doubtful")

_NUMBER = re.compile(r"[+-]?[\d\s]+(?:[.,]\d+)?%?")


def csv(run: Run, readings: Iterable[Reading], delimiter: str) -> Iterator[str]:
    """One row per block, and one for a page without blocks, so that no page is missing.

    Coordinates are whole pixels and confidences whole per cent: a spreadsheet would take 1.5 for a date.
    """
    yield row(HEADER, delimiter)
    for reading in readings:
        place = (run.document.name, reading.page, reading.verdict.value)
        for number, (block, doubts) in enumerate(by_block(reading), start=1):
            doubtful = " | ".join(" ".join((doubt.raw or doubt.seen).split()) for doubt in doubts)
            yield row((*place, number, block.kind.value, block.text, *_measures(block), doubtful), delimiter)
        if not reading.blocks:
            yield row((*place, "", "", "", "", "", "", "", "", ""), delimiter)


def _measures(block: Block) -> tuple[object, ...]:
    confidence = "" if block.confidence is None else round(block.confidence * 100)
    if block.box is None:
        return confidence, "", "", "", ""
    box = block.box
    return confidence, round(box.x1), round(box.y1), round(box.x2), round(box.y2)


def row(cells: Iterable[object], delimiter: str) -> str:
    """One line of CSV, its cells defused."""
    line = io.StringIO()
    library.writer(line, delimiter=delimiter).writerow([defuse(str(cell)) for cell in cells])
    return line.getvalue()


def defuse(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run (OWASP, "CSV injection"); numbers stay numbers."""
    if cell.lstrip()[:1] in ("=", "+", "-", "@") or cell[:1] in ("\t", "\r"):
        return cell if _NUMBER.fullmatch(cell) else "'" + cell
    return cell
