"""Dates, money, amounts in words and names come out the same however a paper writes them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from chatvlmllm.bench.specimens.draw import MONTHS, amount_in_words
from chatvlmllm.bench.specimens.draw import money as printed
from chatvlmllm.forms import dates, money, names, words
from chatvlmllm.forms.kinds import normalise

days = st.dates(date(1951, 1, 1), date(2049, 12, 31))
amounts = st.decimals(0, 10**9, places=2, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("3 января 2014 г.", "2014-01-03"),
        ("«03» января 2014 года", "2014-01-03"),
        ('от "03" января 2014г.', "2014-01-03"),
        ("03.01.14", "2014-01-03"),
        ("03.01.2014", "2014-01-03"),
        ("3/1/2014", "2014-01-03"),
        ("03-01-2014", "2014-01-03"),
        ("2014-01-03", "2014-01-03"),
        ("03 01 2014", "2014-01-03"),
        ("3 Jan 2014", "2014-01-03"),
        ("January 3rd, 2014", "2014-01-03"),
        ("3 янваоя 2014", "2014-01-03"),
        ("25/01/2018 8:13:39 PM", "2018-01-25"),
        ("01/25/2018", "2018-01-25"),
        ("31.12.99", "1999-12-31"),
        ("30.02.2014", None),
        ("7708123456", None),
        ("044525225", None),
        ("№ 12-34", None),
    ],
)
def test_dates_in_every_spelling(text: str, iso: str | None) -> None:
    """A date is found whatever its form; what is no date stays none."""
    assert dates.parse(text) == iso


@given(days)
def test_every_day_survives_its_spellings(day: date) -> None:
    """Short, long, quoted and ISO forms of a day give the day back."""
    for text in (f"{day:%d.%m.%Y}", f"«{day:%d}» {MONTHS[day.month - 1]} {day.year} г.", day.isoformat()):
        assert dates.parse(text) == day.isoformat()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 234 567,89", "1234567.89"),
        ("1 234,50 руб.", "1234.50"),
        ("1 234,50", "1234.50"),
        ("300 000-00", "300000.00"),
        ("8000=", "8000.00"),
        ("12 345 руб. 67 коп.", "12345.67"),
        ("70 161 рубль 00 копеек", "70161.00"),
        ("RM 9.00", "9.00"),
        ("£22,180.47", "22180.47"),
        ("1.234,50 €", "1234.50"),
        ("-15,00", "-15.00"),
        ("ничего", None),
    ],
)
def test_money_in_every_spelling(text: str, value: str | None) -> None:
    """Spaces of any width, commas, points, dashes and written units give the same amount."""
    assert normalise("money", text) == value


@given(amounts, st.sampled_from((" ", " ", " ", "")))
def test_printed_money_comes_back(amount: Decimal, gap: str) -> None:
    """What the generator prints is read as the same amount."""
    assert money.amount(printed(amount, gap)) == f"{amount:.2f}"


@given(amounts)
def test_words_come_back_as_the_amount(amount: Decimal) -> None:
    """An amount written in Russian words parses to itself, exactly."""
    assert words.parse(amount_in_words(amount)) == words.Spoken(amount, exact=True)


@given(st.integers(0, 10**9))
def test_english_words_come_back(number: int) -> None:
    """So does one written in English words."""
    spoken = words.parse(num2words(number, lang="en") + " dollars")
    assert spoken is not None
    assert spoken.amount == number


@given(st.integers(1000, 999_999), st.integers(0, 10**6))
def test_one_misread_letter_never_makes_another_amount(number: int, place: int) -> None:
    """A wrong letter gives the right amount, marked inexact, or none at all."""
    text = num2words(number, lang="ru")
    index = place % len(text)
    spoken = words.parse(f"{text[:index]}ъ{text[index + 1 :]} рублей")
    assert spoken is None or spoken.amount == number


@pytest.mark.parametrize("text", ["", "рублей", "сто двадцать попугаев рублей", "копейки"])
def test_what_is_no_amount_is_none(text: str) -> None:
    """Text that is not a number from its first word to its currency has no amount."""
    assert words.parse(text) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("____________ И.И. Ромашкин", "Ромашкин И. И."),
        ("Ромашкин И. И.", "Ромашкин И. И."),
        ("РОМАШКИНА-КЕДРОВА АННА ИГОРЕВНА", "Ромашкина-Кедрова Анна Игоревна"),
        ("директор Ромашкин Иван Иванович", "Ромашкин Иван Иванович"),
    ],
)
def test_names_of_people(text: str, name: str) -> None:
    """Initials on either side, capitals and hyphens give one form."""
    assert normalise("person", text) == name


def test_names_of_organisations() -> None:
    """Quotes of any kind become «», and the name ends where the paper goes on."""
    assert names.organisations('ООО "Северный кедр", ИНН 77', "ru")[0][2] == "ООО «Северный кедр»"
    assert names.organisations("АО „Меридиан-Опт”", "ru")[0][2] == "АО «Меридиан-Опт»"
    assert names.organisations("ИП Ромашкин Иван Иванович, ОГРНИП", "ru")[0][2] == "ИП Ромашкин Иван Иванович"
