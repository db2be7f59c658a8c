"""Documents drawn by seed, with everything that stands on them known exactly.

A kind of document is a pair of files in `kinds/`: `<kind>.html` (the template) and `<kind>.py` with `TITLES`
(Russian and English name), `FIELDS` (key → what it is) and `facts(draw) -> dict` (what the template shows).
Nothing else has to be edited to add one. One seed gives one document, given the same fonts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING, Any

from chatvlmllm.bench.specimens.draw import Draw, Value, page_style
from chatvlmllm.bench.specimens.engine import CSS_DPI, TEMPLATES, Layout, typeset
from chatvlmllm.bench.specimens.page import page_truth
from chatvlmllm.bench.truth import POINTS_PER_INCH, PageTruth, fonts, glyphs

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 200.0
KINDS = tuple(sorted(path.stem for path in TEMPLATES.glob("*.html") if not path.stem.startswith("_")))


@dataclass(frozen=True)
class Specimen:
    """One drawn document.

    `pages` hold boxes in pixels at `DPI`. `fields` maps a key to `{"value", "text", "page", "boxes"}`; a repeating
    group (`items`) is a list of such mappings. `fonts` names those that are in the PDF: another set of
    installed fonts may give another page.
    """

    kind: str
    seed: int
    pdf: bytes
    pages: tuple[PageTruth, ...]
    fields: Mapping[str, Any]
    fonts: tuple[str, ...]

    @property
    def text(self) -> str:
        """All pages in reading order."""
        return "\n\n".join(page.text for page in self.pages)


def make(kind: str, seed: int) -> Specimen:
    """Draw the document of this kind and seed."""
    if kind not in KINDS:
        message = f"unknown kind of specimen {kind!r}; there are {', '.join(KINDS)}"
        raise ValueError(message)
    import pypdfium2

    # no secrets: these must repeat; the gap has a source of its own so that it reshuffles nothing else
    gap = Random(f"space/{kind}/{seed}").choice((" ", " ", " ", "\u00a0", ""))  # noqa: S311
    draw = Draw(Random(f"{kind}/{seed}"), gap)  # noqa: S311
    facts: dict[str, Any] = {"style": page_style(draw), "draw": draw}
    facts.update(module_of(kind).facts(draw))
    pdf, layouts = typeset(f"{kind}.html", facts)
    seen: set[str] = set()
    document = pypdfium2.PdfDocument(pdf)
    try:
        drawn = [document[index] for index in range(len(layouts))]
        pages = tuple(
            page_truth(glyphs(page, DPI), layout, DPI, seen) for page, layout in zip(drawn, layouts, strict=True)
        )
        used = sorted(frozenset[str]().union(*(fonts(page) for page in drawn)))
    finally:
        document.close()
    return Specimen(kind, seed, pdf, pages, _fields(facts, layouts), tuple(used))


def raster(specimen: Specimen, page: int = 0, dpi: float = DPI) -> Image:
    """The page as an RGB picture at `dpi`."""
    return _render(specimen.pdf, page, dpi).copy()


@lru_cache(maxsize=8)
def _render(pdf: bytes, page: int, dpi: float) -> Image:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        picture: Image = document[page].render(scale=dpi / POINTS_PER_INCH).to_pil().convert("RGB")
    finally:
        document.close()
    return picture


def module_of(kind: str) -> Any:
    """The module that draws a kind."""
    return import_module(f"chatvlmllm.bench.specimens.kinds.{kind}")


def titles(kind: str) -> Mapping[str, str]:
    """Name of a kind by language: `ru` and `en`."""
    names: Mapping[str, str] = module_of(kind).TITLES
    return names


def keys(kind: str) -> Mapping[str, str]:
    """Field keys of a kind with what each holds; members of a repeating group read `items[].name`."""
    known: Mapping[str, str] = module_of(kind).FIELDS
    return known


def _fields(facts: Mapping[str, Any], layouts: list[Layout]) -> dict[str, Any]:
    """The values that the pages show, nested by their keys (`items[0].name`)."""
    fields: dict[str, Any] = {}
    scale = DPI / CSS_DPI
    for value in _values(facts):
        shown = [(page, layout.values[value.key]) for page, layout in enumerate(layouts) if value.key in layout.values]
        if not shown:
            continue
        page, boxes = shown[0]
        entry = {
            "value": value.value,
            "text": value.text,
            "page": page,
            "boxes": [tuple(edge * scale for edge in box) for box in boxes],
        }
        group, _, rest = value.key.partition("[")
        if not rest:
            fields[group] = entry
            continue
        index, _, name = rest.partition("].")
        rows = fields.setdefault(group, [])
        rows.extend({} for _ in range(int(index) + 1 - len(rows)))
        rows[int(index)][name] = entry
    return fields


def _values(thing: Any) -> list[Value]:
    """Every `Value` in nested facts, in their order."""
    if isinstance(thing, Value):
        return [thing]
    if isinstance(thing, Mapping):
        return [value for part in thing.values() for value in _values(part)]
    if isinstance(thing, (list, tuple)):
        return [value for part in thing for value in _values(part)]
    return []
