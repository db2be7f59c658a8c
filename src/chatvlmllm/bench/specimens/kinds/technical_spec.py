"""Техническое задание: approval block, numbered sections, table of goods with required properties."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, prose, tender
from chatvlmllm.bench.specimens.draw import Draw

TITLES = {"ru": "Техническое задание", "en": "Terms of reference"}
FIELDS = {
    "subject": "what is bought",
    "approved_by": "surname and initials",
    "approval_date": "ISO",
    **parties.party_fields("customer", "customer", "name", "address"),
    "items[].number": "digits",
    "items[].name": "goods or work",
    "items[].requirements": "required properties",
    "items[].unit": "unit as abbreviated",
    "items[].quantity": "decimal string",
    "delivery_place": "address",
    "delivery_date": "ISO",
    "warranty_months": "digits",
    "prepared_by": "surname and initials",
}
_REQUIREMENTS = (
    "новый, не бывший в употреблении, без дефектов",
    "соответствие ГОСТ, наличие паспорта изделия",
    "гарантийный срок не менее 12 месяцев",
    "цвет и размер согласовать с Заказчиком",
    "остаточный срок годности не менее 80 %",
    "упаковка изготовителя, маркировка на русском языке",
)

_SERVICE_REQUIREMENTS = (
    "выполнение в рабочие дни с 9 до 18 часов",
    "собственными материалами и инструментом Исполнителя",
    "выезд специалиста не позднее следующего дня после заявки",
    "отметка о выполнении в журнале Заказчика",
    "наличие допуска у каждого работника",
)


def facts(draw: Draw) -> dict[str, Any]:
    """One specification of an invented customer, one to three pages."""
    customer, subject = tender.customer(draw), tender.subject(draw)
    approved = draw.day(date(2023, 1, 20), date(2026, 5, 1))
    rows = []
    positions = goods.lines(draw, draw.pick((3, 5, 8, 16)), subject.services)
    for index, row in enumerate(goods.printed(draw, positions)):
        wishes = _SERVICE_REQUIREMENTS if subject.services else _REQUIREMENTS
        wish = "; ".join(draw.rng.sample(wishes, draw.rng.randint(1, 3)))
        rows.append({**row, "wish": draw.text(f"items[{index}].requirements", wish)})
    return {
        "subject": draw.text("subject", subject.title),
        "purpose": subject.purpose,
        "approver": draw.text("approved_by", customer.director.short),
        "approved": draw.date("approval_date", approved, "long"),
        "customer": parties.party(draw, "customer", customer),
        "items": rows,
        "place": draw.text("delivery_place", customer.address),
        "delivery": draw.date("delivery_date", approved + timedelta(days=draw.rng.randrange(30, 120)), "words"),
        "months": draw.text("warranty_months", draw.pick(("12", "18", "24", "36"))),
        "author": draw.text("prepared_by", customer.accountant.short),
        "points": prose.some(draw, _DUTIES, 4),
    }


_DUTIES = (
    "доставить товар собственным транспортом и поднять его на этаж",
    "согласовать с Заказчиком дату и время не позднее чем за два рабочих дня",
    "передать вместе с товаром накладную, счет и паспорта изделий",
    "вывезти упаковку и убрать место работ",
    "назначить ответственное лицо и сообщить его телефон",
    "устранить выявленные недостатки в течение пяти рабочих дней",
)
