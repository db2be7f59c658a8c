"""Repeating groups: rows under known headers, in the reader's tables or by the places of words, over pages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chatvlmllm.forms import lines
from chatvlmllm.forms.columns import Row, settled
from chatvlmllm.forms.form import Column, Form, GroupRule
from chatvlmllm.forms.found import Ask, Found, look
from chatvlmllm.forms.grid import Grid, GridCell, grids
from chatvlmllm.forms.heads import Heads, heads_of, number_key
from chatvlmllm.forms.kinds import KINDS, find
from chatvlmllm.forms.labels import match, opens
from chatvlmllm.forms.nouns import Layer, Source
from chatvlmllm.forms.sheet import Sheet
from chatvlmllm.geometry import union

#: A sum in its own column of the closing row is surer than one beside a label.
_CLOSING = 1.25
#: A row that shares more of its cells than this with the row above is no row of its own.
_SAME = 0.6
#: What continues no text of the row above: nothing, or a number by itself.
_BARE = re.compile(r"[\d\s.,/]*")


def groups(form: Form, sheets: Sequence[Sheet]) -> tuple[Mapping[str, Sequence[Row]], Sequence[Found]]:
    """The rows of every group of the form, pages in order, and what their closing rows say of single fields."""
    totals: list[Found] = []
    found = {
        key: list(lines.rows(form, key, rule, sheets)) if rule.line else _rows(form, key, rule, sheets, totals)
        for key, rule in form.groups.items()
    }
    return {key: settled(form.groups[key], rows) for key, rows in found.items()}, totals


def _rows(form: Form, key: str, rule: GroupRule, sheets: Sequence[Sheet], totals: list[Found]) -> list[Row]:
    """Rows of the best grid of each page; a grid of as many columns without headers continues the one before it."""
    rows: list[Row] = []
    heads: Heads | None = None
    width, open_ended = 0, False
    for sheet in sheets:
        headed = [
            (grid, found)
            for grid in grids(sheet, _headers(rule), (rule.until, rule.skip))
            if (found := heads_of(rule, grid)) and not _collapsed(rule, grid, found)
        ]
        if headed:
            grid, heads = max(headed, key=lambda pair: len(pair[1].columns))
            width = grid.columns
        else:
            same = [grid for grid in grids(sheet, {}) if grid.columns == width]
            if not (heads and open_ended and same):
                continue
            grid, heads = same[0], Heads(heads.columns, 0)
        lines_, closing = _body(_Place(form, key, rule, sheet), grid, heads, len(rows))
        rows += lines_
        open_ended = closing is None
        if closing is not None:
            totals += _totals(_Place(form, key, rule, sheet), grid, heads, closing)
    return rows


@dataclass(frozen=True)
class _Place:
    """Whose rows are read, and where."""

    form: Form
    key: str
    rule: GroupRule
    sheet: Sheet


def _headers(rule: GroupRule) -> dict[str, str]:
    return {header: key for key, column in rule.columns.items() for header in column.headers}


def _collapsed(rule: GroupRule, grid: Grid, heads: Heads) -> bool:
    """Whether rulings between rows were missed: the cell of the first number holds the second one as well."""
    key = number_key(rule)
    if key is None or key not in heads.columns or heads.body >= len(grid.rows):
        return False
    return re.match(r"\D*1\W+2\b", grid.rows[heads.body][heads.columns[key]].text) is not None


def _totals(place: _Place, grid: Grid, heads: Heads, closing: int) -> Iterator[Found]:
    """The fields that stand in the closing row under their columns."""
    for column, key in place.rule.totals.items():
        cell = grid.at(closing, heads.columns[column]) if column in heads.columns else None
        ask = Ask(key, place.form.fields[key].kind, place.form.language)
        found = look(ask, cell.words, place.sheet, Layer.TABLE) if cell is not None and cell.words else None
        if found is not None:
            yield replace(found, score=_CLOSING * found.score)


def _body(place: _Place, grid: Grid, heads: Heads, count: int) -> tuple[list[Row], int | None]:
    """Data rows until one that begins with an end word, and the number of that row."""
    rows: list[Row] = []
    above: list[GridCell] = []
    for index in range(heads.body, len(grid.rows)):
        cells = grid.rows[index]
        if _opens(place.rule.until, cells) and not _resumes(grid, index):
            return rows, index
        if _opens((*place.rule.skip, *place.rule.until), cells) or _reaches_down(grid, index, heads):
            continue
        row = _row(place, cells, heads, count + len(rows))
        if _counts(place.rule, row):
            rows.append(row)
            above = list(cells)
        elif rows and row:
            above = _continued(place.rule, heads, above, cells)
            rows[-1] = _row(place, above, heads, count + len(rows) - 1)
    return rows, None


def _reaches_down(grid: Grid, index: int, heads: Heads) -> bool:
    """Whether most cells of a row are those of the row above: a ruling was seen where there is none."""
    if index <= heads.body:
        return False
    pairs = [(grid.rows[index - 1][column], grid.rows[index][column]) for column in heads.columns.values()]
    said = [above is cell for above, cell in pairs if above.text or cell.text]
    return sum(said) > _SAME * len(said)


def _resumes(grid: Grid, index: int) -> bool:
    """Whether rows with a text of their own in nearly every column go on after a closing row: it closed a part only."""
    return any(
        len({cell.text for cell in row if cell.text}) >= max(4, grid.columns - 1)
        and any(sign.isdigit() for sign in row[-1].text)
        for row in grid.rows[index + 1 : index + 4]
    )


def _continued(rule: GroupRule, heads: Heads, above: Sequence[GridCell], cells: Sequence[GridCell]) -> list[GridCell]:
    """The cells of a row with the texts of a continuation row added to its own; numbers stay as they are."""
    joined = list(above)
    for key, column in heads.columns.items():
        more, one = cells[column], above[column]
        if KINDS[rule.columns[key].kind].free and one.text and not _BARE.fullmatch(more.text):
            box = union([one.box, more.box]) if one.box and more.box else one.box
            joined[column] = GridCell(f"{one.text} {more.text}", (*one.words, *more.words), box)
    return joined


def _opens(words: Sequence[str], cells: Sequence[GridCell]) -> bool:
    """Whether the row, or one of its cells, opens with one of the words."""
    texts = [" ".join(cell.text for cell in cells).strip(), *(cell.text for cell in cells)]
    return any(opens(text[:start]) for text in texts for word in words for start, _, _ in match(word, text))


def _row(place: _Place, cells: Sequence[GridCell], heads: Heads, number: int) -> dict[str, Found]:
    found: dict[str, Found] = {}
    cells, number_cell = _parted(cells, heads)
    if number_cell is not None and heads.led is not None:
        key = heads.led[1]
        value = _cell(place, key, place.rule.columns[key], number_cell, number)
        found |= {key: value} if value is not None else {}
    for key, column in place.rule.columns.items():
        if key not in heads.columns:
            continue
        value = _cell(place, key, column, cells[heads.columns[key]], number)
        if value is not None:
            found[key] = value
    return found


def _parted(cells: Sequence[GridCell], heads: Heads) -> tuple[Sequence[GridCell], GridCell | None]:
    """The cells without the row's number that runs into one of them, and that number as a cell."""
    if heads.led is None or not cells[heads.led[0]].words or not cells[heads.led[0]].words[0].text.isdigit():
        return cells, None
    first, *rest = cells[heads.led[0]].words
    name = GridCell(" ".join(word.text for word in rest), tuple(rest), cells[heads.led[0]].box)
    parted = [name if index == heads.led[0] else cell for index, cell in enumerate(cells)]
    return parted, GridCell(first.text, (first,), first.box)


def _cell(place: _Place, key: str, column: Column, cell: GridCell, number: int) -> Found | None:
    """The value of a cell. A cell without words (from a model's table) still has its text."""
    ask = Ask(f"{place.key}[{number}].{key}", column.kind, place.form.language)
    if cell.words:
        return look(ask, cell.words, place.sheet, Layer.TABLE, column.headers[0])
    candidates = find(column.kind, cell.text, place.form.language)
    if not candidates:
        return None
    start, end, value = candidates[0]
    source = Source(Layer.TABLE, place.sheet.page, cell.text[start:end], cell.box, column.headers[0])
    return Found(ask.key, value, source, 1.0)


def _counts(rule: GroupRule, row: Row) -> bool:
    """A row of its own has a number or an amount; names alone continue the row above."""
    solid = [key for key in row if not KINDS[rule.columns[key].kind].free]
    return len(row) >= 2 and len(solid) >= min(2, sum(not KINDS[c.kind].free for c in rule.columns.values()))
