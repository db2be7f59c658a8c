"""From a template to a PDF and to what was drawn where.

WeasyPrint lays out HTML and CSS (BSD licence, pure Python over Pango). Its box tree tells the structure: blocks,
table grids, marked values. The words come from the finished PDF, so the truth is what any reader of it finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatvlmllm.bench.truth import Box

TEMPLATES = Path(__file__).parent / "kinds"
CSS_DPI = 96.0
_BLOCK_KINDS = {
    "h1": "title",
    "h2": "heading",
    "h3": "heading",
    "h4": "heading",
    "li": "list_item",
    "figcaption": "caption",
    "caption": "caption",
    "svg": "picture",
    "img": "picture",
    "pre": "code",
}


@dataclass
class Region:
    """A leaf of the layout that owns words; `cell` is its place in a table when it is a cell."""

    kind: str
    box: Box
    level: int = 0
    latex: str = ""
    cell: tuple[int, int, int, int, bool] | None = None
    table: int = -1


@dataclass
class Layout:
    """What one page's box tree says, boxes in CSS pixels: regions in drawing order, tables, marked values."""

    width: float
    height: float
    regions: list[Region] = field(default_factory=list)
    tables: list[tuple[str, str, Box]] = field(default_factory=list)
    values: dict[str, list[Box]] = field(default_factory=dict)


def typeset(template: str, facts: Mapping[str, object]) -> tuple[bytes, list[Layout]]:
    """Render a template with its facts: the PDF and each page's layout."""
    import logging

    import jinja2
    import weasyprint
    from PIL import ImageFile

    # WeasyPrint lets every Pillow user of the process accept half a picture; we promise to name a damaged file.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it remarks on the dates inside fonts
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.globals["formula"] = formula
    page = environment.get_template(template)
    if "roll" in facts:
        facts = {**facts, "paper": _roll_size(page, facts)}
    document = weasyprint.HTML(string=page.render(**facts)).render()
    layouts = [_layout(page) for page in document.pages]
    return document.write_pdf(), layouts


def _roll_size(page: Any, facts: Mapping[str, object]) -> str:
    """Paper cut off below the last line: laid out once on a long strip, `roll` millimetres wide, and measured."""
    import weasyprint

    strip = weasyprint.HTML(string=page.render(**facts, paper=f"{facts['roll']}mm 1200mm")).render()
    bottom = max(region.box[3] for region in _layout(strip.pages[0]).regions)
    return f"{facts['roll']}mm {bottom * 25.4 / CSS_DPI + 8:.1f}mm"


def formula(latex: str, size: float = 15) -> Any:
    """An inline SVG drawing of a LaTeX formula that remembers its source."""
    from markupsafe import Markup, escape
    from ziamath.config import config
    from ziamath.zmath import Latex

    config.svg2 = False  # symbols by reference are not drawn by every renderer
    drawing = Latex(latex, size=size).svg()
    return Markup(f'<div class="formula" data-latex="{escape(latex)}">{drawing}</div>')  # noqa: S704


def _layout(page: Any) -> Layout:
    root = page._page_box  # noqa: SLF001  # the only way to the box tree
    layout = Layout(page.width, page.height)
    _walk(root, layout, None, None)
    return layout


def _attributes(box: Any) -> Mapping[str, str]:
    element = getattr(box, "element", None)
    return element.attrib if element is not None and hasattr(element, "attrib") else {}


def _place(box: Any, matrix: Any) -> Box:
    """The border box on the page, after the transform that an ancestor or the box itself asks for."""
    name = type(box).__name__
    if name in ("TextBox", "LineBox") or not hasattr(box, "border_box_x"):
        left, top, width, height = box.position_x, box.position_y, box.width, box.height
    else:
        left, top = box.border_box_x(), box.border_box_y()
        width, height = box.border_width(), box.border_height()
    corners = [(left, top), (left + width, top), (left, top + height), (left + width, top + height)]
    if matrix is not None:
        corners = [matrix.transform_point(x, y) for x, y in corners]
    xs, ys = zip(*corners, strict=True)
    return (min(xs), min(ys), max(xs), max(ys))


def _walk(box: Any, layout: Layout, matrix: Any, owner: Region | None) -> None:
    """Collect regions depth first; inside a region (`owner`) only values and nested tables are looked for."""
    own = getattr(box, "transformation_matrix", None)
    if own is not None:
        matrix = own if matrix is None else own @ matrix
    attributes, name = _attributes(box), type(box).__name__
    if "data-field" in attributes and name in ("InlineBox", "InlineBlockBox", "BlockBox"):
        layout.values.setdefault(attributes["data-field"], []).append(_place(box, matrix))
    region = _region(box, name, attributes, matrix) if owner is None else None
    if name == "MarginBox":
        region = _margin_region(box)
    if region is not None:
        layout.regions.append(region)
        owner = region
    if name in ("TableBox", "InlineTableBox") and attributes.get("role") != "none":
        _table(box, layout, matrix, attributes)
        return
    for child in getattr(box, "children", None) or ():
        _walk(child, layout, matrix, owner)


def _region(box: Any, name: str, attributes: Mapping[str, str], matrix: Any) -> Region | None:
    """The region a box opens, when it is a block of text, a picture or a formula."""
    if "data-latex" in attributes:
        return Region("formula", _place(box, matrix), latex=attributes["data-latex"])
    replaced = "Replaced" in name
    kind = attributes.get("data-block") or _BLOCK_KINDS.get(str(box.element_tag), "")
    if replaced:
        return Region(kind or "picture", _place(box, matrix))
    holds_lines = any(
        type(child).__name__ == "LineBox" and _says(child) for child in getattr(box, "children", None) or ()
    )
    marked = bool(kind) and name not in ("LineBox", "TextBox", "InlineBox", "TableBox")
    if not (holds_lines or marked) or name in ("LineBox", "InlineBox"):
        return None
    tag = str(box.element_tag)
    level = int(tag[1]) if kind in ("title", "heading") and tag[0] == "h" and tag[1:].isdigit() else 0
    return Region(kind or "text", _place(box, matrix), level)


def _says(box: Any) -> bool:
    """Whether a line shows any text (a picture alone on its line is a region of its own)."""
    return any(getattr(item, "text", "").strip() for item in box.descendants())


def _margin_region(box: Any) -> Region | None:
    """Running heads: the page number is the margin box that says nothing but a number (with dashes or a word)."""
    text = "".join(getattr(item, "text", "") for item in box.descendants())
    if not text.strip():
        return None
    words = text.replace("—", " ").replace("-", " ").split()
    numbers = [word for word in words if word.isdigit()]
    kind = "header" if "top" in box.at_keyword else "footer"
    if numbers and len(words) - len(numbers) <= 2:
        kind = "page_number"
    return Region(kind, _place(box, None))


def _table(box: Any, layout: Layout, matrix: Any, attributes: Mapping[str, str]) -> None:
    """Cells of a table as regions; rows are counted on this page."""
    index = len(layout.tables)
    layout.tables.append((attributes.get("id", ""), attributes.get("data-block", "table"), _place(box, matrix)))
    row = 0
    for group in box.children:
        for line in group.children:
            for cell in line.children:
                header = str(cell.element_tag) == "th" or bool(getattr(group, "is_header", False))
                place = (row, int(cell.grid_x), int(cell.rowspan), int(cell.colspan), header)
                region = Region("cell", _place(cell, matrix), cell=place, table=index)
                layout.regions.append(region)
                for child in cell.children:
                    _walk(child, layout, matrix, region)
            row += 1
