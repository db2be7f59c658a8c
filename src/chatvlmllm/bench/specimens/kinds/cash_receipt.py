"""Кассовый чек: till roll of 72 or 80 mm with fiscal numbers and a QR code."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import people, values
from chatvlmllm.bench.specimens.draw import MONO, NARROW, Draw, page_style, rounded

TITLES = {"ru": "Кассовый чек", "en": "Russian till receipt"}
FIELDS = {
    "seller_name": "organisation",
    "seller_inn": "digits",
    "seller_address": "place of settlement",
    "number": "number of the receipt in the shift",
    "shift": "number of the shift",
    "date": "ISO",
    "time": "HH:MM",
    "cashier": "surname and initials",
    "items[].name": "goods",
    "items[].quantity": "quantity",
    "items[].price": "price of one",
    "items[].amount": "quantity × price",
    "total": "ИТОГ",
    "paid_cash": "when paid in cash",
    "paid_card": "when paid by card",
    "vat_rate": "percent",
    "vat": "НДС contained in the total",
    "tax_system": "СНО",
    "kkt_registration_number": "РН ККТ, 16 digits",
    "kkt_serial_number": "ЗН ККТ",
    "fiscal_drive": "ФН, 16 digits",
    "fiscal_document": "ФД, digits",
    "fiscal_sign": "ФП, ten digits",
}
_GOODS = [
    "Молоко 3,2% 1 л",
    "Хлеб ржаной нарезка",
    "Сыр полутвердый 45%",
    "Яблоки сезонные",
    "Чай черный 100 пак.",
    "Гречка ядрица 900 г",
    "Вода минеральная 1,5 л",
    "Печенье овсяное",
    "Масло сливочное 180 г",
    "Кефир 2,5% 0,9 л",
    "Картофель мытый",
    "Сок яблочный 1 л",
    "Салфетки бумажные",
    "Пакет-майка",
    "Батарейки AA 4 шт.",
    "Тетрадь 48 л. клетка",
]


def facts(draw: Draw) -> dict[str, Any]:
    """One purchase of 1 to 12 goods."""
    seller = people.company(draw.rng)
    day = draw.day(date(2023, 1, 5), date(2026, 6, 30))
    clock = f"{draw.rng.randrange(8, 22):02d}:{draw.rng.randrange(60):02d}"
    rate = draw.pick((10, 22 if day.year >= 2026 else 20))
    items, total = _items(draw)
    tax = rounded(total * rate / (100 + rate))
    fiscal = {
        "drive": "9" + values.digits(draw.rng, 15),
        "document": str(draw.rng.randrange(90, 99_000)),
        "sign": values.digits(draw.rng, 10),
    }
    code = (
        f"t={day:%Y%m%d}T{clock.replace(':', '')}&s={total:.2f}&fn={fiscal['drive']}&i={fiscal['document']}"
        f"&fp={fiscal['sign']}&n=1"
    )
    width = draw.pick((72, 80))
    paid = "paid_card" if draw.chance(0.7) else "paid_cash"
    return {
        "style": {**page_style(draw, (*MONO, *NARROW[:2])), "margin": "0", "size": "8.6pt", "leading": "1.22"},
        "roll": width,
        "seller": {
            "name": draw.text("seller_name", seller.name),
            "inn": draw.text("seller_inn", seller.inn),
            "address": draw.text("seller_address", seller.address),
        },
        "number": draw.text("number", str(draw.rng.randrange(1, 400))),
        "shift": draw.text("shift", str(draw.rng.randrange(2, 700))),
        "date": draw.date("date", day),
        "time": draw.text("time", clock),
        "cashier": draw.text("cashier", people.person(draw.rng).short),
        "items": items,
        "total": draw.cash("total", total, "="),
        "paid_name": "БЕЗНАЛИЧНЫМИ" if paid == "paid_card" else "НАЛИЧНЫМИ",
        "paid": draw.cash(paid, total, "="),
        "rate": draw.text("vat_rate", str(rate), f"{rate}%"),
        "vat": draw.cash("vat", tax, "="),
        "system": draw.text("tax_system", "ОСН"),
        "registration": draw.text("kkt_registration_number", "000" + values.digits(draw.rng, 13)),
        "serial": draw.text("kkt_serial_number", "00" + values.digits(draw.rng, 12)),
        "drive": draw.text("fiscal_drive", fiscal["drive"]),
        "document": draw.text("fiscal_document", fiscal["document"]),
        "sign": draw.text("fiscal_sign", fiscal["sign"]),
        "qr": qr(code),
    }


def qr(text: str) -> Any:
    """An inline SVG of a QR code."""
    import segno
    from markupsafe import Markup

    return Markup(segno.make(text, error="m").svg_inline(scale=1, border=0, svgclass="qr"))  # noqa: S704


def _items(draw: Draw) -> tuple[list[dict[str, Any]], Decimal]:
    rows, total = [], Decimal(0)
    for index, name in enumerate(draw.rng.sample(_GOODS, draw.rng.randint(1, 12))):
        weighed = name in ("Яблоки сезонные", "Картофель мытый", "Сыр полутвердый 45%")
        quantity = Decimal(draw.rng.randrange(150, 2400)) / 1000 if weighed else Decimal(draw.rng.randrange(1, 5))
        price = Decimal(draw.rng.randrange(900, 60_000)) / 100
        amount = rounded(quantity * price)
        total += amount
        key = f"items[{index}]."
        rows.append(
            {
                "name": draw.text(key + "name", name),
                "quantity": draw.text(
                    key + "quantity", f"{quantity.normalize():f}", f"{quantity:.3f}" if weighed else ""
                ),
                "price": draw.cash(key + "price", price),
                "amount": draw.cash(key + "amount", amount, "="),
            }
        )
    return rows, total
