"""Invented companies, addresses and goods for papers in English."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens.draw import Draw, rounded

COMPANIES = (
    "Larkspur Instruments Ltd", "Copperfield & Wren LLP", "Northmoor Paper Company", "Bluegate Logistics Ltd",
    "Juniper Hill Studios", "Ashdown Catering Supplies", "Quarry Lane Engineering", "Fernbrook Software Ltd",
)  # fmt: skip
GOODS = (
    "Thermal label roll, 100 × 150 mm", "Document scanner service visit", "Stainless steel bracket, type B",
    "Translation of user manual (per page)", "Oak desk, 140 × 70 cm", "Annual support plan, silver",
    "Network cable Cat 6, 305 m box", "Site survey and report", "Printed brochures, A5, full colour",
    "Replacement pump seal kit", "Data entry, hourly", "Courier delivery, next day",
)  # fmt: skip
GROCERIES = (
    "Wholemeal loaf", "Semi skimmed milk 2L", "Free range eggs x12", "Cheddar 400g", "Bananas loose", "Tomato soup",
    "Orange juice 1L", "Ground coffee", "Pasta 500g", "Olive oil 500ml", "Kitchen roll", "Dark chocolate",
)  # fmt: skip
_STREETS = ("Mill Lane", "Orchard Road", "Station Approach", "Harbour Street", "Kingfisher Way", "Elm Court")


def address(draw: Draw, country: str) -> str:
    """An address whose postcode belongs to no district."""
    if country == "DE":
        street = draw.pick(("Lindenweg", "Gartenstraße", "Am Mühlbach"))
        return f"{street} {draw.rng.randint(1, 80)}, {draw.rng.randint(10000, 99999)} Musterstadt, Germany"
    town = draw.pick(("Exbridge", "Westhaven", "Littleford"))
    number, district = draw.rng.randint(1, 140), f"ZZ{draw.rng.randint(1, 99)} {draw.rng.randint(1, 9)}AB"
    return f"{number} {draw.pick(_STREETS)}, {town} {district}, United Kingdom"


def lines(draw: Draw, sign: str) -> tuple[list[dict[str, Any]], Decimal]:
    """One to eight lines and the sum of their amounts."""
    rows, total = list[dict[str, Any]](), Decimal(0)
    for index, name in enumerate(draw.rng.sample(GOODS, draw.rng.randint(1, 8))):
        quantity = Decimal(draw.rng.randrange(1, 40))
        price = Decimal(draw.rng.randrange(450, 64_000)) / 100
        amount = rounded(quantity * price)
        total += amount
        key = f"items[{index}]."
        rows.append(
            {
                "name": draw.text(key + "name", name),
                "quantity": draw.text(key + "quantity", str(quantity)),
                "price": draw.cash(key + "price", price, sign, ","),
                "amount": draw.cash(key + "amount", amount, sign, ","),
            }
        )
    return rows, total
