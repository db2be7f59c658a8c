"""Банковская (независимая) гарантия: letterhead of an invented bank, parties, sum, term."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from chatvlmllm.bench.specimens import parties, people, tender
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words

TITLES = {"ru": "Банковская гарантия", "en": "Bank guarantee"}
FIELDS = {
    "number": "number of the guarantee",
    "date": "ISO",
    "city": "place of issue",
    **parties.party_fields("guarantor", "bank", "name", "inn", "ogrn", "bik", "signatory", "correspondent_account"),
    **parties.party_fields("principal", "principal", "name", "inn", "address"),
    **parties.party_fields("beneficiary", "customer", "name", "inn", "address"),
    "procurement_number": "19 digits",
    "subject": "what the contract is about",
    "amount": "sum of the guarantee, roubles",
    "amount_in_words": "the sum as decimal string; printed in words",
    "valid_from": "ISO",
    "valid_until": "ISO",
}


def facts(draw: Draw) -> dict[str, Any]:
    """One guarantee for a public contract."""
    customer, principal = tender.customer(draw), people.company(draw.rng)
    guarantor = people.company(draw.rng, form="АО")
    day = draw.day(date(2023, 2, 1), date(2026, 5, 1))
    amount = Decimal(draw.rng.randrange(1_000_000, 90_000_000)) / 100
    bank = guarantor.bank
    return {
        "number": draw.text("number", f"{draw.rng.randrange(100, 9999)}-{day:%y}/БГ"),
        "date": draw.date("date", day, draw.pick(("long", "words", "short"))),
        "city": draw.text("city", guarantor.city),
        "guarantor": draw.text("guarantor_name", bank.name),
        "guarantor_inn": draw.text("guarantor_inn", guarantor.inn),
        "guarantor_ogrn": draw.text("guarantor_ogrn", guarantor.ogrn),
        "guarantor_bik": draw.text("guarantor_bik", bank.bik),
        "guarantor_account": draw.text("guarantor_correspondent_account", bank.correspondent),
        "signatory": draw.text("guarantor_signatory", guarantor.director.short),
        "principal": parties.party(draw, "principal", principal),
        "beneficiary": parties.party(draw, "beneficiary", customer),
        "procurement": draw.text("procurement_number", tender.procurement_number(draw, customer)),
        "subject": draw.text("subject", tender.subject(draw).title),
        "amount": draw.money("amount", amount),
        "words": draw.text("amount_in_words", f"{amount:.2f}", amount_in_words(amount)),
        "since": draw.date("valid_from", day + timedelta(days=1), draw.pick(("short", "words"))),
        "until": draw.date(
            "valid_until", day + timedelta(days=draw.rng.randrange(120, 700)), draw.pick(("short", "words"))
        ),
    }
