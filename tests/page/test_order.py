"""Reading order on drawn arrangements."""

from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.geometry import Box
from chatvlmllm.page.order import Item, order
from chatvlmllm.page.ruling import Ruling


def lines(x: int, y: int, texts: list[str], width: int = 380, first: int = 0, step: int = 28) -> list[Item]:
    return [Item(first + n, Box(x, y + n * step, x + width, y + n * step + 26), text) for n, text in enumerate(texts)]


def said(items: list[Item]) -> list[str]:
    return [item.text for item in items]


LEFT = ["Once upon a time there", "was a page of two", "columns that somebody", "had to read aloud"]
RIGHT = ["and it went on over", "here with the rest of", "the story until it", "came to its end"]


def test_two_columns_are_read_one_after_the_other() -> None:
    """Prose in two columns: the left one first."""
    items = lines(50, 100, LEFT) + lines(480, 100, RIGHT, first=10)
    assert said(order(items)) == LEFT + RIGHT


def test_a_heading_over_two_columns_comes_first() -> None:
    """A line as wide as the page parts what is above from what is below."""
    head = Item(99, Box(50, 40, 860, 70), "Heading")
    foot = Item(98, Box(50, 400, 860, 430), "Footer")
    items = [*lines(480, 100, RIGHT, first=10), foot, *lines(50, 100, LEFT), head]
    assert said(order(items)) == ["Heading", *LEFT, *RIGHT, "Footer"]


def test_a_form_is_read_row_by_row() -> None:
    """Labels with values far to the right are rows, not columns."""
    labels, values = ["Name", "Street", "Total"], ["100,00", "20,00", "120,00"]
    items = lines(50, 100, labels, width=90) + lines(480, 100, values, width=90, first=10)
    assert said(order(items)) == ["Name", "100,00", "Street", "20,00", "Total", "120,00"]


def test_a_ruling_between_parts_columns() -> None:
    """A vertical ruling makes columns even of what looks like a form."""
    left, right = ["Name", "Street", "Town"], ["Anna", "Harbour 1", "Odessa"]
    items = lines(50, 100, left, width=90) + lines(480, 100, right, width=90, first=10)
    assert said(order(items, [Ruling(300, 90, 200)])) == left + right


def test_numbers_behind_a_ruling_stay_in_their_rows() -> None:
    """A table of which only the vertical rulings were found is read row by row, as a table is."""
    labels, values = ["Paper", "Pens", "Total"], ["100,00", "20,00", "120,00"]
    items = lines(50, 100, labels, width=90) + lines(480, 100, values, width=90, first=10)
    assert said(order(items, [Ruling(300, 90, 200)])) == ["Paper", "100,00", "Pens", "20,00", "Total", "120,00"]


def test_a_wrapped_label_stays_whole() -> None:
    """A label of two lines is read before the value of two lines beside it."""
    items = lines(50, 100, ["Supplier and", "(contractor)"], width=130)
    items += lines(220, 100, ["Horns and Hoofs Ltd, Odessa,", "harbour street 1"], width=400, first=10)
    assert said(order(items)) == ["Supplier and", "(contractor)", "Horns and Hoofs Ltd, Odessa,", "harbour street 1"]


STORY = [
    *(
        "Once upon a time there was",
        "a page in a magazine whose",
        "three columns stood close",
        "together, and between them",
    ),
    *(
        "no more white than between",
        "two lines. Who wanted to",
        "read it had to go down first",
        "and only then to the right",
    ),
]


def test_three_columns_close_together_are_read_one_after_the_other() -> None:
    """Running text in three columns, as newspapers set it."""
    columns = [lines(50 + 392 * n, 100, [f"{text} {n}" for text in STORY], first=10 * n) for n in range(3)]
    told = [item for column in columns for item in column]
    assert said(order([*columns[2], *columns[0], *columns[1]])) == said(told)


def test_three_columns_of_words_are_rows() -> None:
    """A table without rulings, whose cells begin with capitals or do not fill their column, is read row by row."""
    rows = [("Paper for printers", "Ream of 500", "Warehouse 1"), ("Ball pens, blue", "Box of 50", "Warehouse 2")] * 4
    items = [
        Item(3 * r + c, Box(50 + 392 * c, 100 + 28 * r, 50 + 392 * c + 12 * len(text), 126 + 28 * r), text)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    ]
    assert said(order(items[::-1])) == [text for row in rows for text in row]


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.floats(0, 900),
    st.floats(0, 900),
    st.floats(0.5, 600),
    st.floats(0.5, 80),
)


@given(st.lists(st.tuples(boxes, st.text(max_size=8), st.booleans()), max_size=25))
def test_nothing_is_lost_or_doubled(parts: list[tuple[Box, str, bool]]) -> None:
    """Whatever the arrangement, every item comes out exactly once."""
    items = [Item(number, box, text, solid) for number, (box, text, solid) in enumerate(parts)]
    assert sorted(item.index for item in order(items)) == list(range(len(items)))


def test_words_in_a_grid_are_read_row_by_row() -> None:
    """A list set in several tight columns of single words is no page of two columns of prose."""
    grid = [[f"w{row}{column}" for column in range(8)] for row in range(6)]
    items = [
        Item(8 * row + column, Box(50 + 105 * column, 100 + 28 * row, 120 + 105 * column, 126 + 28 * row), text)
        for row, texts in enumerate(grid)
        for column, text in enumerate(texts)
    ]
    assert said(order(items)) == [text for texts in grid for text in texts]
