"""What a witness hears, put right."""

from chatvlmllm.page.tesseract_lines import _one_alphabet
from chatvlmllm.page.witness import Heard


def test_look_alike_words_follow_their_line() -> None:
    """Latin letters in a Cyrillic line become Cyrillic; words keep their places; no words are no error."""
    heard = [Heard("OOO", 0, 10, 0.9), Heard("\u0420\u043e\u0433\u0430", 12, 30, 0.8)]
    assert [(w.text, w.start) for w in _one_alphabet(heard)] == [
        ("\u041e\u041e\u041e", 0),
        ("\u0420\u043e\u0433\u0430", 12),
    ]
    assert _one_alphabet([]) == []
