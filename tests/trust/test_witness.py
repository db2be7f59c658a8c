"""The second witness: what stands in both readings is left alone, what does not is named."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.geometry import Size
from chatvlmllm.reading import Word
from chatvlmllm.trust import numbers
from chatvlmllm.trust.align import align
from chatvlmllm.trust.examine import examine
from chatvlmllm.trust.looks import Look
from chatvlmllm.trust.tokens import tokens
from chatvlmllm.trust.witness import compare
from tests.trust.conftest import silent, words

PAGE = """Счёт на оплату № 4271 от 12.03.2026
Поставщик: ООО «Северный ветер», ИНН 7701234567
Бумага офисная А4 20 пачек 412,50 8 250,00
Итого к оплате: 8 250,00 руб.
Срок оплаты пять банковских дней с даты счёта"""
SIZE = Size(900, 260)
TEXTS = st.lists(st.text("абвгдежАВСABCxyz0123456789", min_size=1, max_size=6), max_size=25)


def _examine(text: str, page: str = PAGE) -> object:
    def ask(look: Look) -> Sequence[Word]:
        return [word for word in words(page) if word.box.overlap(look.region) > word.box.area / 2]

    return examine(text, words(page), SIZE, ("rus", "eng"), ask)


@given(TEXTS)
def test_a_reading_supports_itself(parts: list[str]) -> None:
    """Equal readings match word by word and completely."""
    mine = tokens(" ".join(parts))
    alignment = align(mine, mine)
    assert set(alignment.support) <= {1.0}
    assert set(alignment.seen) <= {1.0}


@given(TEXTS, TEXTS)
def test_shares_are_shares_and_words_are_used_once(left: list[str], right: list[str]) -> None:
    """Support lies between 0 and 1, and no word of the witness is an exact match of two words."""
    mine, other = tokens(" ".join(left)), tokens(" ".join(right))
    alignment = align(mine, other)
    assert all(0 <= value <= 1 for value in (*alignment.support, *alignment.seen))
    exact = [chosen[0] for i, chosen in enumerate(alignment.partners) if alignment.echo[i] == mine[i].key and chosen]
    assert len(exact) <= len(other) or len(set(exact)) < len(exact)
    assert all(0 <= j < len(other) for chosen in alignment.partners for j in chosen)


@given(st.permutations(range(5)))
def test_the_order_of_reading_does_not_matter(order: list[int]) -> None:
    """Lines read in any order are all supported: columns have no one true order."""
    lines = PAGE.split("\n")
    comparison = compare("\n".join(lines[n] for n in order), words(PAGE))
    assert set(comparison.alignment.support) == {1.0}


def test_what_is_true_is_not_accused() -> None:
    """The page's own text has no reasons and no doubts."""
    evidence = _examine(PAGE)
    assert evidence.reasons == ()
    assert evidence.doubts == ()
    assert evidence.measures["unsupported"] == evidence.measures["missing"] == 0


@pytest.mark.parametrize(
    ("raw", "altered", "code"),
    [
        ("4271", "4277", "number_differs"),
        ("12.03.2026", "12.08.2026", "date_differs"),
        ("7701234567", "7701234561", "identifier_differs"),
        ("412,50", "472,50", "sum_differs"),
    ],
)
def test_an_altered_digit_is_named(raw: str, altered: str, code: str) -> None:
    """A changed digit is a reason, and its number is marked with what the witness reads."""
    evidence = _examine(PAGE.replace(raw, altered, 1))
    assert [reason.code for reason in evidence.reasons] == ["numbers_differ"]
    (doubt,) = evidence.doubts
    assert (doubt.code, doubt.raw) == (code, altered)
    assert doubt.box is not None


def test_a_number_that_nobody_contradicts_again_is_only_marked() -> None:
    """Where closer looks see nothing, an unsure witness makes a mark and no verdict."""
    evidence = examine(PAGE.replace("4271", "4277"), words(PAGE, 0.5), SIZE, ("rus",), silent)
    assert evidence.reasons == ()
    assert [doubt.code for doubt in evidence.doubts] == ["number_unconfirmed"]


def test_a_look_that_reads_the_number_ends_the_suspicion() -> None:
    """The witness misread the page; alone, the word is read right, and nobody is accused."""

    def ask(_look: Look) -> Sequence[Word]:
        return words("4271")

    evidence = examine(PAGE, words(PAGE.replace("4271", "4211")), SIZE, ("rus", "eng"), ask)
    assert evidence.reasons == ()
    assert evidence.doubts == ()


def test_an_inserted_sentence_is_named() -> None:
    """Text that the page does not have is a reason, and exactly it is marked."""
    invented = "Товар отпускается только по доверенности установленного образца"
    lines = PAGE.split("\n")
    evidence = _examine("\n".join([*lines[:2], invented, *lines[2:]]))
    assert [reason.code for reason in evidence.reasons] == ["text_unsupported"]
    assert [doubt.raw for doubt in evidence.doubts if doubt.code == "unsupported"] == [invented]


def test_a_dropped_line_is_named() -> None:
    """A line that the reading lacks is a reason, and its text and place are given."""
    lines = PAGE.split("\n")
    evidence = _examine("\n".join(lines[:4]))
    assert [reason.code for reason in evidence.reasons] == ["text_missing"]
    (doubt,) = evidence.doubts
    assert doubt.code == "missing"
    assert doubt.seen == lines[4]
    assert doubt.start == doubt.end


def test_an_invented_line_does_not_hide_a_dropped_one() -> None:
    """A line in the place of another: the one is not on the page, and the other is left out."""
    lines = PAGE.split("\n")
    invented = "Товар отпускается только по доверенности установленного образца"
    evidence = _examine("\n".join([*lines[:4], invented]))
    assert [reason.code for reason in evidence.reasons] == ["text_unsupported", "text_missing"]
    assert [doubt.seen for doubt in evidence.doubts if doubt.code == "missing"] == [lines[4]]


@pytest.mark.parametrize(("label", "other"), [("(5)", "(6)"), ("(2б)", "(8б)")])
def test_an_altered_label_apart_from_all_words_is_named(label: str, other: str) -> None:
    """A figure in brackets that the witness reads elsewhere in the order is compared all the same."""
    page = f"{PAGE}\n{label}"
    evidence = _examine(f"{other}\n{PAGE}", page)
    assert [reason.code for reason in evidence.reasons] == ["numbers_differ"]


def test_markup_is_no_text() -> None:
    """The same words in Markdown and HTML are as supported as plain ones."""
    rows = PAGE.split("\n")
    marked = f"# {rows[0]}\n\n**{rows[1]}**\n<table><tr><td>{rows[2]}</td></tr></table>\n<!-- page 2 -->\n" + "\n".join(
        rows[3:]
    )
    assert _examine(marked).reasons == ()


@given(st.text(max_size=200))
def test_t24_the_witness_changes_nothing(text: str) -> None:
    """Every mark quotes the text as it stands; the text itself comes back nowhere."""
    for doubt in _examine(text).doubts:
        assert text[doubt.start : doubt.end] == doubt.raw


@pytest.mark.parametrize(
    ("mine", "seen", "expected"),
    [("15", "18", True), ("15", "15", False), ("15", "", False), ("1234", "123", True), ("77", "рождения", False)],
)
def test_contradiction_needs_similar_digits(mine: str, seen: str, expected: bool) -> None:
    """Only similar digits contradict a number; letters prove that the witness did not see it."""
    assert numbers.contradicts(mine, seen) is expected
