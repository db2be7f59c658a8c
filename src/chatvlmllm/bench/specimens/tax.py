"""What счёт-фактура and УПД share: lines with tax on top, graphs 1…11, parties by numbered rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, people
from chatvlmllm.bench.specimens.draw import NARROW, SERIF, Draw, Value, page_style, rounded

FIELDS = {
    "number": "number of the invoice",
    "date": "ISO",
    **parties.party_fields("seller", "seller", "name", "address", "inn", "kpp", "signatory"),
    **parties.party_fields("buyer", "buyer", "name", "address", "inn", "kpp"),
    "payment_document_number": "row 5, when there was a prepayment",
    "payment_document_date": "row 5, ISO",
    "currency_code": "row 7, 643",
    "items[].number": "graph 1, digits",
    "items[].name": "graph 1a",
    "items[].unit_code": "graph 2, ОКЕИ code",
    "items[].unit": "graph 2a",
    "items[].quantity": "graph 3",
    "items[].price": "graph 4, without tax",
    "items[].amount_net": "graph 5, quantity × price without tax",
    "items[].vat_rate": "graph 7, percent; absent when printed «без НДС»",
    "items[].vat": "graph 8; absent when printed «без НДС»",
    "items[].amount": "graph 9, with tax",
    "total_net": "sum of graph 5",
    "vat": "sum of graph 8",
    "total": "sum of graph 9",
    "accountant": "chief accountant, surname and initials",
}


def facts(draw: Draw, counts: tuple[int, ...]) -> dict[str, Any]:
    """Parties, rows and lines of one invoice."""
    seller, buyer = people.two_companies(draw.rng)
    day = draw.day(date(2023, 1, 10), date(2026, 6, 30))
    rate = goods.vat_rate(draw, day)
    positions = goods.lines(draw, draw.pick(counts))
    sums = goods.totals(positions, rate, on_top=True)
    paid = day - timedelta(days=draw.rng.randrange(1, 25))
    style = page_style(draw, (*NARROW, *SERIF[:3]))
    return {
        "style": {
            **style,
            "margin": "9mm",
            "size": "7.6pt",
            "leading": "1.14",
            "rule": "0.6pt solid #000",
            "pad": "1pt",
        },
        "paper": "A4 landscape",
        "number": draw.text("number", str(draw.rng.randrange(10, 4000))),
        "date": draw.date("date", day, draw.pick(("words", "short"))),
        "seller": parties.party(draw, "seller", seller),
        "buyer": parties.party(draw, "buyer", buyer),
        "accountant": draw.text("accountant", seller.accountant.short),
        "prepaid": draw.chance(0.5),
        "paid_number": draw.text("payment_document_number", str(draw.rng.randrange(3, 900))),
        "paid_date": draw.date("payment_document_date", paid),
        "shipper": draw.pick(("он же", f"{seller.name}, {seller.address}")),
        "currency": draw.text("currency_code", "643"),
        "items": [_row(draw, index, line, rate) for index, line in enumerate(positions)],
        "count": len(positions),
        "net": draw.money("total_net", sums.net),
        "vat": draw.money("vat", sums.tax) if rate else None,
        "total": draw.money("total", sums.gross),
    }


def _row(draw: Draw, index: int, line: goods.Line, rate: int | None) -> Mapping[str, Value | None]:
    key = f"items[{index}]."
    tax = rounded(line.amount * rate / 100) if rate else Decimal(0)
    return {
        "number": draw.text(key + "number", str(index + 1)),
        "name": draw.text(key + "name", line.name),
        "unit": draw.text(key + "unit", line.unit),
        "unit_code": draw.text(key + "unit_code", line.unit_code),
        "quantity": draw.number(key + "quantity", line.quantity),
        "price": draw.money(key + "price", line.price),
        "net": draw.money(key + "amount_net", line.amount),
        "rate": draw.text(key + "vat_rate", str(rate), f"{rate}%", "keep") if rate else None,
        "vat": draw.money(key + "vat", tax) if rate else None,
        "amount": draw.money(key + "amount", line.amount + tax),
    }
