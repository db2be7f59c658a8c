"""A table grid in the notations that other programs read. Text is escaped for its notation, never interpreted."""

import html
from collections.abc import Callable

from chatvlmllm.reading import Cell, Table


def to_rows(table: Table, *, fill: bool = False) -> list[list[str]]:
    """The texts as equal rows; with `fill`, a spanning cell's text stands in every place that it covers."""
    lines = table.grid()
    if fill:
        for cell in table.cells:
            for row in range(cell.row, min(cell.row + cell.rows, table.rows)):
                for column in range(cell.column, min(cell.column + cell.columns, table.columns)):
                    lines[row][column] = cell.text
    return lines


def to_html(table: Table) -> str:
    """One `<table>` without indentation, so that no Markdown renderer takes it for code; line breaks become `<br>`."""
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row].append(_html_cell(cell))
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table>\n{body}\n</table>"


def _html_cell(cell: Cell) -> str:
    name = "th" if cell.header else "td"
    spans = (("rowspan", cell.rows), ("colspan", cell.columns))
    attributes = "".join(f' {span}="{count}"' for span, count in spans if count > 1)
    text = html.escape(cell.text, quote=False).replace("\n", "<br>")
    return f"<{name}{attributes}>{text}</{name}>"


def _bars(text: str) -> str:
    return text.replace("|", "\\|")


def to_markdown(table: Table, escaped: Callable[[str], str] = _bars) -> str:
    """A pipe table; its first row is the header, as Markdown has no table without one. Spans leave empty places.

    `escaped` is applied to each line of a cell and has to disarm at least `|`.
    """
    rows = [["<br>".join(escaped(line) for line in text.split("\n")) for text in row] for row in table.grid()]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines[:1], "|" + " --- |" * table.columns, *lines[1:]])
