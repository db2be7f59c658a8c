"""Checks of values: one entry per check, each a pure function from values to an outcome with its details.

A check claims `ok` only for values that are all present, exact and in agreement; whatever it cannot decide is
`not_applicable`, never `ok`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from chatvlmllm.forms import digits, mrz, names, words
from chatvlmllm.forms.money import decimal
from chatvlmllm.forms.nouns import Check, Outcome

#: Values of one check by part; a part that is a column gives all its rows, None where absent.
Values = Mapping[str, Sequence[str | None]]
Verdict = tuple[Outcome, Mapping[str, str]]
_OK, _FAILED, _NONE = Outcome.OK, Outcome.FAILED, Outcome.NOT_APPLICABLE
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CheckKind:
    """A check: `parts` are the roles that fields play in it, the first one for checks of a single field."""

    parts: tuple[str, ...]
    judge: Callable[[Values], Verdict]


def run(code: str, values: Values, fields: Sequence[str]) -> Check:
    """The check `code` on these values of these fields."""
    outcome, details = CHECKS[code].judge(values)
    return Check(code, outcome, tuple(fields), details)


def _one(values: Values, part: str) -> str | None:
    found = values.get(part, ())
    return found[0] if found else None


def _shape(test: Callable[[str], bool]) -> Callable[[Values], Verdict]:
    """A judge of one value by a predicate."""

    def judge(values: Values) -> Verdict:
        value = _one(values, "value")
        if value is None:
            return _NONE, {}
        return (_OK if test(value) else _FAILED), {}

    return judge


def _only_shape(test: Callable[[str], bool]) -> Callable[[Values], Verdict]:
    """A judge of a number without a check digit: a right shape proves nothing, so it is never called ok."""

    def judge(values: Values) -> Verdict:
        value = _one(values, "value")
        return (_NONE if value is None or test(value) else _FAILED), {}

    return judge


def _vin(values: Values) -> Verdict:
    value = _one(values, "value")
    if value is None or (not digits.vin(value) and not digits.vin_has_check(value)):
        return _NONE, {}
    return (_OK if digits.vin(value) else _FAILED), {}


def _mrz(values: Values) -> Verdict:
    """All check digits of a machine readable zone, given as its lines."""
    text = _one(values, "value")
    zone = next((zone for _, zone in mrz.find(text.splitlines())), None) if text is not None else None
    if zone is None:
        return _NONE, {"parts": ""}
    wrong = [name for name, part in zone.parts.items() if part.valid is False]
    wrong += [] if zone.composite else ["composite"]
    return (_FAILED if wrong else _OK), {"parts": ", ".join(wrong)}


def _person(values: Values) -> Verdict:
    """Initials say nothing; three words must end in a patronymic; anything else is not judged."""
    value = _one(values, "value")
    if value is None or len(value.split()) < 3 or "." in value:
        return _NONE, {}
    return (_OK if names.has_patronymic(value) else _NONE), {}


def _sane(values: Values) -> Verdict:
    """A date of a paper lies between 1990 and ten years from now."""
    value = _one(values, "value")
    if value is None:
        return _NONE, {}
    year = int(value[:4])
    return (_NONE if 1990 <= year <= date.today().year + 10 else _FAILED), {"value": value}  # noqa: DTZ011


def _past(values: Values) -> Verdict:
    value = _one(values, "value")
    if value is None:
        return _NONE, {}
    return (_NONE if "1900-01-01" <= value <= date.today().isoformat() else _FAILED), {"value": value}  # noqa: DTZ011


def _account(test: Callable[[str, str], bool]) -> Callable[[Values], Verdict]:
    def judge(values: Values) -> Verdict:
        number, bank = _one(values, "account"), _one(values, "bik")
        if number is None or bank is None:
            return _NONE, {}
        return (_OK if test(number, bank) else _FAILED), {}

    return judge


def _product(values: Values) -> Verdict:
    """Quantity × price = amount in every row, to the kopeck; a rounded price may be off by half a kopeck per unit."""
    rows = list(zip(values["quantity"], values["price"], values["amount"], strict=True))
    known = [(decimal(q), decimal(p), decimal(a)) for q, p, a in rows]
    wrong, judged = [], 0
    for place, (quantity, price, amount) in enumerate(known, 1):
        if quantity is None or price is None or amount is None:
            continue
        judged += 1
        if (quantity * price).quantize(_CENT, "ROUND_HALF_UP") != amount.quantize(_CENT):
            wrong.append(f"{place}: {quantity} × {price} ≠ {amount}")
    if wrong:
        return _FAILED, {"rows": "; ".join(wrong)}
    return (_OK if judged and judged == len(rows) else _NONE), {"rows": ""}


def _sum(values: Values) -> Verdict:
    parts, total = [decimal(value) for value in values["parts"]], decimal(_one(values, "total"))
    if not parts or total is None or None in parts:
        return _NONE, {}
    added = sum((part for part in parts if part is not None), Decimal(0))
    return (_OK if added == total else _FAILED), {"sum": str(added), "total": str(total)}


def _sum_of(values: Values) -> Verdict:
    """First + second = total."""
    found = [decimal(_one(values, part)) for part in ("first", "second", "total")]
    if None in found:
        return _NONE, {}
    first, second, total = (value for value in found if value is not None)
    return (_OK if first + second == total else _FAILED), {"sum": str(first + second), "total": str(total)}


def _sum_of_three(values: Values) -> Verdict:
    """First + second + third = total."""
    found = [decimal(_one(values, part)) for part in ("first", "second", "third", "total")]
    known = [value for value in found if value is not None]
    if len(known) < len(found):
        return _NONE, {}
    added, total = sum(known[:3], Decimal(0)), known[3]
    return (_OK if added == total else _FAILED), {"sum": str(added), "total": str(total)}


def _difference(values: Values) -> Verdict:
    """First − second = rest: change, balances."""
    first, second, rest = (decimal(_one(values, part)) for part in ("first", "second", "rest"))
    if first is None or second is None or rest is None:
        return _NONE, {}
    return _near(first - second, rest, Decimal(0))


def _mean(values: Values) -> Verdict:
    """The mean of three quotations in every row, to the kopeck (order 567 of the Ministry of Economy, 2013)."""
    parts = [values[part] for part in ("first", "second", "third", "mean")]
    wrong, judged, total = [], 0, 0
    for place, row in enumerate(zip(*parts, strict=True), 1):
        known = [number for value in row if (number := decimal(value)) is not None]
        total += 1
        if len(known) < len(row):
            continue
        judged += 1
        if abs(sum(known[:3], Decimal(0)) / 3 - known[3]) > _CENT:
            wrong.append(f"{place}: {known[3]}")
    if wrong:
        return _FAILED, {"rows": "; ".join(wrong)}
    return (_OK if judged and judged == total else _NONE), {"rows": ""}


def _lowest(values: Values) -> Verdict:
    """The winning price is the lowest of the bids that were not turned down (44-ФЗ, article 49)."""
    price = decimal(_one(values, "price"))
    admitted = [
        decimal(offer)
        for offer, decision in zip(values["prices"], values["decisions"], strict=True)
        if decision is not None and not decision.casefold().startswith(("откл", "не доп"))
    ]
    if price is None or not admitted or None in admitted:
        return _NONE, {}
    due = min(offer for offer in admitted if offer is not None)
    return _near(due, price, Decimal(0))


def _at_most(values: Values) -> Verdict:
    value, limit = decimal(_one(values, "value")), decimal(_one(values, "limit"))
    if value is None or limit is None:
        return _NONE, {}
    return (_NONE if value <= limit else _FAILED), {"value": str(value), "limit": str(limit)}


def _among(values: Values) -> Verdict:
    value, known = _one(values, "value"), values["values"]
    if value is None or not known or None in known:
        return _NONE, {}
    return (_OK if value in known else _FAILED), {"value": value}


def _vat_inside(values: Values) -> Verdict:
    """Tax contained in a total: total × rate / (100 + rate), to the kopeck (Tax Code, article 164, item 4)."""
    total, rate, tax = (decimal(_one(values, part)) for part in ("total", "rate", "vat"))
    if total is None or rate is None or tax is None:
        return _NONE, {}
    due = (total * rate / (100 + rate)).quantize(_CENT, "ROUND_HALF_UP")
    return _near(due, tax, _CENT)


def _vat_rows(values: Values) -> Verdict:
    """Tax on top in every row: amount × rate / 100."""
    rows = zip(values["amount"], values["rate"], values["vat"], strict=True)
    wrong, judged, total = [], 0, 0
    for place, row in enumerate(rows, 1):
        amount, rate, tax = (decimal(value) for value in row)
        total += 1
        if amount is None or rate is None or tax is None:
            continue
        judged += 1
        due = (amount * rate / 100).quantize(_CENT, "ROUND_HALF_UP")
        if abs(due - tax) > _CENT:
            wrong.append(f"{place}: {rate} % × {amount} ≠ {tax}")
    if wrong:
        return _FAILED, {"rows": "; ".join(wrong)}
    return (_OK if judged and judged == total else _NONE), {"rows": ""}


def _vat_on_top(values: Values) -> Verdict:
    """Tax added to a net sum; each row's tax may have been rounded, so half a kopeck a row is forgiven."""
    net, rate, tax = (decimal(_one(values, part)) for part in ("net", "rate", "vat"))
    if net is None or rate is None or tax is None:
        return _NONE, {}
    rows = len(values.get("rows", ())) or 1
    return _near((net * rate / 100).quantize(_CENT, "ROUND_HALF_UP"), tax, max(_CENT, rows * _CENT / 2))


def _near(due: Decimal, found: Decimal, slack: Decimal) -> Verdict:
    details = {"due": str(due), "found": str(found)}
    return (_OK if abs(due - found) <= slack else _FAILED), details


def _words(values: Values) -> Verdict:
    spoken, amount = decimal(_one(values, "words")), decimal(_one(values, "amount"))
    if spoken is None or amount is None:
        return _NONE, {}
    details = {"words": str(spoken), "amount": str(amount), "due": words.spell(amount, "ru")}
    return (_OK if spoken == amount else _FAILED), details


def _order(values: Values) -> Verdict:
    first, second = _one(values, "first"), _one(values, "second")
    if first is None or second is None:
        return _NONE, {}
    return (_OK if first <= second else _FAILED), {"first": first, "second": second}


def _same(values: Values) -> Verdict:
    first, second = _one(values, "first"), _one(values, "second")
    if first is None or second is None:
        return _NONE, {}
    return (_OK if _plain(first) == _plain(second) else _FAILED), {"first": first, "second": second}


def _differ(values: Values) -> Verdict:
    """Two parties never share an ИНН; that they differ proves little, so it is not called ok."""
    first, second = _one(values, "first"), _one(values, "second")
    return (_FAILED if first is not None and first == second else _NONE), {}


def _plain(text: str) -> str:
    return text.casefold().replace("ё", "е").replace("<", " ").strip()


def _inn_party(values: Values) -> Verdict:
    """An organisation has 10 digits and a КПП of its own; a trader or a person has 12 and none."""
    number, name, code = (_one(values, part) for part in ("inn", "name", "kpp"))
    if number is None or name is None:
        return _NONE, {}
    person = name.startswith(("ИП ", "Индивидуальный", "индивидуальный"))
    organisation = "«" in name or name.startswith(("ООО", "АО", "ПАО", "Общество"))
    if not person and not organisation:
        return _NONE, {}
    right = len(number) == (12 if person else 10) and not (person and code not in {None, "0"})
    return (_OK if right else _FAILED), {"name": name, "digits": str(len(number))}


_FIELD = ("value",)
CHECKS: Mapping[str, CheckKind] = {
    "inn": CheckKind(_FIELD, _shape(digits.inn)),
    "kpp": CheckKind(_FIELD, _only_shape(digits.kpp)),
    "ogrn": CheckKind(_FIELD, _shape(lambda text: digits.ogrn(text) or digits.ogrnip(text))),
    "snils": CheckKind(_FIELD, _shape(digits.snils)),
    "okpo": CheckKind(_FIELD, _shape(digits.okpo)),
    "bik": CheckKind(_FIELD, _only_shape(digits.bik)),
    "iban": CheckKind(_FIELD, _shape(digits.iban)),
    "vin": CheckKind(_FIELD, _vin),
    "account_shape": CheckKind(_FIELD, _only_shape(lambda text: len(text) == 20 and text.isdigit())),
    "person_shape": CheckKind(_FIELD, _person),
    "date_sane": CheckKind(_FIELD, _sane),
    "date_past": CheckKind(_FIELD, _past),
    "mrz": CheckKind(_FIELD, _mrz),
    "account_key": CheckKind(("account", "bik"), _account(digits.account)),
    "correspondent_key": CheckKind(("account", "bik"), _account(digits.correspondent)),
    "product": CheckKind(("quantity", "price", "amount"), _product),
    "sum": CheckKind(("parts", "total"), _sum),
    "sum_of_two": CheckKind(("first", "second", "total"), _sum_of),
    "vat_inside": CheckKind(("total", "rate", "vat"), _vat_inside),
    "vat_on_top": CheckKind(("net", "rate", "vat", "rows"), _vat_on_top),
    "vat_rows": CheckKind(("amount", "rate", "vat"), _vat_rows),
    "amount_in_words": CheckKind(("words", "amount"), _words),
    "date_order": CheckKind(("first", "second"), _order),
    "sum_of_three": CheckKind(("first", "second", "third", "total"), _sum_of_three),
    "difference": CheckKind(("first", "second", "rest"), _difference),
    "mean": CheckKind(("first", "second", "third", "mean"), _mean),
    "lowest": CheckKind(("prices", "decisions", "price"), _lowest),
    "at_most": CheckKind(("value", "limit"), _at_most),
    "among": CheckKind(("value", "values"), _among),
    "same": CheckKind(("first", "second"), _same),
    "different": CheckKind(("first", "second"), _differ),
    "inn_of_party": CheckKind(("inn", "name", "kpp"), _inn_party),
}
