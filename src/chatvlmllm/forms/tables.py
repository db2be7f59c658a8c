"""Repeating groups: rows under known headers, in the reader's tables or by the places of words, over pages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chatvlmllm.forms import lines
from chatvlmllm.forms.columns import NUMBER_HEADERS, Row, settled
from chatvlmllm.forms.form import Column, Form, GroupRule
from chatvlmllm.forms.found import Ask, Found, look
from chatvlmllm.forms.grid import Grid, GridCell, grids
from chatvlmllm.forms.kinds import KINDS, find
from chatvlmllm.forms.labels import alike, fold, match, opens, tokens
from chatvlmllm.forms.nouns import Layer, Source
from chatvlmllm.forms.sheet import Sheet
from chatvlmllm.geometry import union

#: A sum in its own column of the closing row is surer than one beside a label.
_CLOSING = 1.25
#: A header is like another from this similarity on, 0…1.
_ALIKE = 0.6
#: So many short numbers in rising order number the columns, although some of them were misread.
_GRAPHS = 6
#: What continues no text of the row above: nothing, or a number by itself.
_BARE = re.compile(r"[\d\s.,/]*")


@dataclass(frozen=True)
class _Heads:
    """Which column of a grid is which of the group, and the first row of data."""

    columns: Mapping[str, int]
    body: int
    #: The column whose cells begin with the row's number, and the key of the number: a ruling between them was missed.
    led: tuple[int, str] | None = None


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
    heads: _Heads | None = None
    width, open_ended = 0, False
    for sheet in sheets:
        headed = [
            (grid, found)
            for grid in grids(sheet, _headers(rule), (rule.until, rule.skip))
            if (found := _heads(rule, grid)) and not _collapsed(rule, grid, found)
        ]
        if headed:
            grid, heads = max(headed, key=lambda pair: len(pair[1].columns))
            width = grid.columns
        else:
            same = [grid for grid in grids(sheet, {}) if grid.columns == width]
            if not (heads and open_ended and same):
                continue
            grid, heads = same[0], _Heads(heads.columns, 0)
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


def _heads(rule: GroupRule, grid: Grid) -> _Heads | None:
    """Headers found in the upper rows, at least two and all the needed ones; each column is taken once."""
    best: _Heads | None = None
    for last in range(min(4, len(grid.rows))):
        texts = [_joined(grid, range(last + 1), column) for column in range(grid.columns)]
        taken: dict[str, int] = {}
        for quality, key, column in sorted(_scores(rule, texts), reverse=True):
            if quality > 0 and key not in taken and column not in taken.values():
                taken[key] = column
        if len(taken) < 2:
            continue
        _likely(rule, texts, taken)
        _likely(rule, [cell.text for cell in grid.rows[last]], taken)
        if set(rule.needs) <= set(taken):
            count = len(best.columns) if best is not None else 0
            on = best is not None and best.body == last and _goes_on(grid, last)
            if len(taken) > count or (len(taken) == count and on):
                best = _Heads(taken, last + 1)
    if best is None:
        return None
    body = _after_numbers(grid, best.body)
    known = _by_graphs(rule, grid, body, best.columns) if body > best.body else best.columns
    columns = {**known, **_ordinals(rule, grid, known, body)}
    return _Heads(columns, body, _led(rule, grid, columns, body))


def _collapsed(rule: GroupRule, grid: Grid, heads: _Heads) -> bool:
    """Whether rulings between rows were missed: the cell of the first number holds the second one as well."""
    key = _number_key(rule)
    if key is None or key not in heads.columns or heads.body >= len(grid.rows):
        return False
    return re.match(r"\D*1\W+2\b", grid.rows[heads.body][heads.columns[key]].text) is not None


def _number_key(rule: GroupRule) -> str | None:
    return next((key for key, column in rule.columns.items() if set(column.headers) & NUMBER_HEADERS), None)


def _led(rule: GroupRule, grid: Grid, columns: Mapping[str, int], body: int) -> tuple[int, str] | None:
    """The left column when its cells begin with the numbers 1, 2, 3, … and no column of numbers was found."""
    key, first = _number_key(rule), min(columns.values())
    if key is None or key in columns:
        return None
    words = [row[first].words for row in grid.rows[body:] if len(row[first].words) > 1]
    count = sum(row[0].text == str(number) for number, row in enumerate(words, 1))
    return (first, key) if count and count >= 0.6 * len(words) else None


def _goes_on(grid: Grid, row: int) -> bool:
    """Whether a header cell of the row above reaches down into this one."""
    pairs = zip(grid.rows[row - 1], grid.rows[row], strict=True) if row else ()
    return any(above is cell and cell.text for above, cell in pairs)


def _likely(rule: GroupRule, texts: Sequence[str], taken: dict[str, int]) -> None:
    """Short headers that were misread beyond the usual are still known when no other column is like them."""
    pairs = [
        (similarity, key, index)
        for key, column in rule.columns.items()
        for index, text in enumerate(texts)
        for header in column.headers
        if key not in taken and index not in taken.values() and (similarity := alike(header, text)) >= _ALIKE
    ]
    for _, key, index in sorted(pairs, reverse=True):
        if key not in taken and index not in taken.values():
            taken[key] = index


def _ordinals(rule: GroupRule, grid: Grid, columns: Mapping[str, int], body: int) -> Mapping[str, int]:
    """The column of row numbers, whose narrow header is often misread: left of all others, counting from one."""
    key = _number_key(rule)
    if key is None or key in columns:
        return {}
    for index in range(min(columns.values())):
        texts = [grid.rows[row][index].text for row in range(body, len(grid.rows))]
        right = sum(text.strip(" .|") == str(count) for count, text in enumerate(texts, 1))
        if right and right >= 0.6 * min(len(texts), sum(any(sign.isdigit() for sign in text) for text in texts) + 1):
            return {key: index}
    return {}


def _joined(grid: Grid, rows: range, column: int) -> str:
    seen: list[str] = []
    for row in rows:
        cell = grid.at(row, column)
        if cell is not None and cell.text not in seen:
            seen.append(cell.text)
    return " ".join(seen)


def _scores(rule: GroupRule, texts: Sequence[str]) -> Iterator[tuple[float, str, int]]:
    """How well each header text names each column of the rule, 0…1: the share of it that a header covers."""
    for index, text in enumerate(texts):
        size = sum(len(token.text) for token in tokens(text)) or 1
        for key, column in rule.columns.items():
            for rank, header in enumerate(column.headers):
                for start, end, quality in match(header, text):
                    share = min(1.0, (end - start) / size)
                    bonus = 0.15 if not any(sign.isalnum() for sign in text[:start]) else 0.0
                    yield quality * (0.4 + 0.6 * share) + bonus - 0.01 * rank, key, index


def _after_numbers(grid: Grid, row: int) -> int:
    """Past a row that only numbers the columns (1, 2, 3, …); a line of headers may stand before it."""
    for index in range(row, min(row + 2, len(grid.rows))):
        texts = [cell.text.strip() for cell in grid.rows[index] if cell.text.strip()]
        short = [text for text in texts if len(text) <= 3]
        numbers = [int(text) for text in texts if re.fullmatch(r"\d{1,2}", text)]
        told = {"2", "3"} <= set(texts) or _rising(numbers) >= _GRAPHS
        if len(texts) >= 3 and len(short) >= 0.8 * len(texts) and told:
            return index + 1
    return row


def _by_graphs(rule: GroupRule, grid: Grid, body: int, columns: Mapping[str, int]) -> Mapping[str, int]:
    """The columns with those put right that the row of graph numbers before the data names beyond doubt."""
    cells = grid.rows[body - 1]
    texts = [fold(cell.text.strip(" .|")) if cell not in cells[:index] else "" for index, cell in enumerate(cells)]
    told = {
        key: texts.index(fold(column.graph))
        for key, column in rule.columns.items()
        if column.graph and texts.count(fold(column.graph)) == 1
    }
    return {key: index for key, index in columns.items() if index not in told.values()} | told


def _rising(numbers: Sequence[int]) -> int:
    """How many of the numbers are in rising order when the fewest of them are left out."""
    best: list[int] = []
    for index, number in enumerate(numbers):
        best.append(1 + max((best[i] for i in range(index) if numbers[i] < number), default=0))
    return max(best, default=0)


def _totals(place: _Place, grid: Grid, heads: _Heads, closing: int) -> Iterator[Found]:
    """The fields that stand in the closing row under their columns."""
    for column, key in place.rule.totals.items():
        cell = grid.at(closing, heads.columns[column]) if column in heads.columns else None
        ask = Ask(key, place.form.fields[key].kind, place.form.language)
        found = look(ask, cell.words, place.sheet, Layer.TABLE) if cell is not None and cell.words else None
        if found is not None:
            yield replace(found, score=_CLOSING * found.score)


def _body(place: _Place, grid: Grid, heads: _Heads, count: int) -> tuple[list[Row], int | None]:
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


def _reaches_down(grid: Grid, index: int, heads: _Heads) -> bool:
    """Whether every cell of a row is one of the row above: a ruling was seen where there is none."""
    return index > heads.body and all(
        grid.rows[index][column] is grid.rows[index - 1][column] and grid.rows[index][column].text
        for column in heads.columns.values()
        if grid.rows[index][column].text or grid.rows[index - 1][column].text
    )


def _resumes(grid: Grid, index: int) -> bool:
    """Whether rows with a text of their own in nearly every column go on after a closing row: it closed a part only."""
    return any(
        len({cell.text for cell in row if cell.text}) >= max(4, grid.columns - 1)
        and any(sign.isdigit() for sign in row[-1].text)
        for row in grid.rows[index + 1 : index + 4]
    )


def _continued(rule: GroupRule, heads: _Heads, above: Sequence[GridCell], cells: Sequence[GridCell]) -> list[GridCell]:
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


def _row(place: _Place, cells: Sequence[GridCell], heads: _Heads, number: int) -> dict[str, Found]:
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


def _parted(cells: Sequence[GridCell], heads: _Heads) -> tuple[Sequence[GridCell], GridCell | None]:
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
