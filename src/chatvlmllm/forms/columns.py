"""What the cells of a table say of each other: the convention of its amounts, the order of its numbers, units by code.

Only the spelling of a value is decided here, never a sum from other sums: those are for the checks to compare. The text
as read stays in the source of each cell.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from chatvlmllm.forms import money, units
from chatvlmllm.forms.form import GroupRule
from chatvlmllm.forms.found import Found

Row = Mapping[str, Found]
NUMBER_HEADERS = {"№", "№ п/п", "№ пп"}
#: A table prints hundredths when at least so many of its amounts have them, and this share of all.
_AMOUNTS, _MOST = 3, 0.75
#: A spelling is usual when it stands so often in its column; words shorter than this have too many neighbours.
_REPEATED, _LETTERS = 2, 6
_BARE = re.compile(r"\d{3,9}")


def settled(rule: GroupRule, rows: Sequence[Row]) -> list[Row]:
    """The rows of a group with those cells put right whose meaning the others leave in no doubt."""
    prints = _prints_hundredths(rule, rows)
    spelled = [{key: _cell(rule, row, key, prints=prints) for key in row} for row in rows]
    for index, key, one in (*_ordinals(rule, rows), *_usual(rule, rows)):
        spelled[index][key] = one
    return list(spelled)


def _cell(rule: GroupRule, row: Row, key: str, *, prints: bool) -> Found:
    kind, one = rule.columns[key].kind, row[key]
    if kind == "money" and prints and _BARE.fullmatch(one.source.text):
        return replace(one, value=f"{Decimal(one.source.text) / 100:.2f}")
    if kind == "unit":
        codes = (other.value for name, other in row.items() if rule.columns[name].kind == "okei")
        return replace(one, value=units.by_code(one.value, next(codes, "")))
    return one


def _prints_hundredths(rule: GroupRule, rows: Sequence[Row]) -> bool:
    """Whether the amounts of the table carry hundredths, so that a bare number among them has lost its mark."""
    amounts = [one.source.text for row in rows for key, one in row.items() if rule.columns[key].kind == "money"]
    marked = sum(money.exact(text) for text in amounts)
    return marked >= max(_AMOUNTS, _MOST * len(amounts))


def _usual(rule: GroupRule, rows: Sequence[Row]) -> Iterator[tuple[int, str, Found]]:
    """Texts one sign, not at their end, from one that their column repeats: row, column, the usual spelling."""
    from rapidfuzz.distance import Hamming

    for key in (key for key, column in rule.columns.items() if column.kind == "text"):
        said = Counter(row[key].value for row in rows if key in row)
        usual = [text for text, count in said.items() if count >= _REPEATED and not any(map(str.isdigit, text))]
        for index, row in enumerate(rows):
            read = row[key].value if key in row else ""
            near = [text for text in usual if len(text) == len(read) and text[-2:] == read[-2:]]
            near = [text for text in near if len(text) >= _LETTERS and Hamming.distance(text, read) == 1]
            if len(near) == 1 and said[read] == 1:
                yield index, key, replace(row[key], value=near[0])


def _ordinals(rule: GroupRule, rows: Sequence[Row]) -> Iterator[tuple[int, str, Found]]:
    """Numbers misread in a column that counts its rows: row, column, right one.

    The count must go on right after one, or have had its number before; else a row may be missing there.
    """
    for key in (key for key, column in rule.columns.items() if set(column.headers) & NUMBER_HEADERS):
        read = {index: row[key] for index, row in enumerate(rows) if key in row}
        right = [index for index, one in read.items() if one.value == str(index + 1)]
        if len(right) < max(2, _MOST * (len(read) - 1)):
            continue
        for index, one in read.items():
            if index not in right and (index < right[-1] or one.value in {str(number + 1) for number in right}):
                yield index, key, replace(one, value=str(index + 1))
