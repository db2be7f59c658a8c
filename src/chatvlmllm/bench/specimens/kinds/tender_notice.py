"""Извещение о закупке: electronic auction under 44-ФЗ as a two-column table of numbered points."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import parties, tender
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words, rounded

TITLES = {"ru": "Извещение о закупке", "en": "Procurement notice"}
FIELDS = {
    "procurement_number": "19 digits",
    "procedure": "way of choosing the supplier",
    "subject": "object of the purchase",
    **parties.party_fields("customer", "customer", "name", "address", "email", "phone", "inn"),
    "contact_person": "full name",
    "okpd2": "code of the goods, 00.00.00.000",
    "initial_price": "НМЦК, roubles",
    "initial_price_in_words": "НМЦК as decimal string; printed in words",
    "delivery_place": "address",
    "delivery_date": "ISO",
    "bid_deadline": "ISO date",
    "bid_deadline_time": "HH:MM",
    "auction_date": "ISO",
    "result_date": "ISO",
    "bid_security": "roubles",
    "bid_security_rate": "percent of НМЦК",
    "contract_security_rate": "percent of the price",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One notice of an invented customer."""
    customer, price = tender.customer(draw), Decimal(draw.rng.randrange(20_000_000, 900_000_000)) / 100
    deadline = draw.day(date(2023, 2, 1), date(2026, 6, 1))
    subject = tender.subject(draw)
    rate = draw.pick(("0.5", "1", "2"))
    return {
        "procedure": draw.text("procedure", draw.pick(("электронный аукцион", "открытый конкурс в электронной форме"))),
        "procurement": draw.text("procurement_number", tender.procurement_number(draw, customer)),
        "subject": draw.text("subject", subject.title),
        "customer": parties.party(draw, "customer", customer),
        "contact": draw.text("contact_person", customer.accountant.full),
        "okpd": draw.text("okpd2", subject.okpd),
        "price": draw.money("initial_price", price),
        "words": draw.text("initial_price_in_words", f"{price:.2f}", amount_in_words(price)),
        "place": draw.text("delivery_place", customer.address),
        "delivery": draw.date("delivery_date", deadline + timedelta(days=draw.rng.randrange(40, 200)), "words"),
        "deadline": draw.date("bid_deadline", deadline),
        "clock": draw.text("bid_deadline_time", draw.pick(("08:00", "09:00", "10:30"))),
        "auction": draw.date("auction_date", deadline + timedelta(days=draw.rng.randrange(0, 3))),
        "result": draw.date("result_date", deadline + timedelta(days=draw.rng.randrange(3, 7))),
        "security": draw.money("bid_security", rounded(price * Decimal(rate) / 100)),
        "security_rate": draw.text("bid_security_rate", rate, f"{rate.replace('.', ',')} %", "keep"),
        "contract_rate": draw.text("contract_security_rate", draw.pick(("5", "10")), "", "keep"),
    }
