"""Обоснование НМЦК: market analysis over three quotations with mean, coefficient of variation and total."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from statistics import stdev
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, tender
from chatvlmllm.bench.specimens.draw import Draw, Value, amount_in_words, page_style, rounded

TITLES = {"ru": "Обоснование НМЦК (анализ цен)", "en": "Justification of the initial price"}
FIELDS = {
    "subject": "what is bought",
    **parties.party_fields("customer", "customer", "name"),
    "method": "method of finding the price",
    "items[].number": "digits",
    "items[].name": "goods or work",
    "items[].unit": "unit as abbreviated",
    "items[].quantity": "decimal string",
    "items[].price_1": "first quotation, roubles for one",
    "items[].price_2": "second quotation",
    "items[].price_3": "third quotation",
    "items[].average_price": "mean of the three, to the kopeck",
    "items[].variation": "coefficient of variation, percent: sample deviation over mean",
    "items[].amount": "mean × quantity",
    "total": "НМЦК, roubles",
    "total_in_words": "НМЦК as decimal string; printed in words",
    "date": "ISO",
    "prepared_by": "surname and initials",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One justification of 2 to 18 positions, landscape."""
    customer, subject = tender.customer(draw), tender.subject(draw)
    positions = goods.lines(draw, draw.pick((2, 4, 7, 18)), subject.services)
    rows, total = [], Decimal(0)
    for index, line in enumerate(positions):
        row, amount = _row(draw, index, line)
        rows.append(row)
        total += amount
    style = page_style(draw)
    return {
        "style": {**style, "margin": "13mm", "size": f"{draw.between(8.6, 9.8)}pt"},
        "paper": "A4 landscape",
        "subject": draw.text("subject", subject.title),
        "customer": parties.party(draw, "customer", customer),
        "method": draw.text("method", "метод сопоставимых рыночных цен (анализа рынка)"),
        "items": rows,
        "total": draw.money("total", total),
        "words": draw.text("total_in_words", f"{total:.2f}", amount_in_words(total)),
        "date": draw.date("date", draw.day(date(2023, 1, 20), date(2026, 5, 1)), draw.pick(("long", "short"))),
        "author": draw.text("prepared_by", customer.accountant.short),
        "quotations": [
            (str(draw.rng.randint(10, 900)), f"{draw.rng.randint(1, 28):02d}.{draw.rng.randint(1, 12):02d}")
            for _ in range(3)
        ],
    }


def _row(draw: Draw, index: int, line: goods.Line) -> tuple[Mapping[str, Value], Decimal]:
    spread = [Decimal(draw.rng.randrange(90, 114)) / 100 for _ in range(3)]
    prices = [rounded(line.price * part) for part in spread]
    average = rounded(sum(prices, Decimal(0)) / 3)
    variation = stdev(float(price) for price in prices) / float(sum(prices, Decimal(0)) / 3) * 100
    amount = rounded(average * line.quantity)
    key = f"items[{index}]."
    row = {
        "number": draw.text(key + "number", str(index + 1)),
        "name": draw.text(key + "name", line.name),
        "unit": draw.text(key + "unit", line.unit),
        "quantity": draw.number(key + "quantity", line.quantity),
        **{f"price_{place}": draw.money(f"{key}price_{place}", price) for place, price in enumerate(prices, 1)},
        "average": draw.money(key + "average_price", average),
        "variation": draw.text(key + "variation", f"{variation:.2f}", tender.round_percent(variation)),
        "amount": draw.money(key + "amount", amount),
    }
    return row, amount
