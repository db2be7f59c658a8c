"""English till receipt: shop, lines, subtotal, tax, total, card or cash with change."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import english
from chatvlmllm.bench.specimens.draw import MONO, NARROW, Draw, page_style, rounded

TITLES = {"ru": "Чек на английском", "en": "English receipt"}
FIELDS = {
    "seller_name": "shop",
    "seller_address": "address",
    "number": "receipt number",
    "date": "ISO",
    "time": "HH:MM",
    "items[].name": "goods",
    "items[].quantity": "digits",
    "items[].price": "price of one",
    "items[].amount": "quantity × price",
    "subtotal": "without tax",
    "vat_rate": "percent",
    "vat": "tax on top of the subtotal",
    "total": "to pay",
    "paid_card": "when paid by card",
    "paid_cash": "handed over, when paid in cash",
    "change": "given back, when paid in cash",
    "currency": "GBP or USD",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One purchase of 1 to 10 goods."""
    sign, code, rate, tax_name = draw.pick((("£", "GBP", "20", "VAT"), ("$", "USD", "8.25", "SALES TAX")))
    rows, subtotal = list[dict[str, Any]](), Decimal(0)
    for index, name in enumerate(draw.rng.sample(english.GROCERIES, draw.rng.randint(1, 10))):
        quantity, price = draw.rng.choice((1, 1, 1, 2, 3)), Decimal(draw.rng.randrange(65, 1400)) / 100
        subtotal += quantity * price
        key = f"items[{index}]."
        rows.append(
            {
                "name": draw.text(key + "name", name, name.upper()),
                "quantity": draw.text(key + "quantity", str(quantity)),
                "price": draw.cash(key + "price", price),
                "amount": draw.cash(key + "amount", quantity * price),
            }
        )
    tax = rounded(subtotal * Decimal(rate) / 100)
    total = subtotal + tax
    handed = Decimal(int(total / 10) * 10 + 10)
    card = draw.chance(0.6)
    return {
        "lang": "en",
        "style": {**page_style(draw, (*MONO, *NARROW[:2])), "margin": "0", "size": "9pt", "leading": "1.25"},
        "roll": 76,
        "seller": draw.text("seller_name", draw.pick(("CORNER PANTRY", "GREENWAY FOOD STORE", "HARBOUR MINI MARKET"))),
        "address": draw.text("seller_address", english.address(draw, "GB").rsplit(",", 1)[0]),
        "number": draw.text("number", f"{draw.rng.randrange(1000, 99_999)}"),
        "date": draw.date("date", draw.day(date(2023, 1, 5), date(2026, 6, 30)), draw.pick(("english", "iso"))),
        "time": draw.text("time", f"{draw.rng.randrange(8, 22):02d}:{draw.rng.randrange(60):02d}"),
        "items": rows,
        "subtotal": draw.cash("subtotal", subtotal, sign),
        "tax_name": tax_name,
        "rate": draw.text("vat_rate", rate, f"{rate}%"),
        "vat": draw.cash("vat", tax, sign),
        "total": draw.cash("total", total, sign),
        "card": draw.cash("paid_card", total, sign) if card else None,
        "cash": draw.cash("paid_cash", handed, sign) if not card else None,
        "change": draw.cash("change", handed - total, sign) if not card else None,
        "currency": draw.text("currency", code),
    }
