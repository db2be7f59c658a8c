"""Parties of a paper as printed values: name, ИНН, КПП, address, bank."""

from __future__ import annotations

from chatvlmllm.bench.specimens.draw import Draw, Value
from chatvlmllm.bench.specimens.people import Company


def party(draw: Draw, role: str, of: Company, full_names: bool = False) -> dict[str, Value]:
    """Values of one party; keys are `<role>_name`, `<role>_inn`, …; the signatory short or with full names."""
    return {
        "name": draw.text(f"{role}_name", of.name),
        "inn": draw.text(f"{role}_inn", of.inn),
        "kpp": draw.text(f"{role}_kpp", of.kpp),
        "ogrn": draw.text(f"{role}_ogrn", of.ogrn),
        "okpo": draw.text(f"{role}_okpo", of.okpo),
        "address": draw.text(f"{role}_address", of.address),
        "phone": draw.text(f"{role}_phone", of.phone, style="keep"),
        "email": draw.text(f"{role}_email", of.email),
        "bank": draw.text(f"{role}_bank_name", of.bank.name),
        "bik": draw.text(f"{role}_bik", of.bank.bik),
        "account": draw.text(f"{role}_account", of.account),
        "correspondent": draw.text(f"{role}_correspondent_account", of.bank.correspondent),
        "director": draw.text(f"{role}_signatory", of.director.full if full_names else of.director.short),
    }


def party_fields(role: str, who: str, *parts: str) -> dict[str, str]:
    """Descriptions of the keys of a party for `FIELDS`."""
    known = {
        "name": "name with legal form",
        "inn": "ИНН, digits",
        "kpp": "КПП, digits",
        "ogrn": "ОГРН, digits",
        "okpo": "ОКПО, digits",
        "address": "postal address",
        "phone": "telephone as printed",
        "email": "e-mail",
        "bank_name": "bank",
        "bik": "БИК of the bank, digits",
        "account": "settlement account, 20 digits",
        "correspondent_account": "correspondent account of the bank, 20 digits",
        "signatory": "surname and initials (or full name) of who signs",
    }
    return {f"{role}_{part}": f"{who}: {known[part]}" for part in parts}
