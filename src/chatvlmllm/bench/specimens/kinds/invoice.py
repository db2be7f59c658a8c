"""Счёт на оплату: bank table on top, parties, goods with or without НДС, sum in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, people
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words

TITLES = {"ru": "Счёт на оплату", "en": "Russian invoice for payment"}
FIELDS = {
    "number": "number of the invoice",
    "date": "ISO",
    **parties.party_fields(
        "seller",
        "payee",
        "name",
        "inn",
        "kpp",
        "address",
        "bank_name",
        "bik",
        "account",
        "correspondent_account",
        "signatory",
    ),
    **parties.party_fields("buyer", "payer", "name", "inn", "kpp", "address"),
    "contract_number": "when a basis is named",
    "contract_date": "when a basis is named, ISO",
    **goods.ITEM_FIELDS,
    "vat_rate": "percent, when НДС is named",
    "vat": "НДС contained in the total",
    "total": "to pay, roubles",
    "items_count": "number of positions as printed",
    "total_in_words": "total as decimal string; printed in words",
    "accountant": "chief accountant, surname and initials",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invoice of 1 to 30 positions, two pages when long."""
    seller, buyer = people.two_companies(draw.rng)
    day = draw.day(date(2023, 1, 10), date(2026, 6, 30))
    contract = day - timedelta(days=draw.rng.randrange(10, 400))
    positions = goods.lines(draw, draw.pick((1, 2, 3, 5, 7, 30)), services=draw.chance(0.3))
    rate = goods.vat_rate(draw, day)
    sums = goods.totals(positions, rate)
    return {
        "title": draw.pick(("Счет на оплату", "Счет", "Счёт на оплату")),
        "number": draw.text(
            "number", draw.pick((str(draw.rng.randrange(1, 2500)), f"УТ-{draw.rng.randrange(10, 900)}"))
        ),
        "date": draw.date("date", day, draw.pick(("words", "short"))),
        "seller": parties.party(draw, "seller", seller),
        "buyer": parties.party(draw, "buyer", buyer),
        "based": draw.chance(0.6),
        "contract_number": draw.text("contract_number", f"{draw.rng.randrange(1, 300)}-П"),
        "contract_date": draw.date("contract_date", contract),
        "items": goods.printed(draw, positions),
        "count": draw.text("items_count", str(len(positions))),
        "rate": draw.text("vat_rate", str(rate), f"{rate}%", "keep") if rate else None,
        "vat": draw.money("vat", sums.tax),
        "total": draw.money("total", sums.gross),
        "words": draw.text("total_in_words", f"{sums.gross:.2f}", amount_in_words(sums.gross)),
        "accountant": draw.text("accountant", seller.accountant.short),
        "warning": draw.chance(0.5),
    }
