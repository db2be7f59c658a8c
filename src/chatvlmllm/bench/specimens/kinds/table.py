"""A ruled table: a list of goods, or a report with a header of two levels and merged cells; may break over pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import goods, people
from chatvlmllm.bench.specimens.draw import Draw, money

TITLES = {"ru": "Таблица", "en": "Table"}
FIELDS = {**goods.ITEM_FIELDS, "total": "sum of all amounts, roubles"}


def facts(draw: Draw) -> dict[str, Any]:
    """Either `items` (list of goods) or `groups` (places × quarters)."""
    spanned = draw.chance(0.5)
    positions = goods.lines(draw, draw.pick((4, 6, 9, 14, 48)))
    groups = (
        []
        if not spanned
        else [_group(draw, city) for city, _, _ in draw.rng.sample(people.CITIES, draw.rng.randint(2, 4))]
    )
    return {
        "title": "Отгрузка по складам, тыс. руб."
        if spanned
        else draw.pick(("Перечень товаров", "Ведомость материалов")),
        "groups": groups,
        "items": goods.printed(draw, positions),
        "total": draw.money("total", goods.totals(positions, None).gross),
        "lines": draw.pick(("all", "all", "rows")),
    }


def _group(draw: Draw, city: str) -> dict[str, Any]:
    """Rows of one city: a warehouse with four quarters and their sum."""
    rows = []
    for index in range(draw.rng.randint(2, 4)):
        quarters = [Decimal(draw.rng.randrange(1_000, 99_000)) / 10 for _ in range(4)]
        rows.append((f"Склад № {index + 1}", *(money(part) for part in (*quarters, sum(quarters, Decimal(0))))))
    return {"city": city, "rows": rows}
