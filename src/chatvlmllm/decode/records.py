"""The dialect of the package's own readers: one JSON object per line of text, or per table.

    {"block": 0, "kind": "text", "words": [["Счёт", 10, 20, 60, 40, 0.98], …]}
    {"block": 1, "kind": "heading", "level": 2, "words": […]}
    {"block": 2, "kind": "table", "box": […], "rows": 2, "columns": 3,
     "text": "№ …",
     "cells": [{"at": [0, 0], "span": [1, 2], "header": true, "box": […], "lines": [[["№", …]], …]}, …]}
    {"block": 3, "kind": "stamp", "box": […], "words": []}

`block` groups lines, `kind` is a `reading.Kind`, a word is its text, its box in pixels of the sent image and its
confidence (null when nobody measured one). `level` (headings) and `lines` of a cell may be missing. `text` of
a table is what it says in reading order, which in a form is not that of its cells.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from chatvlmllm.decode import Decoded
from chatvlmllm.errors import UndecodableReply
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Block, Cell, Kind, Line, Table, Word

_WordRow = list[Any]


def encode(block: int, words: Sequence[Word], kind: Kind = Kind.TEXT, level: int | None = None) -> str:
    """One record of a line, with its line end."""
    record: dict[str, object] = {"block": block, "kind": kind, "words": [_row(word) for word in words]}
    if level is not None:
        record["level"] = level
    return json.dumps(record, ensure_ascii=False) + "\n"


def encode_block(number: int, block: Block, cells: Mapping[tuple[int, int], Sequence[Line]] | None = None) -> str:
    """All records of one block; `cells` are the lines of a table's cells by row and column."""
    if block.table is None and not block.lines and block.box is not None:
        return json.dumps({"block": number, "kind": block.kind, "box": _corners(block.box), "words": []}) + "\n"
    if block.table is None:
        return "".join(encode(number, line.words, block.kind, block.level) for line in block.lines)
    record = {
        "block": number,
        "kind": block.kind,
        "box": _corners(block.box) if block.box else None,
        "rows": block.table.rows,
        "columns": block.table.columns,
        "text": block.text or table_text(block.table),
        "cells": [_cell(cell, (cells or {}).get((cell.row, cell.column), ())) for cell in block.table.cells],
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def _row(word: Word) -> _WordRow:
    return [word.text, *_corners(word.box), word.confidence]


def _corners(box: Box) -> list[float]:
    return [round(side, 1) for side in (box.x1, box.y1, box.x2, box.y2)]


def _cell(cell: Cell, lines: Sequence[Line]) -> dict[str, object]:
    record: dict[str, object] = {"at": [cell.row, cell.column]}
    if (cell.rows, cell.columns) != (1, 1):
        record["span"] = [cell.rows, cell.columns]
    if cell.header:
        record["header"] = True
    if cell.box is not None:
        record["box"] = _corners(cell.box)
    if lines:
        record["lines"] = [[_row(word) for word in line.words] for line in lines]
    return record


def decode(reply: Reply, request: Request) -> Decoded:
    """One block per run of equal block numbers; a table is a run of its own."""
    try:
        records = [json.loads(row) for row in reply.text.splitlines()]
        runs = groupby(
            (r for r in records if "box" in r or r["words"]),
            key=lambda r: (r["block"], Kind(r["kind"]), r.get("level"), "cells" in r),
        )
        return Decoded(tuple(_block(key, list(run), request) for key, run in runs))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UndecodableReply(model=reply.model, reason=str(error)) from error


def _block(key: tuple[int, Kind, int | None, bool], run: list[dict[str, Any]], request: Request) -> Block:
    _, kind, level, tabular = key
    if tabular:
        return _table(run[0], request)
    if "box" in run[0]:
        return Block(kind, "", request.to_page(Box(*run[0]["box"])))
    return block(kind, [_line(record["words"], request) for record in run], level)


def _table(record: dict[str, Any], request: Request) -> Block:
    cells, lines = [], []
    for raw in record["cells"]:
        inside = [_line(words, request) for words in raw.get("lines", ())]
        lines.extend(inside)
        (row, column), (rows, columns) = raw["at"], raw.get("span", (1, 1))
        box = request.to_page(Box(*raw["box"])) if raw.get("box") else None
        text = "\n".join(line.text for line in inside)
        cells.append(Cell(row, column, text, rows, columns, bool(raw.get("header")), box))
    table = Table(record["rows"], record["columns"], tuple(cells))
    box = request.to_page(Box(*record["box"])) if record.get("box") else None
    text = record.get("text") or table_text(table)
    return Block(Kind.TABLE, text, box, lines=tuple(lines), table=table, confidence=_mean(lines))


def table_text(table: Table) -> str:
    """Rows as lines, the cells that begin in a row parted by tabs; empty cells and rows are left out."""
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in table.cells:
        if cell.text:
            rows[cell.row].append(" ".join(cell.text.split()))
    return "\n".join("\t".join(row) for row in rows if row)


def _line(cells: list[tuple[str, float, float, float, float, float | None]], request: Request) -> Line:
    return line([Word(text, request.to_page(Box(*box)), confidence) for text, *box, confidence in cells])


def line(words: Sequence[Word]) -> Line:
    """A line of at least one word; its confidence is the mean of its words'."""
    return Line(" ".join(w.text for w in words), union([w.box for w in words]), tuple(words), _mean(words))


def block(kind: Kind, lines: Sequence[Line], level: int | None = None) -> Block:
    """A block of at least one line; its confidence is the mean of its lines'."""
    text = "\n".join(line.text for line in lines)
    box = union([line.box for line in lines])
    return Block(kind, text, box, lines=tuple(lines), confidence=_mean(lines), level=level)


def _mean(parts: Sequence[Word] | Sequence[Line]) -> float | None:
    known = [part.confidence for part in parts if part.confidence is not None]
    return round(sum(known) / len(known), 4) if known else None
