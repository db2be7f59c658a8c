"""What the drawn lines say: running words, forms, sums, codes, in seven languages with Russian first.

Every token is written in one alphabet, so that the network can learn from context which А is meant. All names, numbers
and addresses are made up from lists and a random source; none is taken from a document.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from pathlib import Path

import words
from charset import DIGITS, LATIN, RUSSIAN, charset

_LISTS = tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text("utf-8"))
FORM_PARTS = _LISTS.pop("forms").replace("\n", "").rstrip("|").split("|")
LISTS: dict[str, list[str]] = {name: text.split() for name, text in _LISTS.items()}
CURRENCIES = ("руб.", "₽", "р.", "USD", "$", "EUR", "€", "₴", "₸", "£", "коп.", "тг.", "грн", "лв.", "дин.")


class Texts:
    """Draws line texts; all randomness comes from the `random.Random` handed to `draw()`."""

    def __init__(self) -> None:
        self.words = {language: words.load(language) for language in words.DICTIONARIES}
        self.prose = words.prose()
        self.classes = charset()
        self.kinds: list[tuple[float, str, Callable[[random.Random], str]]] = [
            (26, "ru", self.running), (14, "ru", self.sentence), (15, "ru", self.form), (12, "digits", self.figures),
            (7, "ru", self.cell), (7, "codes", self.code), (5, "en", lambda r: self.foreign(r, "en")),
            (4.0, "latin", lambda r: self.foreign(r, r.choice(("de", "fr", "pl", "cs", "hr")))),
            (2.2, "uk", lambda r: self.foreign(r, "uk")), (1.5, "be", lambda r: self.foreign(r, "be")),
            (2.2, "kk", lambda r: self.foreign(r, "kk")), (1.2, "bg", lambda r: self.foreign(r, "bg")),
            (1.5, "sr", lambda r: self.foreign(r, "sr")), (1.4, "marks", self.soup),
        ]  # fmt: skip

    def draw(self, rng: random.Random) -> tuple[str, str]:
        """One line: (alphabet class, text)."""
        weights = [kind[0] for kind in self.kinds]
        _, name, make = rng.choices(self.kinds, weights)[0]
        return name, " ".join(make(rng).split())

    def word(self, rng: random.Random, language: str) -> str:
        """One word with the case and marks of running text."""
        if language == "ru" and rng.random() < 0.22:
            return rng.choice(LISTS["function_words"])
        return self.words[language].draw(rng).strip("-")

    def running(self, rng: random.Random, language: str = "ru") -> str:
        """Words with punctuation, a few figures and foreign names between them."""
        out: list[str] = []
        goal = rng.choices((6, 10, 16, 22, 28, 36, 50, 75), (1, 1, 2, 2, 2, 1, 1, 0.4))[0]
        upper = rng.random() < 0.12
        while sum(map(len, out)) + len(out) < goal:
            out.append(self._token(rng, language))
        text = " ".join(out)
        if upper:
            return text.upper()
        return text[0].upper() + text[1:] if rng.random() < 0.4 else text

    def _token(self, rng: random.Random, language: str) -> str:  # noqa: C901, PLR0911 - a table of cases
        luck = rng.random()
        word = self.word(rng, language)
        if luck < 0.60:
            return word
        if luck < 0.72:
            return word + rng.choice((",", ",", ".", ";", ":", "!", "?", "…", ".", ","))
        if luck < 0.80:
            return word.capitalize()
        if luck < 0.83:
            return word.upper()
        if luck < 0.88:
            left, right = rng.choice(
                (("«", "»"), ("(", ")"), ("«", "»"), ('"', '"'), ("„", "“"), ("“", "”"), ("[", "]"))
            )
            return left + word + right + rng.choice(("", "", ",", "."))
        if luck < 0.91:
            return word + rng.choice((" — ", " – ", "-", "/", " - ")) + self.word(rng, language)
        if luck < 0.95:
            return self.figure(rng)
        if luck < 0.97:
            return rng.choice(LISTS["brands"]) if rng.random() < 0.5 else self.words["en"].draw(rng)
        if language not in ("ru", "be", "kk"):
            return rng.choice(("§ 3", "XX", "IV", "II", "& ", "5%", "№ 7" if language in ("uk", "bg") else "#7"))
        return rng.choice(
            ("г.", "т.е.", "т. к.", "и т.д.", "др.", "гг.", "стр.", "№ 5", "% ", "§ 3", "XX в.", "IV", "II")
        )

    def sentence(self, rng: random.Random) -> str:
        """A window of manual prose, whole words."""
        parts = self.prose[int(rng.random() * len(self.prose))].split()
        start = int(rng.random() * max(1, len(parts) - 3))
        end = start + rng.choices((2, 3, 4, 5, 7, 10), (2, 3, 3, 2, 1, 0.5))[0]
        text = " ".join(parts[start:end])
        return text.upper() if rng.random() < 0.08 else text[:90]

    def form(self, rng: random.Random) -> str:
        """Phrases of Russian business papers with made-up values."""
        out = []
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            text = rng.choice(FORM_PARTS)
            while "~" in text:
                text = text.replace("~", self.value(rng, text), 1)
            out.append(text)
            if rng.random() < 0.25:
                out.append(self.value(rng, ""))
        text = rng.choice((" ", " ", ", ", "  ")).join(out)
        luck = rng.random()
        return text.upper() if luck < 0.12 else text.lower() if luck < 0.15 else text

    def value(self, rng: random.Random, context: str) -> str:
        """What a form field holds."""
        if "«~»" in context:
            name = self.words["ru"].draw(rng).capitalize()
            return name + (" " + self.words["ru"].draw(rng).capitalize() if rng.random() < 0.3 else "")
        luck = rng.random()
        if luck < 0.45:
            return self.figure(rng)
        if luck < 0.6:
            return self.person(rng)
        if luck < 0.7:
            return f"{rng.choice(LISTS['cities'])}, ул. {rng.choice(LISTS['streets'])}, д. {rng.randint(1, 200)}"
        if luck < 0.8:
            return date(rng)
        return number(rng, rng.choice((9, 10, 12, 13, 20, 4, 6)))

    def person(self, rng: random.Random) -> str:
        """A made-up name: surname with initials or in full."""
        woman = rng.random() < 0.5
        surname = rng.choice(LISTS["surnames"]) + ("а" if woman else "")
        first, second = rng.choice(LISTS["women"] if woman else LISTS["names"]), rng.choice(LISTS["names"])
        middle = (
            second.rstrip("йь") + ("евна" if woman else "евич")
            if second[-1] in "йь"
            else second + ("овна" if woman else "ович")
        )
        initials = f"{first[0]}.{rng.choice(('', ' '))}{second[0]}."
        return rng.choice((f"{surname} {initials}", f"{initials} {surname}", f"{surname} {first} {middle}", surname))

    def figure(self, rng: random.Random) -> str:  # noqa: PLR0911 - a table of cases
        """A number as papers print it."""
        luck = rng.random()
        if luck < 0.3:
            return str(rng.randint(0, 10 ** rng.randint(1, 5)))
        if luck < 0.6:
            return money(rng)
        if luck < 0.72:
            return date(rng)
        if luck < 0.8:
            return f"{rng.randint(0, 100)}{rng.choice((',', '.'))}{rng.randint(0, 99)}{rng.choice(('%', ' %', '', ''))}"
        if luck < 0.88:
            return f"№ {rng.randint(1, 9999)}{rng.choice(('', '', '-К', '/' + str(rng.randint(1, 99))))}"
        if luck < 0.94:
            return ".".join(str(rng.randint(1, 30)) for _ in range(rng.randint(2, 4))) + rng.choice(("", "."))
        return f"{rng.randint(1, 999)} {rng.choice(LISTS['units'])}"

    def figures(self, rng: random.Random) -> str:
        """Numbers only: cells, columns, phones, accounts."""
        luck = rng.random()
        if luck < 0.55:
            return rng.choice(("  ", " ", " | ")).join(self.figure(rng) for _ in range(rng.choice((1, 1, 1, 2, 3, 4))))
        if luck < 0.7:
            return number(rng, rng.choice((3, 5, 6, 9, 10, 11, 12, 13, 15, 20, 20)))
        if luck < 0.78:
            code = rng.choice(("+7 ({}) {}-{}-{}", "8 ({}) {}-{}-{}", "8-{}-{}-{}-{}", "({}) {}-{}-{}"))
            return code.format(number(rng, 3), number(rng, 3), number(rng, 2), number(rng, 2))
        if luck < 0.88:
            sign = rng.choice(("-", "–", "(", "+", "±", "≤ ", "≥ ", "×"))
            return sign + money(rng) + (")" if sign == "(" else "")
        if luck < 0.94:
            return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}" + rng.choice(("", f":{rng.randint(0, 59):02}"))
        return f"{rng.randint(1, 99)} {rng.choice(('×', 'x', '*', '+', '='))} {rng.randint(1, 999)} = {money(rng)}"

    def cell(self, rng: random.Random) -> str:
        """Something short: one word, a unit, a dash, a letter, a mark."""
        luck = rng.random()
        if luck < 0.45:
            word = self.word(rng, "ru")
            return rng.choice((word, word.capitalize(), word.capitalize(), word.upper(), word + ":", word + "."))
        if luck < 0.6:
            return rng.choice(LISTS["units"])
        if luck < 0.7:
            return rng.choice(
                (*"АБВГДЕЖИК", "а)", "б)", "в)", "1)", "1.", "—", "–", "-", "•", "№", "+", "X", "V", "Да", "нет")
            )
        if luck < 0.85:
            return self.person(rng)
        return f"{rng.choice(LISTS['cities'])} {date(rng)}"

    def foreign(self, rng: random.Random, language: str) -> str:
        """Running words of another language."""
        return self.running(rng, language)

    def code(self, rng: random.Random) -> str:  # noqa: C901, PLR0911 - a table of cases
        """Machine-like strings: addresses, part numbers, number plates, MRZ lines, hashes."""
        en = self.words["en"]
        kind = rng.randint(0, 9)
        if kind == 0:
            name = ".".join(en.draw(rng).lower().replace("'", "") for _ in range(rng.randint(1, 2)))
            return f"{name}@{en.draw(rng).lower().replace(chr(39), '')}.{rng.choice(('ru', 'com', 'org', 'kz', 'рф'))}"
        if kind == 1:
            path = "/".join(en.draw(rng).lower().replace("'", "") for _ in range(rng.randint(1, 3)))
            return rng.choice(("https://www.", "http://", "www.")) + path.replace("/", ".ru/", 1)
        if kind == 2:
            letters = "".join(rng.choices("АВЕКМНОРСТУХ", k=3))
            return f"{letters[0]}{number(rng, 3)}{letters[1:]}{rng.choice((77, 99, 116, 178, 54))}"
        if kind in (3, 4):
            return mrz(rng, en.draw(rng), en.draw(rng))
        if kind == 5:
            return "".join(rng.choices(LATIN.upper() + DIGITS * 2, k=rng.randint(4, 22)))
        if kind == 6:
            standard = f"ГОСТ {rng.choice(('', 'Р ', 'ISO '))}{rng.randint(100, 60000)}"
            return f"{standard}{rng.choice('-–—')}{rng.randint(1970, 2025)}"
        if kind == 7:
            block = "".join(rng.choices(RUSSIAN.upper(), k=rng.randint(1, 4)))
            return (
                f"{block}-{number(rng, rng.randint(1, 4))}{rng.choice(('', '.', '/'))}{number(rng, rng.randint(1, 3))}"
            )
        if kind == 8:
            product = f"{rng.choice(LISTS['brands'])} {en.draw(rng).capitalize()}"
            return f"{product} {number(rng, rng.randint(1, 4))}{rng.choice(LATIN.upper())}"
        return "".join(rng.choices("0123456789abcdef", k=rng.choice((8, 16, 32))))

    def soup(self, rng: random.Random) -> str:
        """Characters at random, so that each class is seen."""
        return " ".join("".join(rng.choices(self.classes, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 5)))


def number(rng: random.Random, digits: int) -> str:
    """A run of digits."""
    return "".join(rng.choices(DIGITS, k=digits))


def date(rng: random.Random) -> str:
    """A date as papers print it."""
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1950, 2030)
    name = LISTS["months"][month - 1]
    return rng.choice((
        f"{day:02}.{month:02}.{year}", f"{day:02}.{month:02}.{year % 100:02}", f"{day} {name} {year} г.",
        f"«{day:02}» {name} {year} г.", f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}", f"{year} г.",
        f"{day:02}.{month:02}.{year} г.", f"«___» __________ {year} г.",
    ))  # fmt: skip


def money(rng: random.Random) -> str:
    """A sum with thousands marks and decimals, now and then with its currency."""
    whole, cents = rng.randint(0, 10 ** rng.randint(2, 9)), rng.randint(0, 99)
    mark, point = rng.choice(((" ", ","), (" ", "."), ("", ","), ("", "."), (",", "."), ("", "-"), (" ", ",")))
    text = f"{whole:,}".replace(",", mark) + rng.choice(("", f"{point}{cents:02}", f"{point}{cents:02}"))
    luck = rng.random()
    if luck < 0.15:
        return f"{text} {rng.choice(CURRENCIES)}"
    return f"{whole} руб. {cents:02} коп." if luck < 0.2 else text


def mrz(rng: random.Random, one: str, two: str) -> str:
    """A line shaped like the machine readable zone of a passport."""
    one, two = ("".join(c for c in w.upper() if c in LATIN.upper()) for w in (one, two))
    if rng.random() < 0.5:
        return f"P<{rng.choice(('RUS', 'UTO', 'KAZ', 'BLR', 'UKR'))}{one}<<{two}".ljust(44, "<")[:44]
    tail = f"{number(rng, 10)}{rng.choice(('RUS', 'UTO'))}{number(rng, 7)}{rng.choice('MF')}{number(rng, 7)}"
    return tail.ljust(42, "<") + number(rng, 2)
