"""СНИЛС: the laminated insurance card (АДИ-1)."""

from __future__ import annotations

from datetime import date
from typing import Any

from chatvlmllm.bench.specimens import identity, values
from chatvlmllm.bench.specimens.draw import Draw, page_style

TITLES = {"ru": "СНИЛС", "en": "Pension insurance card (SNILS)"}
FIELDS = {
    "number": "eleven digits",
    "surname": "фамилия",
    "given_name": "имя",
    "patronymic": "отчество",
    "birth_date": "ISO",
    "birth_place": "as printed",
    "sex": "M or F; printed мужской or женский",
    "registration_date": "ISO",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invented person, registered after 1998."""
    who = identity.holder(draw, 1950, 2001)
    registered = draw.day(date(max(1998, who.birth.year + 15), 1, 1), date(2019, 3, 31))
    number = values.snils(draw.rng)
    person = who.person
    printed = f"{number[:3]}-{number[3:6]}-{number[6:9]} {number[9:]}"
    capital = draw.chance(0.6)

    def case(text: str) -> str:
        return text.upper() if capital else text

    return {
        "style": {**page_style(draw), "margin": "0", "size": "9pt", "leading": "1.25"},
        "paper": "120mm 84mm",
        "tint": draw.pick(("#dff0e2", "#e4f2df", "#d8efe6")),
        "number": draw.text("number", number, printed, "keep"),
        "surname": draw.text("surname", person.surname.upper(), case(person.surname)),
        "name": draw.text("given_name", person.name.upper(), case(person.name)),
        "patronymic": draw.text("patronymic", person.patronymic.upper(), case(person.patronymic)),
        "birth": draw.date("birth_date", who.birth, "words"),
        "place": draw.text("birth_place", who.city_upper, case(who.city_upper.title())),
        "sex": draw.text("sex", who.sex, "женский" if person.female else "мужской"),
        "registered": draw.date("registration_date", registered, "words"),
    }
