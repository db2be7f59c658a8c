"""Свидетельство ИНН: form 2-1-Учёт of the tax service, number and office code in cells."""

from __future__ import annotations

from datetime import date
from typing import Any

from chatvlmllm.bench.specimens import identity, people, values
from chatvlmllm.bench.specimens.draw import SERIF, Draw, page_style

TITLES = {"ru": "Свидетельство ИНН", "en": "Taxpayer number certificate"}
FIELDS = {
    "full_name": "фамилия имя отчество",
    "sex": "M or F; printed мужской or женский",
    "birth_date": "ISO",
    "birth_place": "as printed",
    "residence": "address",
    "issuer": "tax office by name",
    "issuer_code": "four digits",
    "registration_date": "ISO",
    "inn": "twelve digits",
    "official": "who signed",
    "series": "two digits of the form",
    "number": "nine digits of the form",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invented taxpayer of an invented office."""
    who = identity.holder(draw)
    office = f"{who.region}9{draw.rng.randint(2, 8)}"
    registered = draw.day(date(max(1999, who.birth.year + 14), 1, 1), date(2024, 12, 30))
    official = people.person(draw.rng)
    return {
        "style": {**page_style(draw, SERIF), "margin": "22mm", "leading": "1.25"},
        "name": draw.text("full_name", who.person.full, who.person.full.upper() if draw.chance(0.4) else ""),
        "sex": draw.text("sex", who.sex, "женский" if who.person.female else "мужской"),
        "birth": draw.date("birth_date", who.birth, draw.pick(("short", "long"))),
        "place": draw.text("birth_place", who.city),
        "residence": draw.text("residence", people.address(draw.rng, who.city)),
        "issuer": draw.text("issuer", f"Инспекция Федеральной налоговой службы № {office[2:]} по {who.city}"),
        "issuer_code": draw.text("issuer_code", office),
        "registered": draw.date("registration_date", registered, draw.pick(("short", "long"))),
        "inn": draw.text("inn", values.inn_person(draw.rng, office)),
        "official": draw.text("official", official.short),
        "series": draw.text("series", who.region),
        "number": draw.text("number", values.digits(draw.rng, 9)),
    }
