"""Tables in every notation become one grid, and a grid goes back to HTML and Markdown without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.decode import grid, table, text
from chatvlmllm.decode.grid import Draft
from chatvlmllm.decode.tally import Tally
from chatvlmllm.export.grid import to_html, to_markdown, to_rows
from chatvlmllm.reading import Format, Kind, Table
from tests.decode.support import answer, ask, assert_table

spans = st.one_of(st.integers(-3, 6), st.sampled_from([0, 200, 201, 65_534, 10**9]))
words = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=6)
drafts = st.builds(Draft, words, spans, spans, st.booleans())
drafted = st.lists(st.lists(drafts, max_size=6), min_size=1, max_size=8)


def parsed(source: str) -> Table:
    found, _ = table.parse(source, Tally())
    assert found is not None
    return found


@given(rows=drafted)
def test_t35_cells_never_overlap_whatever_spans_say(rows: list[list[Draft]]) -> None:
    """Any spans, negative, zero or absurd, give a grid in which every cell is present and covers its own places."""
    found = grid.flow(rows, Tally())
    if found is not None:
        assert_table(found)
        assert sorted(c.text for c in found.cells) == sorted(d.text for row in rows for d in row)
        assert found.columns <= 6 * grid.WIDEST_SPAN + 6


@given(rows=drafted)
def test_cells_with_known_columns_never_overlap(rows: list[list[Draft]]) -> None:
    """The same for LaTeX and OTSL, whose cells count their columns; only empty fillers disappear."""
    placed = []
    for row in rows:
        columns = [sum(max(1, min(d.columns, 9)) for d in row[:n]) for n in range(len(row))]
        placed.append([Draft(d.text, d.rows, min(d.columns, 9), column=c) for d, c in zip(row, columns, strict=True)])
    found = grid.fixed(placed, Tally())
    if found is not None:
        assert_table(found)
        assert sorted(c.text for c in found.cells if c.text) == sorted(d.text for row in rows for d in row if d.text)


@given(rows=drafted)
def test_a_grid_survives_html(rows: list[list[Draft]]) -> None:
    """Grid → HTML → grid is the same grid, whatever characters its cells hold: nothing escapes into markup."""
    original = grid.flow(rows, Tally())
    if original is not None:
        again = parsed(to_html(original))
        assert again == original


@given(rows=st.lists(st.lists(words.filter(lambda w: "\\" not in w), min_size=3, max_size=3), min_size=2, max_size=5))
def test_a_plain_grid_survives_markdown(rows: list[list[str]]) -> None:
    """A grid without spans comes back from Markdown with the same texts, bars included."""
    original = grid.flow([[Draft(cell) for cell in row] for row in rows], Tally())
    assert original is not None
    if not any(all(set(cell) <= set("-:") for cell in row) and row[0] for row in rows):  # a row that reads as a rule
        assert parsed(to_markdown(original)).grid() == rows


def test_t27_html_of_a_table_is_never_taken_for_code() -> None:
    """No line of a table's HTML begins with a blank, so that Markdown does not show it as source; text is escaped."""
    found = parsed("<table><tr><th>a<b</th><td>1 &lt;script&gt;</td></tr></table>")
    shown = to_html(found)
    assert not any(line.startswith((" ", "\t")) for line in shown.splitlines())
    assert "<script>" not in shown


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("<table><tr><th>А</th><td>1&nbsp;000</td></tr></table>", [["А", "1\xa0000"]]),
        ("<table><tr><td>a<br>b<br/>c</td></tr></table>", [["a\nb\nc"]]),
        ("<table><tr><td>a<td>b<tr><td>c</table>", [["a", "b"], ["c", ""]]),
        ("<TABLE><TR><TD ROWSPAN='2'>a</TD><TD>b</TD></TR><TR><TD>c</TD></TR></TABLE>", [["a", "b"], ["", "c"]]),
        ("<table><tr><td>x &lt; y &amp;&amp; z</td></tr></table>", [["x < y && z"]]),
        ("<table><tr><td>a <b>b</b><sup>2</sup></td></tr></table>", [["a b2"]]),
        ("<table><tr><td>до<table><tr><td>в</td></tr></table>после</td></tr></table>", [["до\nв\nпосле"]]),
        ("<table><tr><td>0</td><td>0,00</td></tr><tr><td>0</td><td></td></tr></table>", [["0", "0,00"], ["0", ""]]),
        ("<tr><td>без таблицы</td></tr>", [["без таблицы"]]),
        ("<table><tbody></tbody><tr></tr><tr><td>a</td></tr></table>", [[""], ["a"]]),
        ("a | b\n--|--\n`x` | \\| y\n", [["a", "b"], ["`x`", "| y"]]),
        ("| a |\n| - |\n| **b** |\n", [["a"], ["**b**"]]),
        (r"\begin{tabular}[t]{l@{}r} a & {b & c} \\ \end{tabular}", [["a", "{b & c}"]]),
        (r"\begin{tabularx}{\textwidth}{lX} a\_1 & \textit{b} \\ \hline \end{tabularx}", [["a_1", "b"]]),
        (r"\begin{tabular}{l} a & \begin{tabular}{l} x \\ y \end{tabular} \\ b & c", [["a", "…"], ["b", "c"]]),
        (r"\begin{array}{cc} $x_{1}\%$ & 2 \end{array}", [[r"$x_{1}\%$", "2"]]),
        ("<fcel>a<fcel>b<nl><fcel>c<lcel><nl>", [["a", "b"], ["c", ""]]),
        ("<fcel>a<lcel>заблудился<nl>", [["a", "заблудился"]]),
        ("<fcel>a<fcel>b<nl><ucel><fce", [["a", "b"], ["", ""]]),
    ],
)
def test_t35_tables_that_defeat_simple_parsers(source: str, rows: list[list[str]]) -> None:
    """Headers, entities, breaks, nesting, unclosed tags and spans all come out as the rows that a reader sees."""
    found = parsed(source).grid()
    if rows[0][-1] == "…":
        assert "x" in found[0][1]
        found[0][1] = "…"
    assert found == rows


def test_t24_zero_rows_and_equal_rows_stay() -> None:
    """Rows of zeros, empty cells and repeated rows are content and stay as they are."""
    source = "<table>" + "<tr><td>0</td><td></td><td>0,00</td></tr>" * 5 + "</table>"
    assert parsed(source).grid() == [["0", "", "0,00"]] * 5


def test_absurd_spans_are_cut_and_said() -> None:
    """A span of a milliard columns takes one and leaves a notice, instead of the memory."""
    tally = Tally()
    found = table.from_html("<table><tr><td colspan=1000000000>a</td><td rowspan=999999>b</td></tr></table>", tally)
    assert found is not None
    assert (found.rows, found.columns) == (1, 2)
    assert [(n.code, n.details) for n in tally.notices()] == [("spans_cut", {"count": 2})]


def test_a_table_too_large_to_be_one_is_left_as_text() -> None:
    """A loop of cells becomes no grid of a million places; its source stays in the block."""
    raw = "<table><tr>" + "<td>x</td>" * 900 + "</tr>" + "<tr><td>y</td></tr>" * 900 + "</table>"
    decoded = text.tables(answer(raw), ask())
    assert decoded.blocks[0].table is None
    assert decoded.blocks[0].text == raw
    assert {notice.code for notice in decoded.notices} == {"table_too_large", "table_unparsed"}


def test_an_answer_without_a_table_says_so() -> None:
    """Prose in place of the table that was asked for is kept, with a notice."""
    decoded = text.tables(answer("Таблицы на странице нет."), ask())
    assert [block.kind for block in decoded.blocks] == [Kind.TEXT]
    assert [notice.code for notice in decoded.notices] == ["table_missing"]


def test_notations_are_told_apart() -> None:
    """Each notation is recognised by what only it has."""
    assert table.notation("<td>x") is Format.HTML
    assert table.notation("<fcel>x<nl>") is Format.OTSL
    assert table.notation(r"\begin{tabular}{l}x") is Format.LATEX
    assert table.notation("|a|b|\n|-|-|") is Format.MARKDOWN
    assert table.notation("a | b") is None


def test_spans_can_be_filled() -> None:
    """For programs without spans, a spanning cell's text can stand in every place that it covers."""
    found = parsed("<table><tr><td colspan=2>a</td></tr><tr><td>b</td><td>c</td></tr></table>")
    assert to_rows(found) == [["a", ""], ["b", "c"]]
    assert to_rows(found, fill=True) == [["a", "a"], ["b", "c"]]
