"""Numbers with check digits, drawn at random and valid: taxpayer, pension and bank numbers, IBAN, passport lines.

Each function takes the random source and returns digits only. The schemes are the published ones of the issuing
bodies (Federal Tax Service, Pension Fund, Bank of Russia, ISO 13616, ICAO Doc 9303). Real registries are avoided:
tax offices are numbered in a range no region uses, banks sit in a division the Bank of Russia does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

REGIONS = ("77", "78", "50", "16", "52", "54", "63", "66", "74", "24", "61", "36")
_INN_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_ACCOUNT_WEIGHTS = (7, 1, 3)
_MRZ_WEIGHTS = (7, 3, 1)


def digits(rng: Random, count: int) -> str:
    """`count` random digits, the first may be zero."""
    return "".join(str(rng.randrange(10)) for _ in range(count))


def tax_office(rng: Random) -> str:
    """Four digits: a region and an inspection number that no region has."""
    return f"{rng.choice(REGIONS)}9{rng.randrange(2, 9)}"


def _weighted(number: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))


def inn_company(rng: Random, office: str) -> str:
    """ИНН of an organisation: 10 digits, the last is the weighted sum mod 11 mod 10."""
    body = office + digits(rng, 5)
    return body + str(_weighted(body, _INN_WEIGHTS[2:]) % 11 % 10)


def inn_person(rng: Random, office: str) -> str:
    """ИНН of a person: 12 digits with two check digits."""
    body = office + digits(rng, 6)
    body += str(_weighted(body, _INN_WEIGHTS[1:]) % 11 % 10)
    return body + str(_weighted(body, _INN_WEIGHTS) % 11 % 10)


def kpp(rng: Random, office: str) -> str:
    """КПП: tax office, reason of registration (01 at the place of the organisation), serial."""
    return f"{office}01{rng.choice(('001', '001', '001', '002', '010'))}"


def ogrn(rng: Random, office: str) -> str:
    """ОГРН: 13 digits, the last is the first twelve mod 11 mod 10."""
    body = f"1{rng.randrange(3, 25):02d}{office}{digits(rng, 5)}"
    return body + str(int(body) % 11 % 10)


def ogrnip(rng: Random, office: str) -> str:
    """ОГРНИП: 15 digits, the last is the first fourteen mod 13 mod 10."""
    body = f"3{rng.randrange(5, 25):02d}{office}{digits(rng, 7)}"
    return body + str(int(body) % 13 % 10)


def okpo(rng: Random) -> str:
    """ОКПО of an organisation: 8 digits; weights 1…7, on remainder 10 a second pass with 3…9."""
    body = str(rng.randrange(1, 10)) + digits(rng, 6)
    check = _weighted(body, range(1, 8)) % 11
    if check == 10:
        check = _weighted(body, range(3, 10)) % 11 % 10
    return body + str(check)


def snils(rng: Random) -> str:
    """СНИЛС: nine digits above 001001998 and a control number (weights 9…1, mod 101, 100 becomes 00)."""
    body = f"{rng.randrange(2_000_000, 199_999_999):09d}"
    return f"{body}{_weighted(body, range(9, 0, -1)) % 101 % 100:02d}"


def bik(rng: Random) -> str:
    """БИК of an invented credit organisation: 04, territory, a division that is not in use, number 050…999."""
    return f"04{rng.choice(('45', '40', '36', '92', '22', '50', '65'))}98{rng.randrange(100, 999):03d}"


def _with_key(prefix: str, account: str) -> str:
    """Set the key (ninth digit) of a 20-digit account so that the weighted sum of prefix + account ends in 0."""
    zeroed = account[:8] + "0" + account[9:]
    weights = (_ACCOUNT_WEIGHTS * 8)[:23]
    key = _weighted(prefix + zeroed, weights) % 10 * 3 % 10
    return account[:8] + str(key) + account[9:]


def account(rng: Random, bank: str, kind: str = "40702") -> str:
    """Settlement account of 20 digits in roubles whose key agrees with the bank's БИК."""
    return _with_key(bank[-3:], f"{kind}8100{digits(rng, 4)}{digits(rng, 7)}")


def correspondent_account(bank: str) -> str:
    """Correspondent account of the bank: 30101 810 K 00000000 and the last three digits of the БИК."""
    return _with_key("0" + bank[4:6], f"301018100{'0' * 8}{bank[-3:]}")


def iban(rng: Random, country: str) -> str:
    """IBAN by ISO 13616 (DE: 18 digits; GB: bank letters and 14 digits), check digits mod 97."""
    bank = "DEMO" if country == "GB" else ""
    body = bank + digits(rng, 14 if bank else 18)
    number = "".join(str(int(sign, 36)) for sign in f"{body}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{body}"


def mrz_check(text: str) -> str:
    """Check digit of ICAO Doc 9303: letters count from 10, `<` is 0, weights 7 3 1, mod 10."""
    values = (0 if sign == "<" else int(sign, 36) for sign in text)
    return str(sum(value * _MRZ_WEIGHTS[place % 3] for place, value in enumerate(values)) % 10)


def mrz_passport(surname: str, names: str, number: str, birth: str, sex: str, expiry: str) -> tuple[str, str]:
    """Both lines of a TD3 passport of Russia; `surname` and `names` in Latin capitals, dates as YYMMDD."""
    holder = f"{surname}<<{names.replace(' ', '<')}"
    first = f"P<RUS{holder}"[:44].ljust(44, "<")
    second = f"{number}{mrz_check(number)}RUS{birth}{mrz_check(birth)}{sex}{expiry}{mrz_check(expiry)}"
    optional = "<" * 14
    second += optional + "<"
    composite = number + mrz_check(number) + birth + mrz_check(birth) + expiry + mrz_check(expiry) + optional + "<"
    return first, second + mrz_check(composite)


def mrz_internal(surname: str, names: str, series: str, tail: dict[str, str]) -> tuple[str, str]:
    """Both lines of the Russian internal passport (order of the Federal Migration Service, 2013).

    `series` is the ten digits of series and number; nine of them stand in the number field (the fourth digit of
    the series moves to the optional field). `tail` holds birth, sex, issued (YYMMDD) and the six digits of the
    issuer.
    """
    first = f"PNRUS{surname}<<{names.replace(' ', '<')}"[:44].ljust(44, "<")
    number = series[:3] + series[4:]
    birth, sex = tail["birth"], tail["sex"]
    optional = f"{series[3]}{tail['issued']}{tail['code']}<"
    left = f"{number}{mrz_check(number)}RUS{birth}{mrz_check(birth)}{sex}<<<<<<<"
    composite = f"{number}{mrz_check(number)}{birth}{mrz_check(birth)}<<<<<<<{optional}{mrz_check(optional)}"
    return first, f"{left}{optional}{mrz_check(optional)}{mrz_check(composite)}"
