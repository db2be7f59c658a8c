"""Extraction from perfect readings of generated papers, and what happens around it."""

from dataclasses import replace

import pytest

from chatvlmllm.forms import Aids, Outcome, extract
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Kind, Reading, Word
from tests.forms.papers import KINDS, readings, specimen, truth, typed, wrong

SEEDS = (11, 12)
SLIP = "Счет на оплату № 7 от 03.01.2024\n\nПоставщик: ООО «Кедр», ИНН {inn}\nВсего к оплате: 100,00"
GOOD, BAD = "7793000001", "7793000002"


@pytest.mark.parametrize("kind", KINDS)
def test_fields_of_perfect_readings(kind: str) -> None:
    """At least 99 of 100 fields of a kind come out right when every word was read right."""
    missed = [one for seed in SEEDS for one in wrong(kind, seed, extract(readings(kind, seed), kind))]
    count = sum(len(list(truth(specimen(kind, seed).fields))) for seed in SEEDS)
    assert len(missed) <= 0.01 * count, missed


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_is_detected(kind: str) -> None:
    """Every kind is recognised by itself, with reasons that can be told."""
    found = extract(readings(kind, SEEDS[0])).detection
    assert found.form == kind, found
    assert found.reasons
    assert all(reason.sentence(language) for reason in found.reasons for language in ("ru", "en"))


@pytest.mark.parametrize("kind", ["simple", "multilingual", "table"])
def test_other_papers_are_other(kind: str) -> None:
    """A paper of no known type is called other and gives no fields."""
    found = extract(readings(kind, 1))
    assert (found.form, found.fields, found.groups) == ("other", (), ())


def test_nothing_comes_of_nothing() -> None:
    """No pages, or an empty one, is other."""
    assert extract([]).form == "other"
    assert extract([typed("")]).form == "other"


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_has_its_place(kind: str) -> None:
    """A value names its layer, page and text, and its box lies on the page."""
    pages = readings(kind, SEEDS[0])
    for one in extract(pages, kind).every():
        if one.value is None:
            continue
        assert one.source is not None
        assert one.raw
        assert one.source.box is not None
        size = pages[one.source.page - 1].size
        assert 0 <= one.source.box.x1 < one.source.box.x2 <= size.width + 1
        assert 0 <= one.source.box.y1 < one.source.box.y2 <= size.height + 1


@pytest.mark.parametrize("kind", KINDS)
def test_true_papers_fail_no_check(kind: str) -> None:
    """No check calls a faultless paper wrong."""
    found = extract(readings(kind, SEEDS[0]), kind)
    assert [check for check in found.checks if check.outcome is Outcome.FAILED] == []


def test_a_reading_without_places_is_extracted_without_boxes() -> None:
    """A model that gives only text still yields fields; invented places are never shown."""
    page = replace(typed(""), blocks=(Block(Kind.TEXT, SLIP.format(inn=GOOD)),))
    found = extract([page], "invoice")
    assert found.value("total") == "100.00"
    assert all(one.source is None or one.source.box is None for one in found.every())


def test_a_model_value_that_nobody_sees_is_unsupported() -> None:
    """What a model says is looked for on the page: found values get a place, others are marked."""
    page = typed(SLIP.format(inn=GOOD))
    bare = replace(page, blocks=())
    answer = {"number": "7", "total": "100,00", "seller_inn": BAD}
    found = extract([bare], "invoice", Aids(witness=(page,), answer=answer))
    fields = {one.key: one for one in found.fields}
    assert fields["total"].supported is True
    assert fields["total"].source is not None
    assert fields["total"].source.box is not None
    assert fields["seller_inn"].supported is False


def test_layers_that_disagree_show_it() -> None:
    """When the model and the rules differ, the loser stays visible as a conflict."""
    found = extract([typed(SLIP.format(inn=GOOD))], "invoice", Aids(answer={"total": "900,00"}))
    total = next(one for one in found.fields if one.key == "total")
    assert total.value == "100.00"
    assert ("900.00", "conflict") in {(other.value, other.reason) for other in total.candidates}


@pytest.mark.parametrize("answer", ["", "not json", "[1, 2]", '{"total": 5, "items": "none"}', '{"total": {"a": 1}}'])
def test_a_useless_answer_does_no_harm(answer: str) -> None:
    """Whatever a model says instead of the schema, the rules' values stay."""
    found = extract([typed(SLIP.format(inn=GOOD))], "invoice", Aids(answer=answer))
    assert found.value("total") == "100.00"


def _look(text: str) -> tuple[list[tuple[int, Box]], Aids]:
    asked: list[tuple[int, Box]] = []

    def look(page: int, box: Box) -> Reading:
        asked.append((page, box))
        return typed(text)

    return asked, Aids(look=look)


def _inn_pair() -> tuple[str, str]:
    from random import Random

    from chatvlmllm.bench.specimens import values

    right = values.inn_company(Random(3), "7793")
    return right, right[:4] + str((int(right[4]) + 1) % 10) + right[5:]


def test_a_failed_check_rereads_just_that_place() -> None:
    """A wrong check digit makes the caller read the crop again; a value that passes is taken, the old one kept."""
    right, wrong_one = _inn_pair()
    asked, aids = _look(right)
    found = extract([typed(SLIP.format(inn=wrong_one))], "invoice", aids)
    field = next(one for one in found.fields if one.key == "seller_inn")
    assert field.value == right
    assert field.outcome is Outcome.OK
    assert [(note.check, note.outcome) for note in field.rereads] == [("inn", "helped")]
    assert (wrong_one, "replaced") in {(other.value, other.reason) for other in field.candidates}
    page, box = asked[0]
    assert page == 1
    assert box.height < 100


def test_a_reread_that_agrees_leaves_the_paper_wrong() -> None:
    """When both looks see the same wrong number, the number stays and stays failed."""
    _, wrong_one = _inn_pair()
    _, aids = _look(wrong_one)
    field = next(
        one for one in extract([typed(SLIP.format(inn=wrong_one))], "invoice", aids).fields if one.key == "seller_inn"
    )
    assert (field.value, field.outcome, field.rereads[0].outcome) == (wrong_one, Outcome.FAILED, "same")


def test_a_right_paper_is_read_once() -> None:
    """Nothing is looked at twice when no check failed."""
    right, _ = _inn_pair()
    asked, aids = _look(right)
    extract([typed(SLIP.format(inn=right))], "invoice", aids)
    assert asked == []


def test_confidence_is_the_lowest_of_its_words() -> None:
    """A value is as sure as its least sure word, and only if somebody measured it."""
    page = typed("Счет на оплату № 7 от 03.01.2024\n\nВсего к оплате: 1 100,00")
    block = page.blocks[-1]
    doubtful = tuple(Word(w.text, w.box, 0.4 if w.text == "1" else 0.9) for w in block.lines[0].words)
    page = replace(page, blocks=(*page.blocks[:-1], replace(block, lines=(replace(block.lines[0], words=doubtful),))))
    total = next(one for one in extract([page], "invoice").fields if one.key == "total")
    assert (total.value, total.confidence) == ("1100.00", 0.4)
