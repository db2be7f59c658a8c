"""Водительское удостоверение: card of ISO/IEC 18013-1 with the numbered fields, Cyrillic line above Latin line."""

from __future__ import annotations

from datetime import date
from typing import Any

from chatvlmllm.bench.specimens import people, values
from chatvlmllm.bench.specimens.draw import SANS, Draw, page_style

TITLES = {"ru": "Водительское удостоверение", "en": "Driving licence"}
FIELDS = {
    "surname": "field 1, Cyrillic",
    "surname_latin": "field 1, Latin",
    "given_names": "field 2, name and patronymic, Cyrillic",
    "given_names_latin": "field 2, Latin",
    "birth_date": "field 3, ISO",
    "birth_place": "field 3, place",
    "birth_place_latin": "field 3, place, Latin",
    "issue_date": "field 4a, ISO",
    "expiry_date": "field 4b, ISO",
    "issuer": "field 4c",
    "issuer_latin": "field 4c, Latin",
    "number": "field 5, ten digits",
    "residence": "field 8",
    "residence_latin": "field 8, Latin",
    "categories": "field 9, separated by spaces",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invented driver; the licence is valid for ten years."""
    holder = people.person(draw.rng)
    birth = draw.day(date(1955, 1, 1), date(2004, 12, 31))
    issued = draw.day(date(2015, 3, 1), date(2025, 12, 31))
    while issued.month == 2 and issued.day == 29:
        issued = draw.day(date(2015, 3, 1), date(2025, 12, 31))
    _, region, place = draw.pick(people.CITIES)
    unit = f"ГИБДД {region}{draw.rng.randint(10, 99)}"
    number = f"{region}{values.digits(draw.rng, 2)}{values.digits(draw.rng, 6)}"
    categories = draw.pick(("B B1 M", "B B1 C C1 M", "A A1 B B1 M", "B B1 BE M"))
    names = f"{holder.name} {holder.patronymic}"
    roman = draw.chance(0.5)
    return {
        "style": {**page_style(draw, SANS), "margin": "0", "size": "6.4pt", "leading": "1.1"},
        "paper": "171.2mm 108mm",
        "scale": draw.between(0.95, 1.0, 2),
        "marks": ("4a)", "4b)", "4c)") if roman else ("4а)", "4б)", "4с)"),
        "tint": draw.pick(("#f6e6ea", "#f3e9ef", "#efe7f2")),
        "surname": draw.text("surname", holder.surname.upper()),
        "surname_latin": draw.text("surname_latin", people.latin(holder.surname)),
        "names": draw.text("given_names", names.upper()),
        "names_latin": draw.text("given_names_latin", people.latin(names)),
        "birth": draw.date("birth_date", birth),
        "birth_place": draw.text("birth_place", place),
        "birth_place_latin": draw.text("birth_place_latin", people.latin(place)),
        "issued": draw.date("issue_date", issued),
        "expires": draw.date("expiry_date", issued.replace(year=issued.year + 10)),
        "issuer": draw.text("issuer", unit),
        "issuer_latin": draw.text("issuer_latin", people.latin(unit)),
        "number": draw.text("number", number, f"{number[:2]} {number[2:4]} {number[4:]}", "keep"),
        "residence": draw.text("residence", place),
        "residence_latin": draw.text("residence_latin", people.latin(place)),
        "categories": draw.text("categories", categories),
    }
