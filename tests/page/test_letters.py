"""Letters that a page cannot mean."""

import pytest

from chatvlmllm.page.letters import estranged, one_case
from chatvlmllm.page.read import LineReader
from chatvlmllm.page.witness import Heard, Said

from .drawing import Sheet

RUSSIAN = Said((Heard("договор" * 30, 0, 100, 0.99),), 0.99, "x")


def _line(text: str, confidence: float) -> Said:
    return Said((Heard(text, 0, 10, confidence),), confidence, "x")


@pytest.mark.parametrize(
    ("said", "meant"), [("МИнИСТЕРСТВО", "МИНИСТЕРСТВО"), ("РОССИЙсКОЙ ФЕДЕРАЦИИ", "РОССИЙСКОЙ ФЕДЕРАЦИИ")]
)
def test_small_letters_among_capitals_are_capitals(said: str, meant: str) -> None:
    """A word of capitals has no small letter in its middle."""
    assert one_case(said) == meant


@pytest.mark.parametrize(
    "text", ["ГОСТов", "МТРиО", "ПромСтройБанк", "ТехноЛадья", "Москва", "LaTeX", "кВт·ч", "СНиП", ""]
)
def test_words_of_two_cases_that_are_meant_so_stay(text: str) -> None:
    """Endings, units, names and abbreviations keep their letters."""
    assert one_case(text) == text


def test_a_doubtful_foreign_letter_on_a_russian_page_is_read_again() -> None:
    """Only where the reader was unsure, and only on a page that is not in that language."""
    assert estranged([RUSSIAN, _line("КІПІ", 0.5), _line("ООО", 0.4)]) == [1]
    assert estranged([RUSSIAN, _line("Müller", 0.99)]) == []
    assert estranged([RUSSIAN, *[_line("їжак і єнот", 0.6)] * 5]) == []
    assert estranged([_line("КІПІ", 0.5)]) == []


def test_barred_letters_are_never_read() -> None:
    """The reader takes the next likely letter, and the same text where none was barred."""
    crop = Sheet(400, 50).text(10, 8, "brown fox over logs").pixels()
    reader = LineReader(1)
    (plain,) = reader.read([crop])
    (barred,) = reader.read([crop], without="oо0O")
    assert plain.text.count("o") == 4
    assert set("oо0O").isdisjoint(barred.text)
    assert len(barred.text) >= len(plain.text) - 4
    assert reader.read([crop]) == [plain]
