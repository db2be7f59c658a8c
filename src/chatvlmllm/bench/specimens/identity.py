"""What papers of a person share: birth, sex, places, passport series and the parts of machine-readable lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chatvlmllm.bench.specimens import people, values
from chatvlmllm.bench.specimens.draw import Draw
from chatvlmllm.bench.specimens.people import Person

# letters of the machine-readable line of the internal passport (one sign for one letter)
_INTERNAL = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "ABVGDE2JZIQKLMNOPRSTUFHC34WXY9678", strict=True))


@dataclass(frozen=True)
class Holder:
    """One invented person with the facts an identity paper prints."""

    person: Person
    birth: date
    city: str
    city_upper: str
    region: str

    @property
    def sex(self) -> str:
        return "F" if self.person.female else "M"


def holder(draw: Draw, first_year: int = 1950, last_year: int = 2004) -> Holder:
    """A grown-up born in the given years."""
    city, region, upper = draw.pick(people.CITIES)
    birth = draw.day(date(first_year, 1, 1), date(last_year, 12, 28))
    return Holder(people.person(draw.rng), birth, city, upper, region)


def internal_letters(text: str) -> str:
    """Letters of a name in the machine-readable line of the internal passport; other signs become `<`."""
    return "".join(_INTERNAL.get(letter, "<") for letter in text.lower())


def yymmdd(day: date) -> str:
    """Date of a machine-readable line."""
    return f"{day:%y%m%d}"


def series(draw: Draw, of: Holder, issued: date) -> str:
    """Ten digits of an internal passport: region, year of the blank form, six digits."""
    return f"{of.region}{issued:%y}{values.digits(draw.rng, 6)}"
