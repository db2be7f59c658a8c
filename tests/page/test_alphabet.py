"""Look-alike letters follow their word."""

import pytest

from chatvlmllm.page.alphabet import settle


def settled(text: str, confidence: float = 1.0) -> str:
    return settle(text, [confidence] * len(text))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Poссия", "Россия"),
        ("дoговoр", "договор"),
        ("Тhe Рage", "The Page"),
        ("расxод", "расход"),
        ("НOМЕ", "НОМЕ"),
    ],
)
def test_a_word_is_written_in_one_alphabet(said: str, meant: str) -> None:
    """A letter from the other alphabet is replaced by its twin when the rest of the word says so."""
    assert settled(said) == meant


@pytest.mark.parametrize("text", ["USB-кабель", "А123ВС77", "C++ и Си", "x = 5", "", "Windows для дома", "IV квартал"])
def test_what_is_meant_to_be_mixed_stays(text: str) -> None:
    """Several words in several alphabets, codes with digits and single letters are left alone."""
    assert settled(text) == text


def test_an_unsure_word_follows_its_line() -> None:
    """A word of look-alikes only takes the alphabet of the clear words around it, unless the reader was sure."""
    assert settled("НОМЕ page", 0.5) == "HOME page"
    assert settled("НОМЕ page", 0.99) == "НОМЕ page"


def test_a_latin_line_is_latin_throughout() -> None:
    """Among two or more Latin words and no Cyrillic one, a sure word of look-alikes is Latin too."""
    assert settled("НОМЕ PAGE EXPORT") == "HOME PAGE EXPORT"
    assert settled("Сканер XEROX для дома") == "Сканер XEROX для дома"


def test_one_character_stays_one_character() -> None:
    """Places of characters stay valid: the length never changes."""
    text = "Рage дoм НOМЕ А1B2 ҚAЗAҚ"
    assert len(settled(text)) == len(text)


def test_commands_of_a_markup_language_are_latin() -> None:
    """Look-alike letters after a backslash are no Russian word, whatever stands around them."""
    assert settled("команда \\ехр и \\сор") == "команда \\exp и \\cop"
