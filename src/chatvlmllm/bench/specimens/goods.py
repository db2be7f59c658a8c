"""Lines of commercial papers whose arithmetic holds: quantity × price = sum, sums = total, tax from its rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from chatvlmllm.bench.specimens.draw import Draw, Value, rounded
from chatvlmllm.bench.specimens.people import GOODS, SERVICES

_COUNTED_IN_PARTS = {"м", "м³", "т", "кг", "м²"}


@dataclass(frozen=True)
class Line:
    """One position before it is printed; `amount` is without tax when tax comes on top, else with it."""

    name: str
    unit: str
    unit_code: str
    quantity: Decimal
    price: Decimal

    @property
    def amount(self) -> Decimal:
        return rounded(self.quantity * self.price)


@dataclass(frozen=True)
class Sums:
    """Totals of a paper in roubles; `rate` is the tax rate in percent, None without tax."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    rate: int | None


def lines(draw: Draw, count: int, services: bool = False) -> tuple[Line, ...]:
    """`count` different positions (repeated names get a number when the list is longer than the catalogue)."""
    catalogue = SERVICES if services else GOODS
    chosen = draw.rng.sample(catalogue, min(count, len(catalogue)))
    while len(chosen) < count:
        name, *rest = draw.pick(catalogue)
        chosen.append((f"{name}, исп. {len(chosen)}", *rest))  # type: ignore[arg-type]
    found = []
    for name, unit, code, low, high in chosen:
        price = Decimal(draw.rng.randrange(low * 100, high * 100)) / 100
        if draw.chance(0.6):
            price = price.quantize(Decimal(1))
        quantity = Decimal(draw.rng.randrange(1, 40 if high < 10_000 else 6))
        if unit in _COUNTED_IN_PARTS and draw.chance(0.5):
            quantity += Decimal(draw.rng.randrange(1, 10)) / 10
        found.append(Line(name, unit, code, quantity, price))
    return tuple(found)


def totals(positions: Sequence[Line], rate: int | None, on_top: bool = False) -> Sums:
    """Totals; with `on_top` the tax is added to the sums, else it is contained in them."""
    total = sum((line.amount for line in positions), Decimal(0))
    if rate is None:
        return Sums(total, Decimal(0), total, None)
    if on_top:
        tax = sum((rounded(line.amount * rate / 100) for line in positions), Decimal(0))
        return Sums(total, tax, total + tax, rate)
    tax = rounded(total * rate / (100 + rate))
    return Sums(total - tax, tax, total, rate)


def vat_rate(draw: Draw, day: date) -> int | None:
    """A rate in force on that day: 20 % until 2025 and 22 % from 2026, the reduced 10 %, or no tax (None)."""
    general = 22 if day.year >= 2026 else 20
    return draw.pick((general, general, 10, None))


def printed(draw: Draw, positions: Sequence[Line], group: str = "items") -> list[Mapping[str, Value]]:
    """Positions as values: number, name, unit, quantity, price, amount."""
    rows: list[Mapping[str, Value]] = []
    for index, line in enumerate(positions):
        key = f"{group}[{index}]."
        rows.append(
            {
                "number": draw.text(key + "number", str(index + 1)),
                "name": draw.text(key + "name", line.name),
                "unit": draw.text(key + "unit", line.unit),
                "unit_code": draw.text(key + "unit_code", line.unit_code),
                "quantity": draw.number(key + "quantity", line.quantity),
                "price": draw.money(key + "price", line.price),
                "amount": draw.money(key + "amount", line.amount),
            }
        )
    return rows


ITEM_FIELDS = {
    "items[].number": "number of the position, digits",
    "items[].name": "name of goods or work",
    "items[].unit": "unit of measure as abbreviated",
    "items[].quantity": "quantity, decimal string",
    "items[].price": "price of one unit, roubles",
    "items[].amount": "quantity × price, roubles",
}
