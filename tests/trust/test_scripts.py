"""Words of mixed script: found, repaired only when certain, and never in the text itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.trust.scripts import repaired, reverted, suspicious
from chatvlmllm.trust.tokens import CYRILLIC_TO_LATIN

MIXTURES = st.text("абвгдеАВЕКМНОРСТУХABCEHKMOPTXYaceopxy0369 .-", max_size=120)


@given(st.one_of(st.text(max_size=120), MIXTURES))
def test_t24_repairs_are_reversible_and_apart_from_the_text(text: str) -> None:
    """A repair quotes what it replaces, and taking all repairs back gives the text as it was read."""
    doubts, repairs = suspicious(text)
    assert all(text[repair.start : repair.end] == repair.raw for repair in repairs)
    assert all(text[doubt.start : doubt.end] == doubt.raw for doubt in doubts)
    assert reverted(repaired(text, repairs), repairs) == text


@pytest.mark.parametrize(
    ("text", "raw", "right"),
    [
        ("Договор пoставки товара", "пoставки", "поставки"),
        ("г. Mосква, улица Лесная", "Mосква", "Москва"),
        ("Сумма к оплате в рублях прописью: OOO «Ветер»", "OOO", "ООО"),
        ("оплата по д0говору", "д0говору", "договору"),
        ("Your invоice number", "invоice", "invoice"),
    ],
)
def test_certain_slips_are_repaired(text: str, raw: str, right: str) -> None:
    """Where only one reading is possible, it is offered."""
    _, repairs = suspicious(text)
    assert [(repair.raw, repair.repaired) for repair in repairs] == [(raw, right)]
    assert repaired(text, repairs) == text.replace(raw, right)


@pytest.mark.parametrize(
    "text",
    [
        "IP-адрес и Wi-Fi",
        "номер А123ВС77",
        "5кг и 10мм",
        "ТУ 2291-001",
        "COVID-19",
        "бумага А4",
        "счёт №5А",
        "1С:Бухгалтерия",
    ],
)
def test_t24_codes_and_units_are_left_alone(text: str) -> None:
    """What mixes on purpose is not repaired: no blanks, no swaps, no digits changed."""
    assert suspicious(text)[1] == ()


@pytest.mark.parametrize("word", ["Договор", "Поставщик", "сентября", "Российская", "Ответственность"])
def test_every_planted_lookalike_is_found(word: str) -> None:
    """Each single letter swapped for its Latin twin makes the word suspicious, and the offered repair is the word."""
    for place, char in enumerate(word):
        if char in CYRILLIC_TO_LATIN:
            mixed = word[:place] + CYRILLIC_TO_LATIN[char] + word[place + 1 :]
            doubts, repairs = suspicious(f"пункт {mixed} первый")
            assert [doubt.code for doubt in doubts] == ["mixed_script"]
            assert [repair.repaired for repair in repairs] == [word]


def test_pure_words_are_not_suspicious() -> None:
    """Russian and English beside each other raise no doubt."""
    assert suspicious("Оплата invoice по договору MAX и OPEC, рост CTR") == ((), ())
