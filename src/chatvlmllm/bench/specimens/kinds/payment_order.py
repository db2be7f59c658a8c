"""Платёжное поручение: bank form 0401060 with its numbered graphs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, people
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words, money, page_style, rounded

TITLES = {"ru": "Платёжное поручение", "en": "Payment order (form 0401060)"}
FIELDS = {
    "number": "graph 3",
    "date": "graph 4, ISO",
    "payment_kind": "graph 5, when printed",
    "amount_in_words": "graph 6; value is the decimal string",
    "amount": "graph 7, roubles; printed 1234-56 or 1234=",
    **parties.party_fields(
        "payer", "payer", "name", "inn", "kpp", "bank_name", "bik", "account", "correspondent_account"
    ),
    **parties.party_fields(
        "payee", "payee", "name", "inn", "kpp", "bank_name", "bik", "account", "correspondent_account"
    ),
    "operation_kind": "graph 18, 01",
    "priority": "graph 21, one digit",
    "purpose": "graph 24",
    "received_date": "graph 62, ISO, when printed",
    "debited_date": "graph 71, ISO, when printed",
}
_REASONS = ("Оплата по счету", "Оплата за товар по счету", "Аванс по договору")


def facts(draw: Draw) -> dict[str, Any]:
    """One order between two companies."""
    payer, payee = people.two_companies(draw.rng)
    day = draw.day(date(2023, 1, 10), date(2026, 6, 30))
    rate = goods.vat_rate(draw, day)
    total = Decimal(draw.rng.randrange(50_000, 90_000_000)) / 100
    if draw.chance(0.4):
        total = total.quantize(Decimal(1))
    roubles, kopecks = divmod(int(total * 100), 100)
    printed = f"{roubles}=" if not kopecks else f"{roubles}-{kopecks:02d}"
    tax = (
        f"В том числе НДС {rate}% - {money(rounded(total * rate / (100 + rate)), '')} руб."
        if rate
        else "НДС не облагается."
    )
    words = amount_in_words(total)
    if not kopecks:
        words = words.rsplit(" ", 2)[0]
    purpose = f"{draw.pick(_REASONS)} № {draw.rng.randrange(2, 999)} от {day.replace(day=1):%d.%m.%Y}. {tax}"
    style = page_style(draw)
    size = f"{draw.between(8.6, 9.6)}pt"
    return {
        "style": {
            **style,
            "margin": "12mm 12mm 12mm 16mm",
            "size": size,
            "leading": "1.18",
            "rule": "0.7pt solid #000",
        },
        "number": draw.text("number", str(draw.rng.randrange(1, 1500))),
        "date": draw.date("date", day),
        "kind": draw.text("payment_kind", "электронно") if draw.chance(0.6) else None,
        "words": draw.text("amount_in_words", f"{total:.2f}", words),
        "amount": draw.text("amount", f"{total:.2f}", printed, "keep"),
        "payer": parties.party(draw, "payer", payer),
        "payee": parties.party(draw, "payee", payee),
        "operation": draw.text("operation_kind", "01"),
        "priority": draw.text("priority", "5"),
        "purpose": draw.text("purpose", purpose),
        "received": draw.date("received_date", day) if draw.chance(0.5) else None,
        "debited": draw.date("debited_date", day) if draw.chance(0.5) else None,
    }
