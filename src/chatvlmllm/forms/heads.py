"""Which column of a grid is which of a group: by header words, by graph numbers, by what stands under them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chatvlmllm.forms.columns import NUMBER_HEADERS
from chatvlmllm.forms.form import GroupRule
from chatvlmllm.forms.grid import Grid
from chatvlmllm.forms.labels import alike, fold, match, tokens

#: A header is like another from this similarity on, 0…1.
_ALIKE = 0.6
#: So many short numbers in rising order number the columns, although some of them were misread.
_GRAPHS = 6


@dataclass(frozen=True)
class Heads:
    """Which column of a grid is which of the group, and the first row of data."""

    columns: Mapping[str, int]
    body: int
    #: The column whose cells begin with the row's number, and the key of the number: a ruling between them was missed.
    led: tuple[int, str] | None = None


def heads_of(rule: GroupRule, grid: Grid) -> Heads | None:
    """Headers found in the upper rows, at least two and all the needed ones; each column is taken once."""
    best: Heads | None = None
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
                best = Heads(taken, last + 1)
    if best is None:
        return None
    body = _after_numbers(grid, best.body)
    known = _by_graphs(rule, grid, body, best.columns) if body > best.body else best.columns
    columns = {**known, **_ordinals(rule, grid, known, body)}
    return Heads(columns, body, _led(rule, grid, columns, body))


def number_key(rule: GroupRule) -> str | None:
    return next((key for key, column in rule.columns.items() if set(column.headers) & NUMBER_HEADERS), None)


def _led(rule: GroupRule, grid: Grid, columns: Mapping[str, int], body: int) -> tuple[int, str] | None:
    """The left column when its cells begin with the numbers 1, 2, 3, … and no column of numbers was found."""
    key, first = number_key(rule), min(columns.values())
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
    key = number_key(rule)
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
