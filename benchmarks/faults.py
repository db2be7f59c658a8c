"""Faults as vision-language models make them, planted in a text that is right. Deterministic by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from chatvlmllm.trust.tokens import CYRILLIC_TO_LATIN, tokens

FAULTS = ("digit", "sentence", "line", "lookalike", "loop")

#: Said by nobody on any generated page: sentences as a model invents them, business-like and plausible.
INVENTIONS = (
    "Стороны подтверждают отсутствие взаимных претензий по настоящему соглашению.",
    "Оплата производится в течение пяти банковских дней после подписания акта.",
    "Товар отпускается по факту прихода денег на расчётный счёт поставщика.",
    "Претензии по качеству принимаются в течение четырнадцати календарных дней.",
    "Настоящий документ составлен в двух экземплярах равной юридической силы.",
    "Доставка осуществляется транспортом покупателя и за его счёт.",
    "Гарантийный срок исчисляется с момента передачи оборудования заказчику.",
    "В случае просрочки начисляется пеня согласно действующему законодательству.",
    "The quick inspection confirmed that every item was delivered undamaged.",
    "Спасибо, что воспользовались услугами нашей компании и её партнёров.",
    "Подпись ответственного лица заверена нотариусом в установленном порядке.",
    "Please retain this document for your records and future reference.",
)


@dataclass(frozen=True)
class Planted:
    """A text with one fault in it, at characters `start`…`end` (equal for something left out).

    `true` is what stood there before.
    """

    fault: str
    text: str
    start: int
    end: int
    true: str = ""


def plant(lines: Sequence[Sequence[str]], fault: str, seed: str) -> Planted | None:
    """The lines of a page with a fault; None where the page offers no place for it."""
    text = "\n".join(" ".join(line) for line in lines)
    return _PLANTERS[fault](text, Random(f"{fault}/{seed}"))


def _digit(text: str, rng: Random) -> Planted | None:
    """One digit of one number becomes another."""
    numbers = [token for token in tokens(text) if token.number]
    if not numbers:
        return None
    token = rng.choice(numbers)
    place = rng.choice([n for n in range(token.start, token.end) if text[n] in "0123456789"] or [-1])
    if place < 0:
        return None
    other = rng.choice([digit for digit in "0123456789" if digit != text[place]])
    return Planted("digit", text[:place] + other + text[place + 1 :], token.start, token.end, token.text)


def _sentence(text: str, rng: Random) -> Planted | None:
    """A sentence that is not on the page stands between two lines."""
    ends = [place for place, char in enumerate(text) if char == "\n"]
    place = rng.choice([*ends, len(text)])
    sentence = "\n" + rng.choice(INVENTIONS)
    return Planted("sentence", text[:place] + sentence + text[place:], place + 1, place + len(sentence))


def _line(text: str, rng: Random) -> Planted | None:
    """A line of at least sixteen letters is left out."""
    places, start = [], 0
    for line in text.split("\n"):
        if sum(len(token.key) for token in tokens(line)) >= 16:
            places.append((start, start + len(line)))
        start += len(line) + 1
    if not places:
        return None
    first, last = rng.choice(places)
    return Planted("line", text[:first] + text[last + 1 :], first, first, text[first:last])


def _lookalike(text: str, rng: Random) -> Planted | None:
    """One to three letters of a Russian word of at least four letters become the Latin ones that look alike."""
    places = []
    for token in tokens(text):
        letters = [n for n in range(token.start, token.end) if text[n] in CYRILLIC_TO_LATIN]
        cyrillic = all("а" <= char.lower() <= "я" or char in "ёЁ" for char in token.text)
        if cyrillic and len(token.text) >= 4 and 0 < len(letters) < len(token.text):
            places.append((token, letters))
    if not places:
        return None
    token, letters = rng.choice(places)
    swapped = list(text)
    for n in rng.sample(letters, min(len(letters), rng.randint(1, 3))):
        swapped[n] = CYRILLIC_TO_LATIN[text[n]]
    return Planted("lookalike", "".join(swapped), token.start, token.end, token.text)


def _loop(text: str, rng: Random) -> Planted | None:
    """From some line on the model says the same line over and over."""
    lines = text.split("\n")
    if len(lines) < 3:
        return None
    at = rng.randrange(1, len(lines))
    head = "\n".join(lines[:at]) + "\n"
    return Planted("loop", head + (lines[at] + "\n") * max(60, 2000 // (len(lines[at]) + 1)), len(head), len(head))


_PLANTERS = {"digit": _digit, "sentence": _sentence, "line": _line, "lookalike": _lookalike, "loop": _loop}
