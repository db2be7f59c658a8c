"""Cases from drawn documents: `generated`, `generated:act,invoice`, `generated:act,invoice:3` (so many of each)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chatvlmllm import forms
from chatvlmllm.bench import truth as drawn
from chatvlmllm.bench.cases.case import Case, Truth, Wish
from chatvlmllm.bench.cases.recipes import movement, png, spoil
from chatvlmllm.bench.metrics import GridCell, Region, grid_html
from chatvlmllm.bench.needs import need
from chatvlmllm.bench.specimens import KINDS, make, raster
from chatvlmllm.errors import UnknownData

if TYPE_CHECKING:
    from chatvlmllm.bench.degrade import Transform
    from chatvlmllm.bench.specimens import Specimen

#: Block kinds of the generator under the names that readings use.
KIND_OF = {"list_item": "list", "code": "text", "mrz": "text", "form": "table"}


def cases(rest: str, wish: Wish) -> Iterator[Case]:
    """Every page of the documents that are meant, once per degradation; raises UnknownData."""
    need("jinja2", "weasyprint", "segno", "ziamath")
    names, _, count = rest.partition(":")
    kinds = names.split(",") if names else list(KINDS)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not (count or "1").isdecimal():
        raise UnknownData(data=f"generated:{rest}", known=", ".join(KINDS))
    for number in range(int(count or 1)):
        for kind in kinds:
            yield from _document(kind, wish.seed + number, wish.degradations)


def _document(kind: str, seed: int, degradations: Sequence[str]) -> Iterator[Case]:
    specimen = _drawn(kind, seed)
    for index in range(len(specimen.pages)):
        for name in degradations:
            yield Case(
                id=f"generated/{kind}-{seed}-p{index + 1}-{name}",
                kind=kind,
                data="generated",
                truth=_truth(specimen, index, name),
                draw=_drawing(kind, seed, index, name),
                degradation=name,
            )


@lru_cache(maxsize=4)
def _drawn(kind: str, seed: int) -> Specimen:
    return make(kind, seed)


def _drawing(kind: str, seed: int, index: int, name: str) -> Callable[[], bytes]:
    """The page as it is given out: a function, because pictures of all cases at once would not fit into memory."""
    return lambda: png(spoil(raster(_drawn(kind, seed), index), name, seed)[0])


def _truth(specimen: Specimen, index: int, name: str) -> Truth:
    page = specimen.pages[index]
    moved = movement((page.width, page.height), name, specimen.seed)
    return Truth(
        text=page.text,
        words=tuple((word.text, moved.box(word.box)) for word in page.words),
        regions=tuple(_region(block, moved) for block in page.blocks),
        tables=tuple(_table(table) for table in page.tables if _is_table(table, page)),
        formulas=tuple(block.latex for block in page.blocks if block.latex),
        markdown="\n\n".join(_markdown(block) for block in page.blocks),
        form=specimen.kind if specimen.kind in forms.forms() else "",
        # What a paper says as a whole cannot be asked of one of its pages.
        fields=_fields(specimen.fields) if len(specimen.pages) == 1 and specimen.fields else None,
    )


def _region(block: drawn.Block, moved: Transform) -> Region:
    return Region(KIND_OF.get(block.kind, block.kind), block.text or block.latex, moved.box(block.box), block.level)


def _is_table(table: drawn.Table, page: drawn.PageTruth) -> bool:
    """A grid that holds a form together is no table to its reader."""
    return table.rows > 1 and all(block.kind != "form" or block.box != table.box for block in page.blocks)


def _table(table: drawn.Table) -> str:
    return grid_html([GridCell(c.row, c.column, c.text, c.row_span, c.column_span) for c in table.cells])


_ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>#|~$"})


def _markdown(block: drawn.Block) -> str:
    text = " ".join(block.text.split()).translate(_ESCAPED)
    if block.kind in ("title", "heading"):
        return f"{'#' * max(1, block.level)} {text}"
    return f"- {text.lstrip('•–-· ')}" if block.kind == "list_item" else text


def _fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """Values without their places."""
    return {
        key: [{name: cell["value"] for name, cell in row.items()} for row in entry]
        if isinstance(entry, list)
        else entry["value"]
        for key, entry in found.items()
    }
