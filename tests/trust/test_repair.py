"""What to do after a loop or a cut: plans that keep every good block and lose no row."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.exchange import Reply, Stop
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Cell, Kind, Table
from chatvlmllm.trust.repair import bands, good, join, keep, rest, stack
from tests.trust.conftest import words

SIZE = Size(900, 1200)


def _reply(text: str, stop: Stop = Stop.END) -> Reply:
    return Reply(text=text, stop=stop, model="m", engine="e", device="cpu")


def _text(text: str, box: Box | None = None) -> Block:
    return Block(Kind.TEXT, text, box)


def _table(rows: list[list[str]]) -> Table:
    cells = tuple(Cell(r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row))
    return Table(len(rows), len(rows[0]), cells)


@given(st.text(max_size=300))
def test_t24_an_answer_without_a_loop_is_kept_whole(text: str) -> None:
    """Nothing is cut from a text that does not loop."""
    assert keep(_reply(text)).reply.text == text
    assert not keep(_reply(text)).broken


def test_a_loop_is_cut_to_its_first_unit() -> None:
    """What came before the loop stays, the reply itself is not touched, and mending is wanted."""
    reply = _reply("Heading\n" + "the same line again\n" * 200)
    kept = keep(reply)
    assert kept.broken
    assert kept.reply.text.startswith("Heading\nthe same line again")
    assert kept.reply.text.count("the same line again") <= 3
    assert reply.text.count("the same line again") == 200


def test_the_last_block_is_not_trusted_after_a_cut() -> None:
    """The block that the cut fell into is read again; of one block of text its last line."""
    assert [block.text for block in good([_text("a"), _text("b"), _text("c")])] == ["a", "b"]
    assert [block.text for block in good([_text("first line\nsecond li")])] == ["first line"]
    assert good([]) == ()


def test_the_rest_lies_below_the_last_good_block() -> None:
    """With boxes their lowest edge counts, without them the last words that the witness knows."""
    (region,) = rest([_text("a", Box(10, 10, 500, 300))], (), SIZE)
    assert region == Box(0, 300, 900, 1200)
    page = "one two three\nfour five six\nseven eight nine"
    (region,) = rest([_text("one two three\nfour five six")], words(page), SIZE)
    assert words(page)[5].box.y2 == region.y1
    assert rest([_text("a", Box(0, 0, 900, 1190))], (), SIZE) == ()
    assert rest([_text("nothing of this is there")], (), SIZE) == ()


@given(st.integers(1, 60), st.integers(1, 15))
def test_bands_cover_the_table_and_cut_no_line(lines: int, rows: int) -> None:
    """Bands follow each other without a gap, none cuts a word, none has more lines than asked for."""
    placed = words("\n".join("cell cell" for _ in range(lines)))
    region = Box(0, 0, 900, 20 + 40 * lines)
    cut = bands(region, placed, rows)
    assert (cut[0].y1, cut[-1].y2) == (region.y1, region.y2)
    assert all(upper.y2 == lower.y1 for upper, lower in pairwise(cut))
    for band in cut:
        inside = {word.box.y1 for word in placed if word.box.overlap(band)}
        assert len(inside) <= rows
    assert all(sum(word.box.overlap(band) for band in cut) == word.box.area for word in placed)


def test_parts_are_joined_without_repetition() -> None:
    """A block that both parts have stands once; nothing else is lost."""
    joined = join([_text("a"), _text("b")], [_text("b"), _text("c")])
    assert [block.text for block in joined] == ["a", "b", "c"]


def test_a_continued_table_becomes_one() -> None:
    """Rows of equally wide parts follow each other, a repeated header stands once; other widths stay apart."""
    upper, lower = _table([["№", "Сумма"], ["1", "10"]]), _table([["№", "Сумма"], ["2", "20"]])
    stacked = stack(upper, lower)
    assert stacked is not None
    assert stacked.grid() == [["№", "Сумма"], ["1", "10"], ["2", "20"]]
    assert stack(upper, _table([["a", "b", "c"]])) is None
    first = Block(Kind.TABLE, "above", Box(0, 0, 9, 5), table=upper)
    second = Block(Kind.TABLE, "below", Box(0, 5, 9, 10), table=lower)
    (joined,) = join([first], [second])
    assert joined.table == stacked
    assert joined.box == Box(0, 0, 9, 10)
