"""What a document kind draws with: a seeded source, typed printed values, fonts and page style.

A `Value` is one fact in two forms: as printed and normalised. Put into a template it marks itself, so the fields
of a specimen are exactly the values that its pages show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from html import escape
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

SERIF = ("PT Serif", "Liberation Serif", "Noto Serif", "FreeSerif", "DejaVu Serif")
SANS = ("PT Sans", "Liberation Sans", "Noto Sans", "DejaVu Sans", "FreeSans", "Carlito")
MONO = ("PT Mono", "Liberation Mono", "DejaVu Sans Mono", "Noto Mono", "FreeMono")
NARROW = ("PT Sans Narrow", "Liberation Sans Narrow", "DejaVu Sans Condensed")
FALLBACK = "DejaVu Sans"
MONTHS = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
]
ENGLISH_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
CENT = Decimal("0.01")


@lru_cache(maxsize=1)
def installed_fonts() -> frozenset[str]:
    """Font families that fontconfig knows on this machine; empty when it cannot be asked."""
    import subprocess

    try:
        answer = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return frozenset()
    return frozenset(name.strip() for line in answer.stdout.splitlines() for name in line.split(","))


@dataclass(frozen=True)
class Value:
    """One fact: `key` names the field, `value` is normalised, `text` is what stands on the paper."""

    key: str
    value: str
    text: str
    style: str = ""

    def __html__(self) -> str:
        css = f' class="{self.style}"' if self.style else ""
        return f'<span data-field="{escape(self.key)}"{css}>{escape(self.text)}</span>'

    def __str__(self) -> str:
        return self.text

    @property
    def boxed(self) -> Boxed:
        """The same value, each character in a cell of its own."""
        return Boxed(self)


@dataclass(frozen=True)
class Boxed:
    """A value printed one character a cell, as machine-read forms ask."""

    of: Value

    def __html__(self) -> str:
        cells = "".join(f'<i class="cell">{escape(sign)}</i>' for sign in self.of.text)
        return f'<span class="cells" data-field="{escape(self.of.key)}">{cells}</span>'


@dataclass(frozen=True)
class Draw:
    """The random source of one specimen and the choices made for the whole document."""

    rng: Random
    money_gap: str = " "

    def pick(self, options: Sequence[Item]) -> Item:
        """Any one of `options`."""
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def between(self, low: float, high: float, digits: int = 1) -> float:
        """A number of the range, rounded: for sizes in templates."""
        return round(self.rng.uniform(low, high), digits)

    def day(self, first: date, last: date) -> date:
        """A day of the range, both ends included."""
        return first + timedelta(days=self.rng.randrange((last - first).days + 1))

    def text(self, key: str, value: str, printed: str = "", style: str = "") -> Value:
        """A value printed as it is, or as `printed`."""
        return Value(key, value, printed or value, style)

    def date(self, key: str, day: date, form: str = "short") -> Value:
        """A date; `form` is short (01.02.2024), long («01» февраля 2024 г.), words (1 февраля 2024 г.), english."""
        forms = {
            "short": f"{day:%d.%m.%Y}",
            "long": f"«{day:%d}» {MONTHS[day.month - 1]} {day.year} г.",
            "words": f"{day.day} {MONTHS[day.month - 1]} {day.year} г.",
            "english": f"{day.day} {ENGLISH_MONTHS[day.month - 1]} {day.year}",
            "iso": day.isoformat(),
        }
        return Value(key, day.isoformat(), forms[form], "keep")

    def money(self, key: str, amount: Decimal, tail: str = "") -> Value:
        """An amount with two decimals, comma and thousands gap of this document."""
        return Value(key, str(amount.quantize(CENT)), money(amount, self.money_gap) + tail, "keep")

    def cash(self, key: str, amount: Decimal, before: str = "", group: str = "") -> Value:
        """An amount with a decimal point, as tills and English papers print it."""
        return Value(
            key, str(amount.quantize(CENT)), before + f"{amount.quantize(CENT):,.2f}".replace(",", group), "keep"
        )

    def number(self, key: str, amount: Decimal) -> Value:
        """A quantity without idle zeros, decimal comma."""
        plain = f"{amount.normalize():f}"
        return Value(key, plain, plain.replace(".", ","), "keep")


def money(amount: Decimal, gap: str = " ") -> str:
    """1234.5 → `1 234,50`."""
    return f"{amount.quantize(CENT):,.2f}".replace(",", gap).replace(".", ",")


def rounded(amount: Decimal) -> Decimal:
    """To the kopeck, half up, as accounts do."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def plural(count: int, one: str, few: str, many: str) -> str:
    """The Russian noun form after a number: 1 рубль, 2 рубля, 5 рублей."""
    if count % 100 in range(11, 15):
        return many
    return {1: one, 2: few, 3: few, 4: few}.get(count % 10, many)


def amount_in_words(amount: Decimal) -> str:
    """`Одна тысяча двести тридцать четыре рубля 50 копеек`."""
    from num2words import num2words

    roubles, kopecks = divmod(int(amount.quantize(CENT) * 100), 100)
    words = str(num2words(roubles, lang="ru"))
    unit = plural(roubles, "рубль", "рубля", "рублей")
    return f"{words[0].upper()}{words[1:]} {unit} {kopecks:02d} {plural(kopecks, 'копейка', 'копейки', 'копеек')}"


def available(families: Sequence[str]) -> tuple[str, ...]:
    """Those of `families` that are installed; the fallback alone when none is."""
    present = installed_fonts()
    return tuple(name for name in families if name in present) or (FALLBACK,)


def page_style(draw: Draw, families: Sequence[str] = (*SERIF, *SANS)) -> Mapping[str, str]:
    """Font, size, leading and margins of one document."""
    present = available(families)
    return {
        # one draw whatever is installed: the words of a seed must not depend on the fonts of a machine
        "font": present[int(draw.rng.random() * len(present))],
        "size": f"{draw.between(9.5, 11.5)}pt",
        "leading": f"{draw.between(1.15, 1.45, 2)}",
        "margin": f"{draw.between(13, 20, 0):.0f}mm",
        "rule": f"{draw.between(0.5, 1.1)}pt solid #000",
        "pad": f"{draw.between(1, 3)}pt",
    }
