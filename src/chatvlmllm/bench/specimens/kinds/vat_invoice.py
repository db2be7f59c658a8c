"""Счёт-фактура: the form of Government resolution No. 1137, landscape, graphs 1…11."""

from __future__ import annotations

from typing import Any

from chatvlmllm.bench.specimens import tax
from chatvlmllm.bench.specimens.draw import Draw

TITLES = {"ru": "Счёт-фактура", "en": "VAT invoice (schet-faktura)"}
FIELDS = dict(tax.FIELDS)


def facts(draw: Draw) -> dict[str, Any]:
    """One invoice of 1 to 24 lines."""
    return {**tax.facts(draw, (1, 2, 4, 6, 24)), "upd": False}
