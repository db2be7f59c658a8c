"""A PDF's own text is used when it can be believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm import open_document, recognize
from chatvlmllm.document.textlayer import Glyph, assemble, doubt
from chatvlmllm.geometry import Box
from tests.pdfs import text_pdf

RUSSIAN = "Настоящий акт составлен в двух экземплярах, по одному для каждой из сторон."


def test_plain_russian_is_trusted() -> None:
    """Ordinary text raises no doubt."""
    assert doubt(RUSSIAN, 0.0) is None


@pytest.mark.parametrize(
    "text", ["Größe, Übermaß, Äußerung und Fußgängerübergänge", "déjà vécu à l'hôtel, été çà et là"]
)
def test_accents_are_not_mojibake(text: str) -> None:
    """Languages that do use the accented half of Latin-1 are trusted."""
    assert doubt(text, 0.0) is None


def test_cyrillic_through_a_latin_code_page_is_not_trusted() -> None:
    """Russian shown as accented Latin letters is recognised as garbled."""
    assert doubt(RUSSIAN.encode("cp1251").decode("latin-1"), 0.0) == "wrong_encoding"


def test_glyph_numbers_are_not_trusted() -> None:
    """Characters from the private use area carry no text."""
    assert doubt("".join(chr(0xE000 + ord(c) % 200) for c in RUSSIAN), 0.0) == "unreadable_characters"


def test_a_scan_with_hidden_text_is_not_trusted() -> None:
    """Text behind a full-page picture was made by some other recogniser."""
    assert doubt(RUSSIAN, 0.95) == "scan_with_hidden_text"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Zs", "Zl", "Zp", "Cc", "Cf")), min_size=1)))
def test_no_character_is_lost_between_glyphs_and_words(words: list[str]) -> None:
    """Grouping glyphs into words keeps every visible character, in order."""
    import unicodedata

    glyphs = [Glyph(c, None if c == " " else Box(0, 0, 1, 1)) for c in " ".join(words)]
    got = "".join(word.text for line in assemble(glyphs) for word in line)
    kept = "".join("".join(words).replace("\x02", "-").replace("\ufffe", "-").split())
    assert unicodedata.normalize("NFC", got) == unicodedata.normalize("NFC", kept)


def test_a_born_digital_page_is_read_from_its_layer() -> None:
    """`auto` takes the exact text of a PDF and says that it did."""
    (reading,) = recognize(text_pdf("Invoice 42", "Total 1 000,00"))
    assert reading.answered == "text_layer"
    assert reading.text.split() == ["Invoice", "42", "Total", "1", "000,00"]
    assert reading.attempts[0].reason == "text_layer"


def test_the_words_of_a_layer_lie_on_their_ink() -> None:
    """Boxes of the text layer are in pixels of the drawn page: every word's box contains dark pixels."""
    content = text_pdf("Invoice 42", "Total 1 000,00")
    (reading,) = recognize(content)
    with open_document(content) as document:
        image = next(document.pages()).image().convert("L")
    for word in reading.words:
        box = word.box
        dark = image.crop((round(box.x1), round(box.y1), round(box.x2), round(box.y2))).getextrema()[0]
        assert dark < 100, word
