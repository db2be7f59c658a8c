"""Акт сдачи-приемки: a linear page, text, one ruled table, totals, signatures below one another."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chatvlmllm.bench.specimens import goods, parties, people
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words

TITLES = {"ru": "Акт", "en": "Certificate of completion"}
FIELDS = {
    "number": "number of the act",
    "date": "date of the act, ISO",
    "contract_number": "number of the contract it closes",
    "contract_date": "date of that contract, ISO",
    **parties.party_fields("seller", "contractor", "name", "inn", "kpp", "signatory"),
    **parties.party_fields("buyer", "customer", "name", "inn", "kpp", "signatory"),
    **goods.ITEM_FIELDS,
    "total_net": "total without НДС, only when НДС is named",
    "vat_rate": "НДС rate, percent",
    "vat": "НДС, roubles",
    "total": "total to pay, roubles",
    "total_in_words": "total as decimal string; printed in words",
}
_CLOSINGS = (
    "Вышеперечисленные услуги выполнены полностью и в срок. Заказчик претензий по объему, качеству и срокам "
    "оказания услуг не имеет.",
    "Работы выполнены в полном объеме и приняты Заказчиком. Стороны претензий друг к другу не имеют. Настоящий акт "
    "составлен в двух экземплярах, по одному для каждой из сторон.",
)


def facts(draw: Draw) -> dict[str, Any]:
    """Values of one act."""
    seller, buyer = people.two_companies(draw.rng)
    day = draw.day(date(2023, 1, 10), date(2026, 6, 30))
    contract = day - timedelta(days=draw.rng.randrange(20, 300))
    positions = goods.lines(draw, draw.rng.randrange(2, 6), services=True)
    sums = goods.totals(positions, goods.vat_rate(draw, day))
    return {
        "heading": draw.pick(("Акт выполненных работ", "Акт сдачи-приемки оказанных услуг", "Акт об оказании услуг")),
        "number": draw.text("number", str(draw.rng.randrange(7, 1900))),
        "date": draw.date("date", day, draw.pick(("words", "short"))),
        "contract_number": draw.text("contract_number", f"{draw.rng.randrange(1, 90)}/{contract:%y}-У"),
        "contract_date": draw.date("contract_date", contract),
        "seller": parties.party(draw, "seller", seller),
        "buyer": parties.party(draw, "buyer", buyer),
        "seller_genitive": seller.director.genitive,
        "buyer_genitive": buyer.director.genitive,
        "seller_acts": "действующей" if seller.director.female else "действующего",
        "buyer_acts": "действующей" if buyer.director.female else "действующего",
        "items": goods.printed(draw, positions),
        "net": draw.money("total_net", sums.net),
        "rate": draw.text("vat_rate", str(sums.rate), f"{sums.rate} %", "keep") if sums.rate else None,
        "vat": draw.money("vat", sums.tax),
        "total": draw.money("total", sums.gross),
        "words": draw.text("total_in_words", f"{sums.gross:.2f}", amount_in_words(sums.gross)),
        "closing": draw.pick(_CLOSINGS),
        "wide": draw.between(7, 13, 0),
    }
