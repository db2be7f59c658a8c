"""Check digits of the identifiers that stand on papers. Every function takes bare characters and answers yes or no.

The Russian schemes are written out here because the one general library (python-stdnum) takes the remainder of an
ОГРНИП mod 13 without reducing it to its last digit and knows none of the others; IBAN structures change by country and
come from it.
"""

import re
from collections.abc import Sequence

_INN = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_ACCOUNT = (7, 1, 3) * 8
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))


def _digits(text: str, *lengths: int) -> bool:
    return len(text) in lengths and text.isascii() and text.isdigit()


def _weighted(text: str, weights: Sequence[int]) -> int:
    return sum(int(sign) * weight for sign, weight in zip(text, weights, strict=True))


def inn(text: str) -> bool:
    """ИНН, 10 or 12 digits: weighted sum mod 11 mod 10 (order of the Federal Tax Service ММВ-7-6/435@, 2012)."""
    if not _digits(text, 10, 12) or set(text) == {"0"}:
        return False
    if len(text) == 10:
        return _weighted(text[:9], _INN[2:]) % 11 % 10 == int(text[9])
    first = _weighted(text[:10], _INN[1:]) % 11 % 10 == int(text[10])
    return first and _weighted(text[:11], _INN) % 11 % 10 == int(text[11])


def kpp(text: str) -> bool:
    """КПП has no check digit: tax office (4 digits), reason (digits or capitals A–Z), serial (same order)."""
    return re.fullmatch(r"(?!0000)\d{4}[0-9A-Z]{2}\d{3}", text, re.ASCII) is not None and text[4:6] != "00"


def ogrn(text: str) -> bool:
    """ОГРН, 13 digits: first twelve mod 11, last digit (government decree 438, 2002; order 165н, 2017)."""
    return _digits(text, 13) and text[0] in "15" and int(text[:12]) % 11 % 10 == int(text[12])


def ogrnip(text: str) -> bool:
    """ОГРНИП, 15 digits: first fourteen mod 13, last digit (same acts)."""
    return _digits(text, 15) and text[0] == "3" and int(text[:14]) % 13 % 10 == int(text[14])


def snils(text: str) -> bool:
    """СНИЛС, 11 digits: weights 9…1, mod 101, 100 counts as 00 (Pension Fund resolution 192п, 2006).

    Numbers up to 001-001-998 were issued before the scheme and carry no meaningful control number: not accepted.
    """
    if not _digits(text, 11) or int(text[:9]) <= 1_001_998:
        return False
    return _weighted(text[:9], range(9, 0, -1)) % 101 % 100 == int(text[9:])


def okpo(text: str) -> bool:
    """ОКПО, 8 or 10 digits: weights 1,2,… (from 11 again 1), mod 11; on 10 again from 3 (ПР 50.1.024-2005)."""
    if not _digits(text, 8, 10) or set(text) == {"0"}:
        return False
    body, check = text[:-1], int(text[-1])
    for start in (0, 2):
        rest = _weighted(body, [(start + place) % 10 + 1 for place in range(len(body))]) % 11
        if rest < 10:
            return rest == check
    return check == 0


def bik(text: str) -> bool:
    """БИК has no check digit: 04 for the country (00–02: Bank of Russia), nine digits (762-П)."""
    return _digits(text, 9) and text[:2] in {"04", "00", "01", "02"}


def account(number: str, bank: str) -> bool:
    """Key of a settlement account at the bank with this БИК (Bank of Russia, order 515 of 8 September 1997).

    A bank's own clients take the last three digits of the БИК; accounts kept at a settlement centre of the Bank of
    Russia (serial 000…002) take 0 and the fifth and sixth digits.
    """
    if not (_digits(number, 20) and _digits(bank, 9)):
        return False
    central = bank[-3:] in {"000", "001", "002"}
    return _key("0" + bank[4:6] if central else bank[-3:], number)


def correspondent(number: str, bank: str) -> bool:
    """Key of a correspondent account at the Bank of Russia: prefix 0 and digits 5–6 of the БИК; it ends as the БИК."""
    if not (_digits(number, 20) and _digits(bank, 9)):
        return False
    return number[:5] == "30101" and number[-3:] == bank[-3:] and _key("0" + bank[4:6], number)


def _key(prefix: str, number: str) -> bool:
    return _weighted(prefix + number, _ACCOUNT[:23]) % 10 == 0


def iban(text: str) -> bool:
    """IBAN: country structure and mod 97 (ISO 13616, ISO 7064)."""
    from stdnum import iban as standard

    return bool(standard.is_valid(text, check_country=False))


def vin(text: str) -> bool:
    """VIN, 17 characters without I, O, Q; position 9 is the weighted sum mod 11, X for 10 (ISO 3779, 49 CFR 565).

    Only makers of North America must use the check digit; `vin_has_check` says whether this one must.
    """
    if re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", text, re.ASCII) is None:
        return False
    rest = sum(int(_VIN_VALUES.get(sign, sign)) * weight for sign, weight in zip(text, _VIN_WEIGHTS, strict=True))
    return text[8] == "0123456789X"[rest % 11]


def vin_has_check(text: str) -> bool:
    """Whether the maker's region (first character 1…5, North America) makes the check digit mandatory."""
    return text[:1] in set("12345")


def mrz(text: str) -> int:
    """Check digit of a machine readable zone: A…Z count 10…35, `<` 0, weights 7 3 1, mod 10 (ICAO Doc 9303-3, 4.9)."""
    values = [0 if sign == "<" else int(sign, 36) for sign in text]
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10
