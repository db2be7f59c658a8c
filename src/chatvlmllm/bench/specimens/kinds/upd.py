"""УПД: the tax service's universal transfer document, invoice part and transfer part with rows [8]…[19]."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chatvlmllm.bench.specimens import people, tax
from chatvlmllm.bench.specimens.draw import Draw

TITLES = {"ru": "УПД", "en": "Universal transfer document (UPD)"}
FIELDS = {
    **tax.FIELDS,
    "status": "1 (invoice and transfer document) or 2 (transfer document)",
    "contract_number": "row 8, basis of the transfer",
    "contract_date": "row 8, ISO",
    "shipment_date": "row 11, ISO",
    "receipt_date": "row 16, ISO",
    "received_by": "row 15, surname and initials",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One document of 1 to 14 lines."""
    found = tax.facts(draw, (1, 2, 4, 6, 14))
    day = date.fromisoformat(found["date"].value)
    receiver = people.person(draw.rng)
    return {
        **found,
        "upd": True,
        "status": draw.text("status", "1"),
        "contract_number": draw.text("contract_number", f"{draw.rng.randrange(1, 300)}/{day:%y}"),
        "contract_date": draw.date("contract_date", day - timedelta(days=draw.rng.randrange(10, 300))),
        "shipped": draw.date("shipment_date", day, "long"),
        "received": draw.date("receipt_date", day + timedelta(days=draw.rng.randrange(0, 6)), "long"),
        "receiver": draw.text("received_by", receiver.short),
    }
