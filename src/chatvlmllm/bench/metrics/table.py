"""How far a table is from the truth: TEDS and TEDS-S, and cell-wise agreement.

TEDS (tree edit distance similarity; Zhong, ShafieiBavani, Jimeno Yepes 2020) = 1 − distance / max(nodes). Trees
are `table → tr → td`; nodes are counted without the root. Inserting or deleting a node costs 1. Changing a node
costs 1 when tags or spans differ; for two cells of the same spans it costs the normalised edit distance of
their texts (0…1). TEDS-S ignores the texts. Rules before comparing, because models differ in them by taste:
`th` counts as `td`; `thead`, `tbody`, `tfoot` are transparent; inline markup is dropped and its text kept;
texts are normalised by `normalise.text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.metrics.normalise import DEFAULT, Rules
from chatvlmllm.bench.metrics.score import Score, unscored


@dataclass(frozen=True)
class GridCell:
    """A cell by its top-left corner in the grid, counted from 0."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1


@dataclass
class Node:
    """A node of a table tree; `name` is apted's word for what a node is compared by."""

    tag: str
    text: str = ""
    row_span: int = 1
    column_span: int = 1
    children: list[Node] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.tag


def teds(truth: str, answer: str, structure_only: bool = False, rules: Rules = DEFAULT) -> Score:
    """TEDS of the first table in each HTML text, 0…1, 1 is perfect; TEDS-S with `structure_only`."""
    return teds_of_trees(tree(truth, rules), tree(answer, rules), structure_only)


def teds_of_trees(truth: Node | None, answer: Node | None, structure_only: bool = False) -> Score:
    """TEDS of two parsed trees; None stands for no table."""
    if truth is None:
        return unscored("the truth has no table")
    if answer is None:
        return Score(0.0, "the answer has no table")
    size = max(_count(truth), _count(answer))
    if size == 0:
        return Score(1.0, "both tables are empty")
    distance = _distance(truth, answer, structure_only)
    what = "structure" if structure_only else "structure and text"
    return Score(1 - distance / size, f"tree distance {distance:.3f} over {size} nodes ({what})")


def tree(html: str, rules: Rules = DEFAULT) -> Node | None:
    """The first table of an HTML text; unclosed tags are forgiven, nested tables become text."""
    reader = _Reader(rules)
    reader.feed(html)
    reader.close()
    reader.finish()
    return reader.table


def grid_html(cells: Sequence[GridCell]) -> str:
    """A grid as plain HTML."""
    rows: dict[int, list[GridCell]] = {row: [] for row in range(max((cell.row for cell in cells), default=-1) + 1)}
    for cell in cells:
        rows[cell.row].append(cell)
    return (
        "<table>"
        + "".join(f"<tr>{''.join(_td(cell) for cell in _in_order(row))}</tr>" for row in rows.values())
        + "</table>"
    )


def cells_of(html: str, rules: Rules = DEFAULT) -> tuple[GridCell, ...]:
    """The cells of the first table of an HTML text at their places in the grid, spans of earlier rows respected."""
    table = tree(html, rules)
    taken, found = set[tuple[int, int]](), list[GridCell]()
    for row, line in enumerate(table.children if table else ()):
        column = 0
        for cell in line.children:
            while (row, column) in taken:
                column += 1
            found.append(GridCell(row, column, cell.text, cell.row_span, cell.column_span))
            taken |= {
                (row + down, column + right) for down in range(cell.row_span) for right in range(cell.column_span)
            }
    return tuple(found)


def cell_f1(truth: Sequence[GridCell], answer: Sequence[GridCell], rules: Rules = DEFAULT) -> Score:
    """F1 of cells that agree in place, spans and text; strict where TEDS is forgiving."""
    if not truth:
        return unscored("the truth has no cells")
    keys = [
        {(cell.row, cell.column, cell.row_span, cell.column_span, normalise.text(cell.text, rules)) for cell in side}
        for side in (truth, answer)
    ]
    hits = len(keys[0] & keys[1])
    return Score(
        2 * hits / (len(truth) + len(answer)), f"{hits} cells agree; {len(truth)} true, {len(answer)} answered"
    )


def _in_order(row: Sequence[GridCell]) -> list[GridCell]:
    return sorted(row, key=lambda cell: cell.column)


def _td(cell: GridCell) -> str:
    spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    spans += f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<td{spans}>{escape(cell.text)}</td>"


def _count(node: Node) -> int:
    return sum(1 + _count(child) for child in node.children)


def _distance(truth: Node, answer: Node, structure_only: bool) -> float:
    from apted import APTED, Config
    from rapidfuzz.distance import Levenshtein

    class Costs(Config):  # type: ignore[misc]  # apted has no types
        def rename(self, first: Node, second: Node) -> float:
            if (first.tag, first.row_span, first.column_span) != (second.tag, second.row_span, second.column_span):
                return 1.0
            if structure_only or first.text == second.text:
                return 0.0
            return float(Levenshtein.normalized_distance(first.text, second.text))

        def children(self, node: Node) -> list[Node]:
            return node.children

    return float(APTED(truth, answer, Costs()).compute_edit_distance())


class _Reader(HTMLParser):
    """Builds the tree of the first table."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(convert_charrefs=True)
        self.table: Node | None = None
        self._rules = rules
        self._depth = 0
        self._done = False
        self._cell: Node | None = None
        self._said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._done:
            return
        if tag == "table":
            self._depth += 1
            self.table = self.table or Node("table")
        elif self._depth == 1 and self.table is not None and tag in ("tr", "td", "th"):
            self.finish()
            if tag == "tr" or not self.table.children:
                self.table.children.append(Node("tr"))
            if tag != "tr":
                spans = {name: _span(value) for name, value in attrs if name in ("rowspan", "colspan")}
                self._cell = Node("td", "", spans.get("rowspan", 1), spans.get("colspan", 1))
                self.table.children[-1].children.append(self._cell)
        elif tag in ("br", "p", "div", "li", "td", "th", "tr"):
            self._said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._depth:
            self._depth -= 1
            if not self._depth:
                self.finish()
                self._done = True
        elif self._depth == 1 and tag in ("td", "th", "tr"):
            self.finish()

    def handle_data(self, data: str) -> None:
        self._said.append(data)

    def finish(self) -> None:
        """Close the open cell with the text gathered for it."""
        if self._cell is not None:
            self._cell.text = normalise.text("".join(self._said), self._rules)
        self._cell, self._said = None, []


def _span(value: str | None) -> int:
    """A span attribute; what is not a positive number counts as 1."""
    digits = (value or "").strip()
    return max(1, int(digits)) if digits.isdecimal() and len(digits) < 5 else 1
