"""Machine readable zones: right ones are read, wrong ones are told, nothing is silently mended."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.bench.specimens import values
from chatvlmllm.forms import mrz

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")


def _one(*lines: str) -> mrz.Zone:
    zones = [zone for _, zone in mrz.find(lines)]
    assert len(zones) == 1
    return zones[0]


@pytest.mark.parametrize("lines", [TD1, TD2, TD3])
def test_the_specimens_of_the_standard(lines: tuple[str, ...]) -> None:
    """The example documents of ICAO Doc 9303 are read in all three formats, every digit right."""
    zone = _one(*lines)
    parts = zone.parts
    assert (parts["surname"].text, parts["given_names"].text) == ("ERIKSSON", "ANNA MARIA")
    assert (parts["birth_date"].text, parts["expiry_date"].text, parts["sex"].text) == ("740812", "120415", "F")
    assert zone.composite
    assert all(part.valid is not False for part in parts.values())


def test_text_around_a_zone_is_no_zone() -> None:
    """Ordinary lines, long numbers and half a zone give nothing."""
    assert not list(mrz.find(["Обычный текст страницы", "40702810400000001111", TD3[0]]))


@given(st.integers(0, 10**6), st.integers(0, 43), st.sampled_from("0123456789"))
def test_a_changed_digit_is_told(seed: int, place: int, sign: str) -> None:
    """A wrong digit in any guarded part makes its check digit or the composite one disagree."""
    lines = values.mrz_passport("GROMOV", "IGOR", values.digits(Random(seed), 9), "740812", "M", "300415")
    if not lines[1][place].isdigit() or lines[1][place] == sign:
        return
    zone = _one(lines[0], lines[1][:place] + sign + lines[1][place + 1 :])
    assert not zone.composite or any(part.valid is False for part in zone.parts.values())


def test_a_letter_in_a_date_is_read_as_its_twin_and_told() -> None:
    """Only digits can stand in a date, so O becomes 0; the part says that it was replaced."""
    zone = _one(TD3[0], TD3[1].replace("7408122F", "74O8122F"))
    assert zone.parts["birth_date"] == mrz.Part("740812", valid=True, replaced=True)


def test_a_wrong_number_keeps_what_was_read_and_lists_candidates() -> None:
    """L898902C3 read with O for 0 stays as read, is called wrong, and offers the right number."""
    zone = _one(TD3[0], TD3[1].replace("L898902C3", "L8989O2C3"))
    part = zone.parts["number"]
    assert part.text == "L8989O2C3"
    assert part.valid is False
    assert "L898902C3" in part.candidates


def test_fillers_read_as_guillemets_and_miscounted() -> None:
    """Readers take < for « and lose some of a long run; the line is brought back to its width."""
    zone = _one(TD3[0].replace("<", "«")[:-3], TD3[1])
    assert zone.parts["surname"].text == "ERIKSSON"


def test_the_inner_russian_zone() -> None:
    """Series, number, day of issue and office come out of the places that the Russian order gives them."""
    tail = {"birth": "871126", "sex": "F", "issued": "201010", "code": "770040"}
    lines = values.mrz_internal("KALINKINA", "ANNA OLEGOVNA", "7720411299", tail)
    zone = _one(*lines)
    texts = {key: part.text for key, part in zone.parts.items()}
    assert texts["surname"] == "КАЛИНКИНА"
    assert (texts["given_name"], texts["patronymic"]) == ("АННА", "ОЛЕГОВНА")
    assert (texts["series"], texts["number"]) == ("7720", "411299")
    assert (texts["issue_date"], texts["division"]) == ("201010", "770-040")
    assert zone.composite


def test_years_of_the_right_century() -> None:
    """Births lie in the past, expiries may lie ahead."""
    assert mrz.iso("740812", future=False, this_year=2026) == "1974-08-12"
    assert mrz.iso("300415", future=True, this_year=2026) == "2030-04-15"
    assert mrz.iso("300415", future=False, this_year=2026) == "1930-04-15"
    assert mrz.iso("741312", future=False, this_year=2026) is None
