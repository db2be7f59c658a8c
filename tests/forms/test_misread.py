"""What readers of bad scans get wrong in general is understood all the same, and never at the price of a false ok."""

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
from chatvlmllm.reading import Kind, Reading, Word
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
        ("address", "522450.г. Казань, уп.Южная,д. 93,к. 1,0ф.23", "522450, г. Казань, ул. Южная, д. 93, к. 1, оф. 23"),
        ("address", "Московская обл. г Химки ул Мира д 5", "Московская обл., г. Химки, ул. Мира, д. 5"),
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
