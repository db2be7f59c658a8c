"""Lines in reading order become blocks with categories good enough for Markdown.

Rules, not a network: size, place, case, numbering. What the rules do not see stays text, which loses nothing.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from chatvlmllm.geometry import Box, Size
from chatvlmllm.page.tables import joined
from chatvlmllm.reading import Block, Kind, Line

#: Markers of list items: dashes, bullets, "1)", "а)"; "1." too, when it is not a heading.
_MARKER = re.compile(r"^(?:[-–—•▪●■□*·]|\(?(?:\d{1,2}|[а-яёa-z])\)|\d{1,2}(?:\.\d{1,2})*\.)\s")


@cache
def _signs() -> dict[str, re.Pattern[str]]:
    """How headings, captions and page numbers begin, by `signs.toml`."""
    words = tomllib.loads(files("chatvlmllm.page").joinpath("signs.toml").read_text("utf-8"))
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in words.items()}


#: Share of the page's height that counts as its edge.
_EDGE = 0.065


def rows_of(lines: Sequence[Line]) -> list[Line]:
    """Lines in reading order, those that follow each other in one row joined."""
    rows: list[list[Line]] = []
    for line in lines:
        last = rows[-1][-1] if rows else None
        if last is not None and _same_row(last.box, line.box):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [joined(row) for row in rows]


def _same_row(left: Box, right: Box) -> bool:
    shared = min(left.y2, right.y2) - max(left.y1, right.y1)
    return right.x1 >= left.x2 - 0.3 * right.height and shared >= 0.5 * min(left.height, right.height)


def blocks(lines: Sequence[Line], size: Size, body: float) -> list[Block]:
    """Paragraphs, headings and list items of lines in reading order; `body` is the usual height of a line in px."""
    rows = rows_of(lines)
    groups: list[list[Line]] = []
    for row in rows:
        if groups and _continues(groups[-1], row, body):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [_block(group, size, body) for group in groups]


def _continues(group: Sequence[Line], row: Line, body: float) -> bool:
    """Whether `row` belongs to the paragraph of `group`."""
    last, first = group[-1].box, group[0].box
    step = (row.box.y1 + row.box.y2 - last.y1 - last.y2) / 2
    height = max(min(row.box.height, last.height), 1.0)
    if step <= 0 or step > 1.5 * max(height, 0.7 * body):
        return False
    if row.box.x1 > last.x2 or row.box.x2 < last.x1:
        return False
    ratio = row.box.height / max(last.height, 1.0)
    if not 0.7 < ratio < 1.43 or _MARKER.match(row.text):
        return False
    indented = row.box.x1 - last.x1 > 0.9 * body and abs(row.box.x2 - last.x2) < 4 * body
    hanging = len(group) == 1 and first.x1 < row.box.x1 and bool(_MARKER.match(group[0].text))
    return hanging or not indented or _centred(last, row.box)


def _centred(upper: Box, lower: Box) -> bool:
    return abs(upper.x1 + upper.x2 - lower.x1 - lower.x2) < 0.06 * max(upper.width, lower.width)


def _block(group: Sequence[Line], size: Size, body: float) -> Block:
    text = "\n".join(line.text for line in group)
    box = Box(
        min(line.box.x1 for line in group),
        min(line.box.y1 for line in group),
        max(line.box.x2 for line in group),
        max(line.box.y2 for line in group),
    )
    kind, level = _kind(group, text, box, size, body)
    known = [line.confidence for line in group if line.confidence is not None]
    confidence = round(sum(known) / len(known), 4) if known else None
    return Block(kind, text, box, lines=tuple(group), confidence=confidence, level=level)


def _kind(group: Sequence[Line], text: str, box: Box, size: Size, body: float) -> tuple[Kind, int | None]:
    height = sorted(line.box.height for line in group)[len(group) // 2] / max(body, 1.0)
    top, bottom = box.y2 < _EDGE * size.height, box.y1 > (1 - _EDGE) * size.height
    if (top or bottom) and len(group) == 1:
        number = bool(_signs()["page"].match(text.strip()))
        return (Kind.PAGE_NUMBER if number else Kind.HEADER if top else Kind.FOOTER), None
    if _signs()["caption"].match(text) and len(group) <= 3:
        return Kind.CAPTION, None
    if _heading(group, text, box, size, height):
        return (Kind.TITLE, None) if height > 1.45 else (Kind.HEADING, 2 if height > 1.15 or text.isupper() else 3)
    small = height < 0.8 and box.y1 > 0.8 * size.height and len(text) > 40
    return (Kind.LIST if _MARKER.match(text) else Kind.FOOTNOTE if small else Kind.TEXT), None


def _heading(group: Sequence[Line], text: str, box: Box, size: Size, height: float) -> bool:
    letters = [character for character in text if character.isalpha()]
    if len(group) > 4 or len(letters) < 4 or len(text) > 240 or text.rstrip().endswith((",", ";", ":")):
        return False
    if height > 1.3:
        return True
    capital = text.upper() == text
    numbered = (
        bool(_signs()["heading"].match(text)) and len(group) == 1 and len(text) < 80 and not text.rstrip().endswith(".")
    )
    centred = abs(box.x1 + box.x2 - size.width) < 0.1 * size.width and box.width < 0.7 * size.width
    return (capital and len(letters) > 5) or (numbered and centred)
