"""What the cells of a table say of each other: the convention of its amounts, the order of its numbers, units by code.

Only the spelling of a value is decided here, never a sum from other sums: those are for the checks to compare. The text
as read stays in the source of each cell.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from chatvlmllm.forms import money
from chatvlmllm.forms.form import GroupRule
from chatvlmllm.forms.found import Found

Row = Mapping[str, Found]
NUMBER_HEADERS = {"№", "№ п/п", "№ пп"}
#: A table prints hundredths when at least so many of its amounts have them, and this share of all.
_AMOUNTS, _MOST = 3, 0.75
_BARE = re.compile(r"\d{3,9}")
#: Units by their code in the Russian classifier of units (ОК 015-94), as tax papers print both.
_OKEI: Mapping[str, str] = {
    "003": "мм", "004": "см", "006": "м", "008": "км", "018": "пог. м", "055": "м²", "059": "га", "112": "л",
    "113": "м³", "163": "г", "166": "кг", "168": "т", "245": "кВт·ч", "355": "мин", "356": "ч", "359": "сут",
    "362": "мес", "366": "год", "616": "боб", "625": "лист", "642": "ед", "657": "изд", "704": "набор", "715": "пара",
    "728": "пач", "736": "рул", "778": "упак", "792": "чел", "796": "шт", "812": "ящ", "839": "компл", "868": "бут",
    "876": "усл. ед",
}  # fmt: skip


def settled(rule: GroupRule, rows: Sequence[Row]) -> list[Row]:
    """The rows of a group with those cells put right whose meaning the others leave in no doubt."""
    prints = _prints_hundredths(rule, rows)
    spelled = [{key: _cell(rule, row, key, prints=prints) for key in row} for row in rows]
    for index, key, one in _ordinals(rule, rows):
        spelled[index][key] = one
    return list(spelled)


def _cell(rule: GroupRule, row: Row, key: str, *, prints: bool) -> Found:
    kind, one = rule.columns[key].kind, row[key]
    if kind == "money" and prints and _BARE.fullmatch(one.source.text):
        return replace(one, value=f"{Decimal(one.source.text) / 100:.2f}")
    if kind == "unit":
        codes = (other.value for name, other in row.items() if rule.columns[name].kind == "okei")
        return replace(one, value=_unit(one.value, _OKEI.get(next(codes, ""), "")))
    return one


def _prints_hundredths(rule: GroupRule, rows: Sequence[Row]) -> bool:
    """Whether the amounts of the table carry hundredths, so that a bare number among them has lost its mark."""
    amounts = [one.source.text for row in rows for key, one in row.items() if rule.columns[key].kind == "money"]
    marked = sum(money.exact(text) for text in amounts)
    return marked >= max(_AMOUNTS, _MOST * len(amounts))


def _unit(read: str, coded: str) -> str:
    """The unit of the code beside it, if the text is that unit with a letter wrong or its end lost."""
    from rapidfuzz.distance import Levenshtein

    bare = read.strip(" .").casefold()
    if not coded or not bare or bare == coded.casefold():
        return read
    near = coded.casefold().startswith(bare) or Levenshtein.distance(bare, coded.casefold()) == 1
    return coded if near else read


def _ordinals(rule: GroupRule, rows: Sequence[Row]) -> Iterator[tuple[int, str, Found]]:
    """Numbers that were read in a column that counts rows, and are not those of their rows: row, column, right one."""
    for key in (key for key, column in rule.columns.items() if set(column.headers) & NUMBER_HEADERS):
        read = {index: row[key] for index, row in enumerate(rows) if key in row}
        wrong = [index for index, one in read.items() if one.value != str(index + 1)]
        if len(read) - len(wrong) >= max(2, _MOST * (len(read) - 1)):
            yield from ((index, key, replace(read[index], value=str(index + 1))) for index in wrong)
