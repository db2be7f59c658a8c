"""What tender papers share: customers, subjects of a purchase, the number in the register."""

from __future__ import annotations

from dataclasses import dataclass

from chatvlmllm.bench.specimens import people, values
from chatvlmllm.bench.specimens.draw import Draw
from chatvlmllm.bench.specimens.people import Company

_CUSTOMERS = (
    "Городская поликлиника № 143", "Школа № 219 имени Полевого", "Управление благоустройства Заречья",
    "Центр учёта и архивов", "Дом культуры Родник", "Станция юных техников № 17",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """What is bought: title for headings, what it is for, code of the goods classifier, services or goods."""

    title: str
    purpose: str
    okpd: str
    services: bool


_SUBJECTS = (
    Subject(
        "Поставка хозяйственных товаров и расходных материалов",
        "обеспечение текущей деятельности",
        "17.12.14.119",
        False,
    ),
    Subject("Поставка товаров для нужд учреждения", "пополнение запасов склада", "31.01.12.190", False),
    Subject("Поставка материалов и оборудования", "текущий ремонт и оснащение помещений", "23.51.12.110", False),
    Subject("Оказание услуг по содержанию помещений", "исправное состояние помещений", "81.21.10.000", True),
    Subject("Оказание комплекса технических услуг", "бесперебойная работа оборудования", "33.12.18.000", True),
)


def customer(draw: Draw) -> Company:
    """An invented budget institution."""
    return people.company(draw.rng, "ГБУ", draw.pick(_CUSTOMERS))


def subject(draw: Draw) -> Subject:
    """Any subject."""
    return draw.pick(_SUBJECTS)


def procurement_number(draw: Draw, of: Company) -> str:
    """19 digits: level, code of the customer's register entry, year, serial."""
    return f"03{of.inn[:2]}9{values.digits(draw.rng, 6)}{draw.rng.randint(23, 26)}{draw.rng.randrange(1, 4000):06d}"


def round_percent(part: float) -> str:
    """Two decimals with a comma."""
    return f"{part:.2f}".replace(".", ",")
