"""Words of a PDF page laid over the layout that drew it: the page's truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatvlmllm.bench.specimens.engine import CSS_DPI, Layout, Region
from chatvlmllm.bench.truth import (
    Block,
    Box,
    Cell,
    Glyph,
    PageTruth,
    Table,
    Word,
    lines_text,
    same_line,
    union,
    words_of,
)

_FIRST = {"header": 0}
# inches a glyph may stand outside its block
_REACH = 0.35
_LAST = {"footer": 2, "page_number": 3}


def page_truth(glyphs: Sequence[Glyph], layout: Layout, dpi: float, seen_tables: set[str]) -> PageTruth:
    """Truth of one page; glyph boxes are in pixels at `dpi`, the layout in CSS pixels."""
    scale = dpi / CSS_DPI
    regions = [_grown(region, scale) for region in layout.regions]
    runs = _runs(glyphs, regions, _REACH * dpi)
    words: list[Word] = []
    blocks: list[Block] = []
    texts: list[str] = []
    cells: dict[int, list[Cell]] = {}
    order = sorted(range(len(regions)), key=lambda index: _rank(regions[index], layout, scale))
    opened: dict[int, int] = {}
    for index in order:
        region, mine = regions[index], runs.get(index, [])
        block = opened.get(region.table, -1) if region.table >= 0 else -1
        if block < 0:
            block = len(blocks)
            blocks.append(_block(region, layout, scale))
            texts.append("")
            if region.table >= 0:
                opened[region.table] = block
        line = words[-1].line + 1 if words else 0
        if region.cell and words and words[-1].block == block and region.cell[1] > 0:
            line = words[-1].line
        placed = _lined(mine, block, line)
        words.extend(placed)
        text = lines_text(placed)
        if region.cell is not None:
            row, column, row_span, column_span, header = region.cell
            cells.setdefault(region.table, []).append(
                Cell(row, column, " ".join(text.split()), row_span, column_span, header, region.box)
            )
            texts[block] += ("" if not texts[block] else "\n" if _first_of_row(cells[region.table]) else "\t") + text
        else:
            texts[block] = text
    blocks = [replace(block, text=text) for block, text in zip(blocks, texts, strict=True)]
    return PageTruth(
        layout.width * scale,
        layout.height * scale,
        dpi,
        "\n".join(block.text for block in blocks if block.text.strip()),
        tuple(words),
        tuple(blocks),
        tuple(_table(index, layout, cells.get(index, []), scale, seen_tables) for index in range(len(layout.tables))),
    )


def _grown(region: Region, scale: float) -> Region:
    left, top, right, bottom = region.box
    return replace(region, box=(left * scale, top * scale, right * scale, bottom * scale))


def _rank(region: Region, layout: Layout, scale: float) -> int:
    """Running heads before the text, feet after it; the rest keeps its order."""
    if region.kind == "page_number" and region.box[1] < layout.height * scale / 2:
        return 0
    return _FIRST.get(region.kind, _LAST.get(region.kind, 1))


def _runs(glyphs: Sequence[Glyph], regions: Sequence[Region], reach: float) -> dict[int, list[tuple[str, Box]]]:
    """Words of each region: a glyph belongs to the smallest region around its middle, a break to no region."""
    found: dict[int, list[tuple[str, Box]]] = {}
    run: list[Glyph] = []
    current = -1
    for glyph in glyphs:
        home = current if glyph.box is None else _home(glyph.box, regions, current, reach)
        if home != current and run:
            found.setdefault(current, []).extend(words_of(run))
            run = []
        current = home
        run.append(glyph)
    if run:
        found.setdefault(current, []).extend(words_of(run))
    stray = found.pop(-1, [])
    if stray:
        message = f"the page shows words outside every block of its layout: {stray[:3]}"
        raise ValueError(message)
    return found


def _home(box: Box, regions: Sequence[Region], current: int, reach: float) -> int:
    """The smallest region around the middle of a glyph; for one outside all (a list marker) the nearest in reach."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    best, least = -1, (reach, 0.0, True)
    for index, region in enumerate(regions):
        left, top, right, bottom = region.box
        away = max(left - x, x - right, top - y, y - bottom, 0.0)
        rank = (away, (right - left) * (bottom - top), index != current)
        if rank < least:
            best, least = index, rank
    return best


def _lined(found: Sequence[tuple[str, Box]], block: int, line: int) -> list[Word]:
    placed: list[Word] = []
    for text, box in found:
        if placed and not same_line(placed[-1].box, box):
            line += 1
        placed.append(Word(text, box, line, block))
    return placed


def _block(region: Region, layout: Layout, scale: float) -> Block:
    if region.table < 0:
        return Block(region.kind, region.box, "", region.level, region.latex)
    _, kind, box = layout.tables[region.table]
    left, top, right, bottom = box
    return Block(kind, (left * scale, top * scale, right * scale, bottom * scale))


def _first_of_row(cells: Sequence[Cell]) -> bool:
    return len(cells) < 2 or cells[-1].row != cells[-2].row


def _table(index: int, layout: Layout, cells: Sequence[Cell], scale: float, seen: set[str]) -> Table:
    name, _, box = layout.tables[index]
    known = bool(name) and name in seen
    seen.add(name)
    left, top, right, bottom = (edge * scale for edge in box)
    return Table(
        rows=max((cell.row + cell.row_span for cell in cells), default=0),
        columns=max((cell.column + cell.column_span for cell in cells), default=0),
        cells=tuple(cells),
        box=union([(left, top, right, bottom)]),
        name=name,
        continued=known,
    )
