"""Загранпаспорт: the data page with bilingual captions and the TD3 machine-readable zone of ICAO Doc 9303."""

from __future__ import annotations

from datetime import date
from typing import Any

from chatvlmllm.bench.specimens import identity, people, values
from chatvlmllm.bench.specimens.draw import SANS, Draw, page_style

TITLES = {"ru": "Заграничный паспорт", "en": "Russian passport for travel abroad"}
FIELDS = {
    "document_type": "P",
    "country": "code of the issuing state, RUS",
    "number": "nine digits",
    "surname": "Cyrillic",
    "surname_latin": "Latin",
    "given_names": "Cyrillic, with patronymic",
    "given_names_latin": "Latin",
    "nationality": "as printed",
    "birth_date": "ISO",
    "sex": "M or F",
    "birth_place": "as printed",
    "issue_date": "ISO",
    "expiry_date": "ISO",
    "issuer": "authority",
    "mrz": "both machine-readable lines, joined by a newline",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invented traveller; five or ten years of validity."""
    who = identity.holder(draw, 1955, 2007)
    person = who.person
    issued = draw.day(date(2016, 1, 1), date(2025, 12, 20))
    issued = issued.replace(day=min(issued.day, 28))
    years = draw.pick((5, 10))
    expires = issued.replace(year=issued.year + years)
    number = f"{draw.pick(('65', '70', '75') if years == 10 else ('53', '66'))}{values.digits(draw.rng, 7)}"
    lines = values.mrz_passport(
        people.latin(person.surname),
        people.latin(person.name),
        number,
        identity.yymmdd(who.birth),
        who.sex,
        identity.yymmdd(expires),
    )
    return {
        "style": {**page_style(draw, SANS), "margin": "0", "size": "8pt", "leading": "1.15"},
        "paper": "125mm 88mm",
        "tint": draw.pick(("#f4e3e0", "#eee6f0", "#f6ece0")),
        "type": draw.text("document_type", "P"),
        "country": draw.text("country", "RUS"),
        "number": draw.text("number", number, f"{number[:2]} {number[2:]}", "keep"),
        "surname": draw.text("surname", person.surname.upper()),
        "surname_latin": draw.text("surname_latin", people.latin(person.surname)),
        "names": draw.text("given_names", f"{person.name} {person.patronymic}".upper()),
        "names_latin": draw.text("given_names_latin", people.latin(person.name)),
        "nationality": draw.text("nationality", "РОССИЙСКАЯ ФЕДЕРАЦИЯ/RUSSIAN FEDERATION"),
        "birth": draw.date("birth_date", who.birth),
        "sex": draw.text("sex", who.sex, "Ж/F" if person.female else "М/M"),
        "place": draw.text("birth_place", f"{who.city_upper}/RUSSIA"),
        "issued": draw.date("issue_date", issued),
        "expires": draw.date("expiry_date", expires),
        "issuer": draw.text("issuer", f"МВД {who.region}{draw.rng.randint(1, 99):03d}"),
        "mrz": draw.text("mrz", "\n".join(lines)),
    }
