"""What readers of bad scans get wrong in general is understood all the same, and never at the price of a false ok."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.bench.specimens import values
from chatvlmllm.decode.records import block as block_of
from chatvlmllm.decode.records import line as line_of
from chatvlmllm.forms import Outcome, extract, mrz
from chatvlmllm.forms.kinds import normalise
from chatvlmllm.forms.sheet import Stream
from chatvlmllm.forms.turns import compiled, search
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Cell, Kind, Reading, Table, Word
from tests.forms.papers import readings, typed, wrong

ROWS = """Счет на оплату № 7 от 03.01.2024

№    Наименование товара    Кол-во    Ед.    Цена         Сумма
{first}    Бумага офисная         2         шт     {price}       {amount}
2    Папка архивная         3         шт     10,00        30,00
3    Скрепки канцелярские   5         шт     12,50        62,50
4    Клей жидкий            1         шт     40,00        40,00

Всего к оплате: 1 332,50
"""


@pytest.mark.parametrize(("price", "amount"), [("60000", "1 200,00"), ("600,00", "120000"), ("600,00", "1 20000")])
def test_a_lost_mark_before_the_kopecks_is_known_by_the_table(price: str, amount: str) -> None:
    """Where the amounts of a table carry kopecks, a number without a mark has lost it; its text stays as read."""
    found = extract([typed(ROWS.format(first=1, price=price, amount=amount))], "invoice")
    assert (found.value("items[0].price"), found.value("items[0].amount")) == ("600.00", "1200.00")
    cells = found.groups[0].rows[0]
    assert {price, amount} == {cells["price"].raw, cells["amount"].raw}


@given(st.integers(100, 999999).filter(lambda number: number != 120000))
def test_no_other_amount_without_its_mark_is_called_right(number: int) -> None:
    """A sum whose digits are not those of quantity × price fails its check, with a mark or without one."""
    found = extract([typed(ROWS.format(first=1, price="600,00", amount=number))], "invoice")
    product_ = next(check for check in found.checks if check.code == "product")
    assert product_.outcome is Outcome.FAILED


def test_a_row_is_numbered_by_its_place_in_a_column_that_counts() -> None:
    """A number that breaks 1, 2, 3, … alone was misread; numbers that count nothing stay."""
    found = extract([typed(ROWS.format(first=7, price="600,00", amount="1 200,00"))], "invoice")
    assert [row["number"].value for row in found.groups[0].rows] == ["1", "2", "3", "4"]
    assert found.groups[0].rows[0]["number"].raw == "7"
    gap = ROWS.format(first=1, price="600,00", amount="1 200,00").replace("4    Клей", "5    Клей")
    numbers = [row["number"].value for row in extract([typed(gap)], "invoice").groups[0].rows]
    assert numbers == ["1", "2", "3", "5"], "a row may be missing before the last one"
    bids = extract(readings("protocol", 3), "protocol")
    assert wrong("protocol", 3, bids) == []


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("percent", "229", "22"),
        ("date", "20.06:2017", "2017-06-20"),
        ("date", "12:30:2017", None),
        ("integer", "254,", "254"),
        ("surname_latin", "ZHANŇA", "ZHANNA"),
        ("person", "Щукин М. 0.", "Щукин М. О."),
        ("person", "Щукин О. к.", "Щукин О. К."),
        ("person", "Щукин л. д.", "Щукин Л. Д."),
        ("person", "Договор т. е. контракт", None),
        ("date", "«1б» июня 2024", "2024-06-16"),
        ("address", "522450.г. Казань, уп.Южная,д. 93,к. 1,0ф.23", "522450, г. Казань, ул. Южная, д. 93, к. 1, оф. 23"),
        ("address", "Московская обл. г Химки ул Мира д 5", "Московская обл., г. Химки, ул. Мира, д. 5"),
        ("address", "587678, г. Воронех, ул. Садовая", "587678, г. Воронеж, ул. Садовая"),
        ("address", "587678,с Казань. ул. Садовая", "587678, г. Казань, ул. Садовая"),
        ("address", "Тверская обл., с. Казань, д. 1", "Тверская обл., с. Казань, д. 1"),
        ("address", "587678, г. Казани, д. 1", "587678, г. Казани, д. 1"),
        ("place_text", "511522, г. Воронех, д. 1", "511522, г. Воронеж, д. 1"),
        ("money", "52.30.63", None),
        ("money", "12:45", None),
        ("money", "17 32163", "17321.63"),
        ("spoken_money", "пятьсот тридцатьвосемь тысяч рублей 16 копеек", "538000.16"),
        ("text", "Консул ьтация", "Консультация"),
    ],
)
def test_signs_that_are_often_misread(kind: str, text: str, value: str | None) -> None:
    """A look-alike stands for what alone is possible in its place."""
    assert normalise(kind, text) == value


@pytest.mark.parametrize("text", ["пятьсот ххххххх тысяч рублей", "сто хххххх четыре тысячи рублей"])
def test_an_amount_in_words_with_a_strange_word_is_none(text: str) -> None:
    """The words before or after one that nobody knows are not taken for the whole amount."""
    assert normalise("spoken_money", text) is None


def _table(rows: Sequence[Sequence[str]], twice: int = -1, wide: int = 0) -> Reading:
    """A tax invoice whose table the reader saw with these texts; the first `wide` cells of row `twice` reach down."""
    reach = {(twice, column) for column in range(wide)}
    cells = [
        Cell(r, c, text, rows=2 if (r, c) in reach else 1)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
        if (r - 1, c) not in reach
    ]
    heading = typed("Счет-фактура № 7 от 03.01.2024")
    table = Table(len(rows), len(rows[0]), tuple(cells))
    return replace(heading, blocks=(*heading.blocks, Block(Kind.TABLE, "", table=table)))


HEADS = (
    "№ п/п",
    "Наименование товара",
    "Код вида товара",
    "кд",
    "обозна-",
    "Коли-",
    "Цена (тариф)",
    "Цена без",
    "Всего",
)
GRAPHS = ("1", "la", "16", "2", "2а", "3", "4", "5", "9")
FIRST = ("1", "Бумага офисная", "", "796", "шrг", "2", "10,00", "20,00", "24,00")
SECOND = ("2", "Папка архивная", "", "728", "пач", "3", "10,00", "30,00", "36,00")


def test_columns_of_an_official_form_are_known_by_their_graphs() -> None:
    """Misread graph numbers are no row of data, and those read right name their columns where headers do not."""
    found = extract([_table((HEADS, GRAPHS, FIRST, SECOND))], "vat_invoice")
    assert [found.value(f"items[{row}].unit_code") for row in (0, 1, 2)] == ["796", "728", None]
    assert [found.value(f"items[{row}].amount_net") for row in (0, 1)] == ["20.00", "30.00"]
    assert [found.value(f"items[{row}].amount") for row in (0, 1)] == ["24.00", "36.00"]


def test_a_unit_is_known_by_its_code() -> None:
    """Where the text is no unit the code says it; a unit that is one stays, whatever the code."""
    found = extract([_table((HEADS, GRAPHS, FIRST, (*SECOND[:3], "166", *SECOND[4:])))], "vat_invoice")
    assert [found.value(f"items[{row}].unit") for row in (0, 1)] == ["шт", "пач"]
    assert found.groups[0].rows[0]["unit"].raw == "шrг"


@pytest.mark.parametrize("wide", [7, 9])
def test_a_row_seen_twice_is_one_row(wide: int) -> None:
    """Cells that nearly all reach down over one ruling more than there is give one row."""
    rows = (HEADS, GRAPHS, FIRST, FIRST, SECOND)
    found = extract([_table(rows, 2, wide)], "vat_invoice")
    assert [row["name"].value for row in found.groups[0].rows] == ["Бумага офисная", "Папка архивная"]


def test_a_word_of_a_column_is_spelled_as_in_its_other_rows() -> None:
    """One strange letter in a word that the column repeats is put right; another ending is another word."""
    table = """ПРОТОКОЛ № 5\n\n№ заявки    Участник закупки      ИНН           Предложение о цене    Решение
320         ООО «Кедр»            7743880975    100,00                {}
121         ООО «Сосна»           7743880975    110,00                допущена
182         ООО «Ель»             7743880975    120,00                допущена\n\n7. Решение комиссии"""
    for read, meant in (("допйщена", "допущена"), ("допущено", "допущено"), ("отклонена", "отклонена")):
        found = extract([typed(table.format(read))], "protocol")
        assert (found.value("bids[0].decision"), found.value("bids[2].decision")) == (meant, "допущена")


def test_letters_of_other_alphabets_do_not_stand_in_russian_words() -> None:
    """қ, ң and the like are what they look like; the text as read keeps them."""
    found = extract([typed("ПРОТОКОЛ № 5\n2. Зақазчик: ГБУ «Городсқая школа». 3. Объект")], "protocol")
    field = next(one for one in found.fields if one.key == "customer_name")
    assert (field.value, "қ" in field.raw) == ("ГБУ «Городская школа»", True)


def _words(text: str) -> Stream:
    return Stream(tuple(Word(word, Box(0, 0, 1, 1)) for word in text.split()))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("в теекие 5 рабочих дней", "5"),
        ("втечение 5 рабочих дней", "5"),
        ("в течение 10 рвбочих дней", "10"),
        ("в течения 5 рабочих дней", None),
        ("в решении 5 рабочих дней", None),
    ],
)
def test_a_turn_of_speech_is_known_with_misread_words(text: str, days: str | None) -> None:
    """Words of a phrase may be misread, but another form of a word is another word; places are those as read."""
    stream = _words(text)
    said = next(search(compiled("в течение {days} рабочих дней", {"days": r"\d+"}), stream), None)
    assert (None if said is None else stream.text[slice(*said.spans["days"])]) == days


def test_labels_are_known_with_lost_and_confused_signs() -> None:
    """ИНН/КПП without its bar, and Ф.И.О. with a zero, are still labels."""
    name, number = "Полевая", values.inn_company(Random(5), "7793")
    card = extract(
        [typed(f"СТРАХОВОЕ СВИДЕТЕЛЬСТВО\n\nФ.И.0.    {name}\n          Дарья\n          Борисовна")], "snils"
    )
    assert (card.value("surname"), card.value("given_name"), card.value("patronymic")) == (name, "Дарья", "Борисовна")
    paper = f"Счет-фактура № 5 от 03.01.2024\nПродавец:    ООО «Кедр»\nИНнкПП продавца:    {number}/779301001"
    assert extract([typed(paper)], "vat_invoice").value("seller_inn") == number


def _sheared(page: Reading, slope: float) -> Reading:
    """A page as it lies after a small turn: words as high as their line, each lower the further right it stands."""

    def moved(box: Box, line: Box) -> Box:
        drop = slope * (box.x1 + box.x2) / 2
        return Box(box.x1, line.y1 + drop, box.x2, line.y2 + drop)

    blocks = [
        [replace(word, box=moved(word.box, line.box)) for word in line.words]
        for block in page.blocks
        for line in block.lines
    ]
    return replace(page, blocks=tuple(block_of(Kind.TEXT, [line_of(words)]) for words in blocks))


@pytest.mark.parametrize(
    ("kind", "slope"), list(product(("passport_rf", "snils", "driving_licence"), (-0.035, 0.0, 0.035)))
)
def test_a_card_without_long_lines_is_read_askew(kind: str, slope: float) -> None:
    """Two degrees of tilt change no field of a card, although none of its lines is long enough to measure it."""
    found = extract([_sheared(page, slope) for page in readings(kind, 5)], kind)
    assert wrong(kind, 5, found) == []


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_a_birth_is_known_although_its_number_was_not_read(seed: int) -> None:
    """A driving licence without the 3 before date and place of birth still says both."""
    page = readings("driving_licence", seed)[0]
    rows = [[word for word in line.words if word.text != "3."] for block in page.blocks for line in block.lines]
    page = replace(page, blocks=tuple(block_of(Kind.TEXT, [line_of(words)]) for words in rows if words))
    assert wrong("driving_licence", seed, extract([page], "driving_licence")) == []


def test_a_letter_for_two_digits_is_decided_by_the_check_digits() -> None:
    """T among digits is 7 or 1, whichever the zone's check digits allow; a zone that allows neither stays wrong."""
    lines = values.mrz_passport("GROMOV", "IGOR", "123456782", "710112", "M", "310415")
    for digit in "17":
        place = lines[1].index(digit, 13)
        zone = next(zone for _, zone in mrz.find([lines[0], lines[1][:place] + "T" + lines[1][place + 1 :]]))
        assert zone.composite
        assert zone.mended[1] == lines[1]
    spoilt = lines[1].replace("710112", "T10113")
    assert not next(zone for _, zone in mrz.find([lines[0], spoilt])).composite


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("tan ah kow\nGREEN LEAF (JOHOR) SDN BHD", "GREEN LEAF (JOHOR) SDN BHD"),
        ("some note\nАВС НО TRADING", "ABC HO TRADING"),
        ("FRESH MARKET", "FRESH MARKET"),
    ],
)
def test_the_seller_of_a_receipt_is_the_first_name_on_it(heading: str, name: str) -> None:
    """Notes in small letters above a name are none, and brackets belong to it; its letters are Latin."""
    paper = f"{heading}\n12 Harbour Street\nRECEIPT 0042\nDate 03/01/2024\nTotal 12.00"
    assert extract([typed(paper)], "receipt_en").value("seller_name") == name
