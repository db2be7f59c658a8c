"""What a witness hears, put right."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from chatvlmllm.page.strips import Image
from chatvlmllm.page.tesseract_lines import _one_alphabet
from chatvlmllm.page.witness import Chorus, Heard, Said


def test_look_alike_words_follow_their_line() -> None:
    """Latin letters in a Cyrillic line become Cyrillic; words keep their places; no words are no error."""
    heard = [Heard("OOO", 0, 10, 0.9), Heard("\u0420\u043e\u0433\u0430", 12, 30, 0.8)]
    assert [(w.text, w.start) for w in _one_alphabet(heard)] == [
        ("\u041e\u041e\u041e", 0),
        ("\u0420\u043e\u0433\u0430", 12),
    ]
    assert _one_alphabet([]) == []


def test_many_threads_say_what_one_says() -> None:
    """Crops dealt out to a pool come back in their order, each read alike; no crops are no error."""

    class Widths:
        name = "widths"

        def hear(self, crops: Sequence[Image]) -> list[Said]:
            return [Said((Heard(f"w{crop.shape[1]}", 0, 1, 0.9),), 0.9, self.name) for crop in crops]

        def close(self) -> None:
            pass

    crops = [np.zeros((10, width, 3), np.uint8) for width in (50, 7, 300, 12, 90, 200, 31)]
    with ThreadPoolExecutor(3) as pool:
        chorus = Chorus(Widths(), pool, 3)
        assert chorus.hear(crops) == Widths().hear(crops)
        assert chorus.hear(crops[:1]) == Widths().hear(crops[:1])
        assert chorus.hear([]) == []
