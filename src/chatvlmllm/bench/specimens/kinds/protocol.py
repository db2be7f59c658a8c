"""Протокол подведения итогов: commission, bids with decisions, the winner."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import parties, people, tender
from chatvlmllm.bench.specimens.draw import Draw, rounded

TITLES = {"ru": "Протокол", "en": "Tender protocol"}
FIELDS = {
    "number": "number of the protocol",
    "date": "ISO",
    "city": "place",
    "procurement_number": "19 digits",
    **parties.party_fields("customer", "customer", "name"),
    "subject": "what is bought",
    "initial_price": "НМЦК, roubles",
    "members[].role": "role in the commission",
    "members[].name": "surname and initials",
    "bids[].number": "number of the bid",
    "bids[].participant": "company",
    "bids[].inn": "digits",
    "bids[].price": "offered price, roubles",
    "bids[].decision": "допущена or отклонена",
    "winner_name": "company",
    "winner_inn": "digits",
    "contract_price": "price of the winner, roubles",
}


def facts(draw: Draw) -> dict[str, Any]:
    """Three to six bids; the lowest admitted one wins."""
    customer, subject = tender.customer(draw), tender.subject(draw)
    price = Decimal(draw.rng.randrange(20_000_000, 900_000_000)) / 100
    names = draw.rng.sample(people.COMPANIES, draw.rng.randint(3, 6))
    bids, best = list[dict[str, Any]](), None
    for index, name in enumerate(names):
        company = people.company(draw.rng, title=name)
        offer = rounded(price * Decimal(draw.rng.randrange(700, 995)) / 1000)
        admitted = index == 0 or draw.chance(0.75)
        key = f"bids[{index}]."
        bids.append(
            {
                "number": draw.text(key + "number", str(draw.rng.randrange(1, 40) * 10 + index)),
                "participant": draw.text(key + "participant", company.name),
                "inn": draw.text(key + "inn", company.inn),
                "price": draw.money(key + "price", offer),
                "decision": draw.text(key + "decision", "допущена" if admitted else "отклонена"),
            }
        )
        if admitted and (best is None or offer < best[0]):
            best = (offer, company)
    offer, winner = best if best is not None else (price, customer)
    roles = (
        "Председатель комиссии",
        "Заместитель председателя",
        "Член комиссии",
        "Член комиссии",
        "Секретарь комиссии",
    )
    return {
        "number": draw.text("number", f"{draw.rng.randint(1, 120)}/ЭА"),
        "date": draw.date("date", draw.day(date(2023, 2, 1), date(2026, 6, 1)), draw.pick(("long", "words"))),
        "city": draw.text("city", customer.city),
        "procurement": draw.text("procurement_number", tender.procurement_number(draw, customer)),
        "customer": parties.party(draw, "customer", customer),
        "subject": draw.text("subject", subject.title),
        "price": draw.money("initial_price", price),
        "members": [
            {
                "role": draw.text(f"members[{place}].role", role),
                "name": draw.text(f"members[{place}].name", people.person(draw.rng).short),
            }
            for place, role in enumerate(roles)
        ],
        "bids": bids,
        "winner": draw.text("winner_name", winner.name),
        "winner_inn": draw.text("winner_inn", winner.inn),
        "contract_price": draw.money("contract_price", offer),
    }
