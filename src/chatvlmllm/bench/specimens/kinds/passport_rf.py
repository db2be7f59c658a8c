"""Паспорт гражданина РФ: pages 2 and 3 of the booklet, series and number along the edge, two machine-readable lines."""

from __future__ import annotations

from datetime import date
from typing import Any

from chatvlmllm.bench.specimens import identity, people, values
from chatvlmllm.bench.specimens.draw import SERIF, Draw, page_style

TITLES = {"ru": "Паспорт гражданина РФ", "en": "Russian internal passport"}
FIELDS = {
    "issuer": "who issued it, as printed, capitals",
    "issue_date": "ISO",
    "issuer_code": "код подразделения, 000-000",
    "series": "four digits",
    "number": "six digits",
    "surname": "фамилия",
    "given_name": "имя",
    "patronymic": "отчество",
    "sex": "M or F; printed МУЖ. or ЖЕН.",
    "birth_date": "ISO",
    "birth_place": "место рождения",
    "mrz": "both machine-readable lines, joined by a newline",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invented citizen; the paper was issued at 14, 20 or 45 or later."""
    who = identity.holder(draw, 1955, 2005)
    first = date(max(who.birth.year + 20, 2011), 8, 1)
    issued = draw.day(first, date(2025, 12, 28))
    number = identity.series(draw, who, issued)
    code = f"{who.region}0-{draw.rng.randint(1, 99):03d}"
    person, (_, _, upper) = who.person, draw.pick(people.CITIES)
    lines = values.mrz_internal(
        identity.internal_letters(person.surname),
        " ".join(identity.internal_letters(part) for part in (person.name, person.patronymic)),
        number,
        {
            "birth": identity.yymmdd(who.birth),
            "sex": who.sex,
            "issued": identity.yymmdd(issued),
            "code": code.replace("-", ""),
        },
    )
    issuer = draw.pick(
        (f"ГУ МВД РОССИИ ПО Г. {upper}", f"ОТДЕЛОМ УФМС РОССИИ ПО Г. {upper}", f"ОВД ЗАРЕЧНОГО РАЙОНА Г. {upper}")
    )
    spaced = f"{number[:2]} {number[2:4]}"
    return {
        "style": {**page_style(draw, SERIF), "margin": "0", "size": "8.4pt", "leading": "1.2"},
        "paper": "125mm 176mm",
        "issuer": draw.text("issuer", issuer),
        "issued": draw.date("issue_date", issued),
        "code": draw.text("issuer_code", code, style="keep"),
        "series": draw.text("series", number[:4], spaced, "keep"),
        "number": draw.text("number", number[4:], style="keep"),
        "surname": draw.text("surname", person.surname.upper()),
        "name": draw.text("given_name", person.name.upper()),
        "patronymic": draw.text("patronymic", person.patronymic.upper()),
        "sex": draw.text("sex", who.sex, "ЖЕН." if person.female else "МУЖ."),
        "birth": draw.date("birth_date", who.birth),
        "place": draw.text("birth_place", f"ГОР. {who.city_upper}"),
        "mrz": draw.text("mrz", "\n".join(lines)),
        "ink": draw.pick(("#1c1c24", "#26233a", "#111")),
    }
