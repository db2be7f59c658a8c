"""Check digits catch what their schemes promise: one changed digit, two swapped neighbours."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.ru import inn as other_inn
from stdnum.ru import ogrn as other_ogrn

from chatvlmllm.bench.specimens import values
from chatvlmllm.forms import digits

Scheme = tuple[Callable[[Random], str], Callable[[str], bool]]
BANK = "044525225"


def _account(rng: Random) -> str:
    return values.account(rng, BANK)


def _vin(rng: Random) -> str:
    body = rng.choice("12345") + "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(16))
    return next(vin for sign in "0123456789X" if digits.vin(vin := body[:8] + sign + body[9:]))


SCHEMES: dict[str, Scheme] = {
    "inn10": (lambda rng: values.inn_company(rng, "7793"), digits.inn),
    "inn12": (lambda rng: values.inn_person(rng, "7793"), digits.inn),
    "ogrn": (lambda rng: values.ogrn(rng, "7793"), digits.ogrn),
    "ogrnip": (lambda rng: values.ogrnip(rng, "7793"), digits.ogrnip),
    "snils": (values.snils, digits.snils),
    "okpo": (values.okpo, digits.okpo),
    "account": (_account, lambda text: digits.account(text, BANK)),
    "correspondent": (lambda rng: values.correspondent_account(values.bik(rng)), lambda text: True),
    "iban_de": (lambda rng: values.iban(rng, "DE"), digits.iban),
    "iban_gb": (lambda rng: values.iban(rng, "GB"), digits.iban),
    "vin": (_vin, digits.vin),
    "mrz": (
        lambda rng: (body := values.digits(rng, 9)) + str(digits.mrz(body)),
        lambda text: str(digits.mrz(text[:9])) == text[9],
    ),
}
#: The least share of wrong numbers that a scheme catches: (one changed digit, two swapped neighbours).
#: Schemes that reduce a remainder mod 11 or 13 to one digit let a few through; weights 7 3 1 miss swaps of digits that
#: differ by five; СНИЛС loses the remainder 100; the rest catch every single error.
PROMISED = {
    "inn10": (0.95, 0.90),
    "inn12": (0.99, 0.97),
    "ogrn": (0.95, 0.90),
    "ogrnip": (0.93, 0.88),
    "snils": (0.99, 0.97),
    "okpo": (0.95, 0.87),
    "account": (1.0, 0.85),
    "iban_de": (1.0, 1.0),
    "iban_gb": (1.0, 1.0),
    "vin": (1.0, 0.85),
    "mrz": (1.0, 0.85),
}


def _changed(text: str) -> list[str]:
    """Every text one digit away."""
    places = [place for place, sign in enumerate(text) if sign.isdigit()]
    return [
        text[:place] + other + text[place + 1 :] for place in places for other in "0123456789" if other != text[place]
    ]


def _swapped(text: str) -> list[str]:
    """Every text with two different neighbouring digits exchanged."""
    pairs = [i for i in range(len(text) - 1) if text[i] != text[i + 1] and text[i : i + 2].isdigit()]
    return [text[:place] + text[place + 1] + text[place] + text[place + 2 :] for place in pairs]


@pytest.mark.parametrize("name", PROMISED)
@given(seed=st.integers(0, 10**9))
def test_a_right_number_passes(name: str, seed: int) -> None:
    """Every number made by its scheme is accepted."""
    make, check = SCHEMES[name]
    assert check(make(Random(seed)))


@pytest.mark.parametrize("name", PROMISED)
def test_errors_are_caught_at_the_promised_rate(name: str) -> None:
    """Of all single changes and all swaps in many numbers at least the promised share is caught."""
    make, check = SCHEMES[name]
    for spoil, promised in zip((_changed, _swapped), PROMISED[name], strict=True):
        wrong = [bad for seed in range(60) for bad in spoil(make(Random(seed)))]
        caught = sum(not check(bad) for bad in wrong) / len(wrong)
        assert caught >= promised, f"{spoil.__name__}: {caught:.3f}"


@given(seed=st.integers(0, 10**9))
def test_schemes_without_blind_spots_catch_every_changed_digit(seed: int) -> None:
    """Bank accounts, IBAN, VIN and the machine readable zone let no single wrong digit through."""
    for name in ("account", "iban_de", "vin", "mrz"):
        make, check = SCHEMES[name]
        assert not any(check(bad) for bad in _changed(make(Random(seed))))


@given(seed=st.integers(0, 10**9))
def test_the_account_key_ties_account_and_bank(seed: int) -> None:
    """A settlement or correspondent account does not fit a БИК with one other digit where the key looks at it."""
    rng = Random(seed)
    bank = values.bik(rng)
    account, correspondent = values.account(rng, bank), values.correspondent_account(bank)
    assert digits.account(account, bank)
    assert digits.correspondent(correspondent, bank)
    other = bank[:-1] + str((int(bank[-1]) + rng.randrange(1, 10)) % 10)
    assert not digits.account(account, other)
    assert not digits.correspondent(correspondent, other)


@given(st.text("0123456789", min_size=9, max_size=9))
def test_inn_agrees_with_an_independent_library(body: str) -> None:
    """Ours and python-stdnum judge every ten-digit ИНН alike."""
    for last in "0123456789":
        number = body + last
        assert digits.inn(number) == (other_inn.is_valid(number) and set(number) != {"0"})


@given(st.integers(0, 10**9))
def test_ogrn_agrees_with_an_independent_library(seed: int) -> None:
    """Both accept a right ОГРН and reject it with another last digit."""
    number = values.ogrn(Random(seed), "7793")
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert other_ogrn.is_valid(number)
    assert not digits.ogrn(wrong)
    assert not other_ogrn.is_valid(wrong)


def test_an_ogrnip_with_a_remainder_of_ten_is_right() -> None:
    """A remainder of 10…12 gives its last digit, which the library mentioned above gets wrong."""
    body = next(str(number) for number in range(30477932000000, 30477932001000) if number % 13 == 11)
    assert digits.ogrnip(body + "1")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (digits.inn, "0000000000"),
        (digits.inn, "770812345"),
        (digits.inn, "77O8123456"),
        (digits.kpp, "77080100"),
        (digits.kpp, "000001001"),
        (digits.snils, "00100199864"),
        (digits.okpo, "00000000"),
        (digits.bik, "994525225"),
        (digits.iban, "DE00370400440532013000"),
        (digits.vin, "1M8GDM9AXKP04278I"),
        (digits.ogrn, "2027700132195"),
    ],
)
def test_other_shapes_are_refused(check: Callable[[str], bool], text: str) -> None:
    """Zeros only, wrong lengths, letters and impossible beginnings are never right."""
    assert not check(text)


def test_published_examples_pass() -> None:
    """Numbers printed in the standards themselves are right."""
    assert digits.vin("1M8GDM9AXKP042788")
    assert digits.iban("GB82WEST12345698765432")
    assert digits.mrz("L898902C3") == 6
    assert digits.snils("11223344595")
