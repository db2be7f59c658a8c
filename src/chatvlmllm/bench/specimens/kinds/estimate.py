"""Смета: local estimate with sections, overheads, profit, НДС and grand total."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import people
from chatvlmllm.bench.specimens.draw import Draw, Value, page_style, rounded

TITLES = {"ru": "Смета", "en": "Works estimate"}
FIELDS = {
    "number": "number of the estimate",
    "date": "ISO",
    "object_name": "building",
    "work_name": "kind of works",
    "items[].number": "digits",
    "items[].code": "norm or price source",
    "items[].name": "work",
    "items[].unit": "unit as abbreviated",
    "items[].quantity": "decimal string",
    "items[].price": "roubles for one unit",
    "items[].amount": "quantity × price",
    "subtotal": "sum of all amounts (direct costs)",
    "overhead_rate": "percent of direct costs",
    "overhead": "roubles",
    "profit_rate": "percent of direct costs",
    "profit": "roubles",
    "total_net": "direct costs + overheads + profit",
    "vat_rate": "percent",
    "vat": "roubles",
    "total": "grand total",
    "prepared_by": "surname and initials",
    "checked_by": "surname and initials",
}
# name, unit, least and greatest price
_WORKS = {
    "Подготовительные работы": (
        ("Разборка покрытий полов из линолеума", "100 м²", 900, 2400),
        ("Снятие дверных полотен", "100 м²", 1100, 2600),
        ("Погрузка и вывоз мусора", "т", 480, 1300),
        ("Отбивка штукатурки с поверхностей стен", "100 м²", 2100, 5200),
    ),
    "Отделочные работы": (
        ("Грунтование поверхностей стен", "100 м²", 1500, 3900),
        ("Улучшенная штукатурка стен цементно-известковым раствором", "100 м²", 14000, 26000),
        ("Окраска водоэмульсионными составами улучшенная", "100 м²", 8200, 17500),
        ("Устройство подвесных потолков типа «Армстронг»", "100 м²", 42000, 78000),
        ("Облицовка стен керамической плиткой", "100 м²", 58000, 96000),
    ),
    "Полы и проёмы": (
        ("Устройство стяжек цементных толщиной 20 мм", "100 м²", 9800, 18400),
        ("Укладка линолеума на клее", "100 м²", 21000, 39000),
        ("Установка блоков дверных внутренних", "100 м²", 36000, 71000),
        ("Устройство плинтусов поливинилхлоридных", "100 м", 5200, 9900),
    ),
    "Электромонтажные работы": (
        ("Прокладка кабеля в коробах", "100 м", 3900, 8800),
        ("Установка выключателей и розеток", "100 шт.", 8300, 15900),
        ("Монтаж светильников светодиодных", "100 шт.", 24000, 51000),
    ),
}


def facts(draw: Draw) -> dict[str, Any]:
    """One estimate of two to four sections."""
    day = draw.day(date(2023, 1, 20), date(2026, 5, 1))
    sections, direct = _sections(draw)
    overhead_rate, profit_rate = draw.pick((85, 90, 95, 102)), draw.pick((45, 50, 55, 65))
    vat_rate = 22 if day.year >= 2026 else 20
    # both are counted from wages, taken as a fixed share of direct costs, so the printed rates stay usual
    overhead, profit = rounded(direct * overhead_rate / 1000), rounded(direct * profit_rate / 1000)
    net = direct + overhead + profit
    tax = rounded(net * vat_rate / 100)
    city = draw.pick(people.CITIES)[0]
    return {
        "style": {**page_style(draw), "margin": "13mm", "size": f"{draw.between(8.6, 9.8)}pt"},
        "number": draw.text(
            "number", f"{draw.rng.randint(1, 9):02d}-{draw.rng.randint(1, 9):02d}-{draw.rng.randint(1, 19):02d}"
        ),
        "date": draw.date("date", day, draw.pick(("long", "short"))),
        "object": draw.text("object_name", f"Здание школы, {people.address(draw.rng, city)}"),
        "work": draw.text(
            "work_name", draw.pick(("Текущий ремонт помещений первого этажа", "Ремонт коридоров и холла"))
        ),
        "sections": sections,
        "subtotal": draw.money("subtotal", direct),
        "overhead_rate": draw.text(
            "overhead_rate", f"{overhead_rate / 10:g}", f"{overhead_rate / 10:g} %".replace(".", ","), "keep"
        ),
        "overhead": draw.money("overhead", overhead),
        "profit_rate": draw.text(
            "profit_rate", f"{profit_rate / 10:g}", f"{profit_rate / 10:g} %".replace(".", ","), "keep"
        ),
        "profit": draw.money("profit", profit),
        "net": draw.money("total_net", net),
        "vat_rate": draw.text("vat_rate", str(vat_rate), f"{vat_rate} %", "keep"),
        "vat": draw.money("vat", tax),
        "total": draw.money("total", net + tax),
        "author": draw.text("prepared_by", people.person(draw.rng).short),
        "checker": draw.text("checked_by", people.person(draw.rng).short),
    }


def _sections(draw: Draw) -> tuple[list[dict[str, Any]], Decimal]:
    sections, direct, place = list[dict[str, Any]](), Decimal(0), 0
    for name in draw.rng.sample(list(_WORKS), draw.rng.randint(2, 4)):
        rows, total = list[dict[str, Value]](), Decimal(0)
        for work, unit, low, high in _WORKS[name][: draw.rng.randint(2, 5)]:
            quantity = Decimal(draw.rng.randrange(5, 480)) / 100
            price = Decimal(draw.rng.randrange(low * 100, high * 100)) / 100
            amount = rounded(quantity * price)
            key = f"items[{place}]."
            code = f"ГЭСНр {draw.rng.randint(51, 69)}-{draw.rng.randint(1, 40)}-{draw.rng.randint(1, 9)}"
            rows.append(
                {
                    "number": draw.text(key + "number", str(place + 1)),
                    "code": draw.text(key + "code", code),
                    "name": draw.text(key + "name", work),
                    "unit": draw.text(key + "unit", unit),
                    "quantity": draw.number(key + "quantity", quantity),
                    "price": draw.money(key + "price", price),
                    "amount": draw.money(key + "amount", amount),
                }
            )
            total, place = total + amount, place + 1
        sections.append({"name": name, "rows": rows, "total": draw.money("section", total).text})
        direct += total
    return sections, direct
