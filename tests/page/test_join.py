"""Tables over page breaks."""

from chatvlmllm.geometry import Box, Size
from chatvlmllm.page.join import joins
from chatvlmllm.reading import Block, Cell, Kind, Reading, Table, Verdict

SIZE = Size(1000, 1400)


def page(number: int, rows: list[list[str]], *, left: int = 100, before: str = "", after: str = "") -> Reading:
    cells = tuple(
        Cell(r, c, text, box=Box(left + 200 * c, 50 * r, left + 200 * c + 200, 50 * r + 50))
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    )
    blocks = [Block(Kind.TABLE, "", table=Table(len(rows), len(rows[0]), cells)), Block(Kind.PAGE_NUMBER, str(number))]
    blocks = ([Block(Kind.TEXT, before)] if before else []) + blocks
    blocks = blocks + ([Block(Kind.TEXT, after)] if after else [])
    return Reading(page=number, size=SIZE, verdict=Verdict.OK, asked="embedded", blocks=tuple(blocks))


HEAD = ["No", "Name"]


def test_a_table_of_three_pages_becomes_one() -> None:
    """Rows follow each other, the repeated header is shown once, every part is named."""
    pages = [page(1, [HEAD, ["1", "a"]], before="Text"), page(2, [HEAD, ["2", "b"]]), page(3, [HEAD, ["3", "c"]])]
    (join,) = joins(pages)
    assert join.table.grid() == [HEAD, ["1", "a"], ["2", "b"], ["3", "c"]]
    assert join.parts == ((1, 1), (2, 0), (3, 0))
    assert join.repeated == 1


def test_tables_with_text_between_stay_apart() -> None:
    """A paragraph after the first or before the second table ends it."""
    assert joins([page(1, [HEAD, ["1", "a"]], after="Total"), page(2, [["2", "b"]])]) == []
    assert joins([page(1, [HEAD, ["1", "a"]]), page(2, [["2", "b"]], before="Annex")]) == []


def test_tables_of_other_columns_stay_apart() -> None:
    """Another number of columns, or columns elsewhere on the page, is another table."""
    assert joins([page(1, [HEAD]), page(2, [["2", "b", "c"]])]) == []
    assert joins([page(1, [HEAD]), page(2, [["2", "b"]], left=300)]) == []
