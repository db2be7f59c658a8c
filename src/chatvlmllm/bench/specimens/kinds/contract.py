"""Договор поставки: two to four pages of clauses, a specification table, requisites in two columns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, people
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words

TITLES = {"ru": "Договор", "en": "Supply contract"}
FIELDS = {
    "number": "number of the contract",
    "date": "ISO",
    "city": "place of signing",
    **parties.party_fields(
        "seller",
        "supplier",
        "name",
        "inn",
        "kpp",
        "ogrn",
        "address",
        "bank_name",
        "bik",
        "account",
        "correspondent_account",
        "signatory",
    ),
    **parties.party_fields(
        "buyer",
        "buyer",
        "name",
        "inn",
        "kpp",
        "ogrn",
        "address",
        "bank_name",
        "bik",
        "account",
        "correspondent_account",
        "signatory",
    ),
    **goods.ITEM_FIELDS,
    "total": "price of the contract, roubles",
    "total_in_words": "price as decimal string; printed in words",
    "vat_rate": "percent, when НДС is named",
    "vat": "НДС contained in the price",
    "delivery_date": "last day of delivery, ISO",
    "payment_days": "working days to pay",
    "penalty_rate": "percent a day",
    "valid_until": "ISO",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One contract between two companies."""
    seller, buyer = people.two_companies(draw.rng)
    day = draw.day(date(2023, 1, 10), date(2026, 5, 30))
    positions = goods.lines(draw, draw.rng.randint(2, 9))
    rate = goods.vat_rate(draw, day)
    sums = goods.totals(positions, rate)
    delivery = day + timedelta(days=draw.rng.randrange(15, 90))
    return {
        "number": draw.text("number", f"{draw.rng.randrange(1, 400)}/{day:%y}{draw.pick(('', '-П', '/ПС'))}"),
        "date": draw.date("date", day, draw.pick(("long", "words"))),
        "city": draw.text("city", seller.city),
        "seller": parties.party(draw, "seller", seller),
        "buyer": parties.party(draw, "buyer", buyer),
        "seller_full": f"{seller.full_name} ({seller.name})",
        "buyer_full": f"{buyer.full_name} ({buyer.name})",
        "seller_genitive": seller.director.genitive,
        "buyer_genitive": buyer.director.genitive,
        "seller_acts": "действующей" if seller.director.female else "действующего",
        "buyer_acts": "действующей" if buyer.director.female else "действующего",
        "items": goods.printed(draw, positions),
        "total": draw.money("total", sums.gross),
        "words": draw.text("total_in_words", f"{sums.gross:.2f}", amount_in_words(sums.gross)),
        "rate": draw.text("vat_rate", str(rate), f"{rate}%", "keep") if rate else None,
        "vat": draw.money("vat", sums.tax),
        "delivery": draw.date("delivery_date", delivery, draw.pick(("words", "short"))),
        "days": draw.text("payment_days", draw.pick(("5", "7", "10", "15"))),
        "penalty": draw.text("penalty_rate", "0.1", "0,1 %", "keep"),
        "until": draw.date("valid_until", delivery + timedelta(days=60), draw.pick(("words", "short"))),
    }
