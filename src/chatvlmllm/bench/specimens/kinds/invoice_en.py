"""English invoice: sender, bill-to, dates, lines, subtotal, tax, bank details with IBAN."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import english, values
from chatvlmllm.bench.specimens.draw import Draw, rounded

TITLES = {"ru": "Счёт на английском", "en": "English invoice"}
FIELDS = {
    "number": "invoice number",
    "date": "ISO",
    "due_date": "ISO",
    "order_number": "customer's order, when printed",
    "seller_name": "company",
    "seller_address": "one line or several",
    "seller_vat_number": "as printed without spaces",
    "seller_email": "e-mail",
    "buyer_name": "company",
    "buyer_address": "one line or several",
    "items[].name": "description",
    "items[].quantity": "decimal string",
    "items[].price": "unit price",
    "items[].amount": "quantity × price",
    "subtotal": "sum of amounts",
    "vat_rate": "percent",
    "vat": "tax on the subtotal",
    "total": "amount due",
    "currency": "GBP, EUR or USD",
    "iban": "no spaces",
    "bic": "eight letters",
    "bank_name": "bank",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One invoice in pounds or euros."""
    country, sign, code = draw.pick((("GB", "£", "GBP"), ("DE", "€", "EUR")))
    seller, buyer = draw.rng.sample(english.COMPANIES, 2)
    day = draw.day(date(2023, 1, 10), date(2026, 6, 1))
    rate = 20 if country == "GB" else 19
    items, subtotal = english.lines(draw, sign)
    tax = rounded(subtotal * rate / 100)
    account = values.iban(draw.rng, country)
    tax_number = f"GB{values.digits(draw.rng, 9)}" if country == "GB" else f"DE{values.digits(draw.rng, 9)}"
    form = draw.pick(("english", "iso"))

    def cash(key: str, amount: Decimal) -> Any:
        return draw.cash(key, amount, sign, ",")

    return {
        "lang": "en",
        "number": draw.text("number", f"{draw.pick(('INV-', '', 'A'))}{draw.rng.randrange(1000, 99_999)}"),
        "date": draw.date("date", day, form),
        "due": draw.date("due_date", day + timedelta(days=draw.pick((14, 30, 45))), form),
        "order": draw.text("order_number", f"PO-{draw.rng.randrange(100, 9999)}") if draw.chance(0.6) else None,
        "seller": draw.text("seller_name", seller),
        "seller_address": draw.text("seller_address", english.address(draw, country)),
        "seller_vat": draw.text("seller_vat_number", tax_number),
        "seller_email": draw.text("seller_email", f"accounts@{seller.split()[0].lower()}.example"),
        "buyer": draw.text("buyer_name", buyer),
        "buyer_address": draw.text("buyer_address", english.address(draw, draw.pick(("GB", "DE")))),
        "items": items,
        "subtotal": cash("subtotal", subtotal),
        "rate": draw.text("vat_rate", str(rate), f"{rate}%"),
        "vat": cash("vat", tax),
        "total": cash("total", subtotal + tax),
        "currency": draw.text("currency", code),
        "iban": draw.text(
            "iban", account, " ".join(account[place : place + 4] for place in range(0, len(account), 4)), "keep"
        ),
        "bic": draw.text("bic", f"DEMO{country}2X"),
        "bank": draw.text("bank_name", draw.pick(("Harbour & Field Bank", "First Meadow Bank"))),
        "colour": draw.pick(("#1d4f6e", "#333333", "#5a2a45", "#1f5f3f")),
    }
