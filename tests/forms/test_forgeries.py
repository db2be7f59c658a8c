"""Two hundred forged papers: whatever was tampered with is flagged, and never called right.

Each forgery changes one printed value of a faultless paper by one plausible slip: a digit of a guarded number, a sum
that no longer adds up, two dates exchanged. A digit change that the published scheme itself cannot see (an ИНН whose
remainder of 10 meets 0) is not drawn: no reader of any kind could tell it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest

from chatvlmllm.forms import Extraction, Outcome, digits, extract
from chatvlmllm.reading import Reading, Word
from tests.forms.papers import readings, specimen

COUNT = 200


@dataclass(frozen=True)
class Target:
    """A field of a kind of paper that a check guards; `valid` is what the guard accepts, if it is a number's own.

    `last` forges only the last place that prints the value: the others are what it is compared with.
    """

    kind: str
    field: str
    valid: Callable[[str], bool] | None = None
    last: bool = False


GUARDED = (
    Target("act", "seller_inn", digits.inn),
    Target("act", "buyer_inn", digits.inn),
    Target("act", "total"),
    Target("act", "items[0].amount"),
    Target("act", "items[1].quantity"),
    Target("act", "items[1].price"),
    Target("act", "vat"),
    Target("invoice", "seller_inn", digits.inn),
    Target("invoice", "buyer_inn", digits.inn),
    Target("invoice", "seller_account"),
    Target("invoice", "seller_correspondent_account"),
    Target("invoice", "items[0].price"),
    Target("payment_order", "payer_inn", digits.inn),
    Target("payment_order", "payee_account"),
    Target("payment_order", "payer_account"),
    Target("payment_order", "payee_correspondent_account"),
    Target("payment_order", "amount"),
    Target("vat_invoice", "seller_inn", digits.inn),
    Target("vat_invoice", "items[0].amount_net"),
    Target("upd", "buyer_inn", digits.inn),
    Target("contract", "seller_ogrn", digits.ogrn),
    Target("contract", "buyer_account"),
    Target("contract", "items[0].quantity"),
    Target("inn_certificate", "inn", digits.inn),
    Target("snils", "number", digits.snils),
    Target("foreign_passport", "mrz"),
    Target("passport_rf", "mrz"),
    Target("cash_receipt", "items[0].amount"),
    Target("estimate", "overhead"),
    Target("estimate", "items[2].price"),
    Target("price_justification", "items[0].average_price"),
    Target("protocol", "contract_price", last=True),
    Target("bank_guarantee", "amount"),
    Target("bank_guarantee", "guarantor_ogrn", digits.ogrn),
    Target("invoice_en", "subtotal"),
    Target("invoice_en", "iban", digits.iban),
    Target("receipt_en", "total"),
    Target("tender_notice", "initial_price"),
)
#: Dates whose order a check knows: the earlier, the later.
ORDERED = (
    ("act", "contract_date", "date"),
    ("driving_licence", "issue_date", "expiry_date"),
    ("foreign_passport", "issue_date", "expiry_date"),
    ("bank_guarantee", "valid_from", "valid_until"),
    ("upd", "contract_date", "date"),
    ("tender_notice", "auction_date", "result_date"),
)


def _printed(kind: str, seed: int, key: str) -> str | None:
    found = specimen(kind, seed).fields
    if "[" not in key:
        return found[key]["text"] if key in found else None
    group, _, rest = key.partition("[")
    index, _, name = rest.partition("].")
    rows = found.get(group, [])
    return rows[int(index)][name]["text"] if int(index) < len(rows) and name in rows[int(index)] else None


def _retyped(pages: list[Reading], old: str, new: str, *, last: bool = False) -> list[Reading] | None:
    """The pages with the places that print `old` (words in a row) printing `new` instead; None if there is none."""
    places = [
        (page, block, line, start)
        for page, reading in enumerate(pages)
        for block, part in enumerate(reading.blocks)
        for line, row in enumerate(part.lines)
        for start in _starts([word.text for word in row.words], old.split())
    ]
    for page, block, line, start in places[-1:] if last else places:
        part = pages[page].blocks[block]
        words = list(part.lines[line].words)
        for offset, (was, now) in enumerate(zip(old.split(), new.split(), strict=True)):
            word = words[start + offset]
            words[start + offset] = Word(word.text.replace(_core(was), _core(now)), word.box, word.confidence)
        fresh = replace(part.lines[line], words=tuple(words), text=" ".join(word.text for word in words))
        lines = (*part.lines[:line], fresh, *part.lines[line + 1 :])
        changed = replace(part, lines=lines, text="\n".join(row.text for row in lines))
        blocks = pages[page].blocks
        whole = replace(pages[page], blocks=(*blocks[:block], changed, *blocks[block + 1 :]))
        pages = [*pages[:page], whole, *pages[page + 1 :]]
    return pages if places else None


def _core(word: str) -> str:
    return word.strip("=(),;.:£€$")


def _starts(texts: list[str], words: list[str]) -> list[int]:
    """Where these words stand in a row among the texts, punctuation aside."""
    wanted, known = [_core(word) for word in words], [_core(text) for text in texts]
    return [start for start in range(len(known)) if known[start : start + len(wanted)] == wanted]


def _slip(rng: Random, text: str) -> str:
    """One digit changed, never the first of all (which could make another kind of number)."""
    places = [place for place, sign in enumerate(text) if sign.isdigit()]
    place = rng.choice(places[1:] or places)
    other = rng.choice([sign for sign in "0123456789" if sign != text[place]])
    return text[:place] + other + text[place + 1 :]


def _zone_slip(rng: Random, text: str) -> str:
    """A digit changed in the guarded second line of a machine readable zone."""
    first, second = text.split("\n")
    place = rng.choice([place for place in range(28) if second[place].isdigit()])
    other = rng.choice([sign for sign in "0123456789" if sign != second[place]])
    return f"{first}\n{second[:place]}{other}{second[place + 1 :]}"


def _one(rng: Random, target: Target, seed: int) -> tuple[str, list[Reading]] | None:
    text = _printed(target.kind, seed, target.field)
    if text is None:
        return None
    forged = _zone_slip(rng, text) if target.field == "mrz" else _slip(rng, text)
    if target.valid is not None and target.valid("".join(sign for sign in forged if sign.isalnum())):
        return None
    pages = _retyped(readings(target.kind, seed), text, forged, last=target.last)
    return (f"{target.kind} {target.field}: {text!r} → {forged!r}", pages) if pages else None


def forgeries() -> Iterator[tuple[str, str, list[Reading]]]:
    """(kind, what was done, the forged pages), always the same two hundred."""
    rng, made = Random(20240103), 0
    for seed in range(21, 24):
        for kind, early, late in ORDERED:
            first, second = _printed(kind, seed, early), _printed(kind, seed, late)
            if first and second and first != second and len(first.split()) == len(second.split()):
                middle = _retyped(readings(kind, seed), first, "\x01 " * (len(first.split()) - 1) + "\x01")
                swapped = middle and _retyped(middle, second, first)
                pages = swapped and _retyped(swapped, "\x01 " * (len(first.split()) - 1) + "\x01", second)
                if pages:
                    made += 1
                    yield kind, f"{kind} {early} and {late} exchanged: {first} ↔ {second}", pages
    while made < COUNT:
        target = rng.choice(GUARDED)
        forged = _one(rng, target, rng.randrange(21, 25))
        if forged is not None:
            made += 1
            yield target.kind, *forged


def _flagged(found: Extraction) -> bool:
    return any(check.outcome is Outcome.FAILED for check in found.checks)


@pytest.mark.parametrize("kind", sorted({target.kind for target in GUARDED}))
def test_the_papers_are_faultless_before(kind: str) -> None:
    """The same papers without a forgery fail no check, so a flag means the forgery."""
    for seed in range(21, 25):
        assert [c for c in extract(readings(kind, seed), kind).checks if c.outcome is Outcome.FAILED] == []


def test_two_hundred_forgeries_are_flagged_each_time() -> None:
    """Zero false ok: every forged paper fails a check and is never called ok as a whole."""
    every = list(forgeries())
    assert len(every) == COUNT
    missed = [what for kind, what, pages in every if not _flagged(extract(pages, kind))]
    assert missed == []
