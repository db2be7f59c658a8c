"""Reading order: an XY-cut that knows columns from forms.

A page is cut into columns only where a white corridor has text of its own kind on both sides; otherwise it is read row
by row, as forms are. Items are boxes with their text, in pixels of the straight image. (The plain XY-cut: Nagy and
Seth, "Hierarchical representation of optically scanned documents", ICPR 1984.)
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.geometry import Box, union
from chatvlmllm.page.ruling import Ruling


@dataclass(frozen=True, slots=True)
class Item:
    """A line of text, or a block that is read as one (`solid`), at `box`; `index` is the caller's."""

    index: int
    box: Box
    text: str = ""
    solid: bool = False


@dataclass(frozen=True, slots=True)
class _Corridor:
    """A white column at `x`: the items left and right of it between the items above and below."""

    x: float
    above: tuple[Item, ...]
    left: tuple[Item, ...]
    right: tuple[Item, ...]
    below: tuple[Item, ...]
    ruled: bool
    extent: float


def order(items: Sequence[Item], dividers: Sequence[Ruling] = ()) -> list[Item]:
    """The items in reading order; `dividers` are vertical rulings that belong to no table."""
    if len(items) < 2:
        return list(items)
    corridor = _widest(items, dividers)
    if corridor is None:
        return [item for row in rows(items) for item in row]
    parts = (corridor.above, corridor.left, corridor.right, corridor.below)
    return [item for part in parts for item in order(part, dividers)]


def rows(items: Sequence[Item]) -> list[list[Item]]:
    """Items that stand beside each other, from the top, each row from the left."""
    done: list[list[Item]] = []
    for item in sorted(items, key=lambda it: (it.box.y1 + it.box.y2) / 2):
        row = done[-1] if done else None
        if row is not None and _beside(row, item):
            row.append(item)
        else:
            done.append([item])
    return [sorted(row, key=lambda it: it.box.x1) for row in done]


def _beside(row: Sequence[Item], item: Item) -> bool:
    """Whether `item` overlaps the row's last members by half of the smaller height, and none of them in x."""
    if item.solid or any(other.solid for other in row):
        return False
    for other in row:
        a, b = other.box, item.box
        shared = min(a.y2, b.y2) - max(a.y1, b.y1)
        if min(a.x2, b.x2) - max(a.x1, b.x1) > 0.3 * min(a.width, b.width):
            return False
        if shared < 0.5 * min(a.height, b.height):
            return False
    return True


def _widest(items: Sequence[Item], dividers: Sequence[Ruling]) -> _Corridor | None:
    """The corridor with most text beside it that parts columns, if any."""
    letter = _letter(items)
    edges = sorted({round(item.box.x2) for item in items})
    best: _Corridor | None = None
    for edge in edges:
        for corridor in _corridors(items, edge + 0.5, dividers, letter):
            if (best is None or corridor.extent > best.extent) and _parts_columns(corridor, letter):
                best = corridor
    return best


def _letter(items: Sequence[Item]) -> float:
    heights = sorted(item.box.height for item in items if not item.solid)
    return heights[len(heights) // 2] if heights else 20.0


def _corridors(items: Sequence[Item], x: float, dividers: Sequence[Ruling], letter: float) -> list[_Corridor]:
    """Maximal stretches of items, from the top, none of which crosses `x`."""
    slack = 0.3 * letter
    ordered = sorted(items, key=lambda it: (it.box.y1 + it.box.y2) / 2)
    stretches: list[tuple[int, int]] = []
    start = 0
    for position, item in enumerate([*ordered, None]):
        if item is None or item.box.x1 + slack < x < item.box.x2 - slack:
            if position - start >= 2:
                stretches.append((start, position))
            start = position + 1
    found = []
    for first, end in [*stretches, *(part for stretch in stretches for part in _groups(ordered, stretch))]:
        inside = ordered[first:end]
        left = tuple(it for it in inside if (it.box.x1 + it.box.x2) / 2 < x)
        right = tuple(it for it in inside if (it.box.x1 + it.box.x2) / 2 >= x)
        if left and right:
            found.append(_corridor(x, ordered, inside, (left, right), dividers))
    return found


def _groups(ordered: Sequence[Item], stretch: tuple[int, int]) -> list[tuple[int, int]]:
    """The parts of a stretch between white bands that go through both sides."""
    first, end = stretch
    parts, start = [], first
    bottom = ordered[first].box.y2
    for position in range(first + 1, end):
        box = ordered[position].box
        if box.y1 > bottom + 0.2 * box.height:
            parts.append((start, position))
            start = position
        bottom = max(bottom, box.y2)
    return [*parts, (start, end)] if parts else []


def _corridor(
    x: float,
    ordered: Sequence[Item],
    inside: Sequence[Item],
    sides: tuple[tuple[Item, ...], tuple[Item, ...]],
    dividers: Sequence[Ruling],
) -> _Corridor:
    """Items of the stretch that stand above or below where both sides have text are no part of the columns."""
    left, right = sides
    top = max(min(it.box.y1 for it in left), min(it.box.y1 for it in right))
    bottom = min(max(it.box.y2 for it in left), max(it.box.y2 for it in right))
    members = {it.index for it in inside}
    first = inside[0].box
    above = tuple(it for it in ordered if it.index not in members and it.box.y1 + it.box.y2 < first.y1 + first.y2)
    above_ids = {it.index for it in above}
    below = tuple(it for it in ordered if it.index not in members and it.index not in above_ids)
    gap_left, gap_right = max(it.box.x2 for it in left), min(it.box.x1 for it in right)
    ruled = any(gap_left - 5 <= line.place <= gap_right + 5 and line.covers(top, bottom) > 0.8 for line in dividers)
    return _Corridor(x, above, left, right, below, ruled, max(0.0, bottom - top))


#: Least width of a column of prose, in heights of a line.
_COLUMN = 6.0
#: Least number of lines that are called running text, and of words in each on average.
_PROSE, _WORDS = 6, 3
_NUMBER = re.compile(r"^[\s\d.,:;%()/+\-–—№₽$€X]+$")
_GOES_ON = re.compile(r"^[\W\d_]*[a-zа-яё(]")


def _parts_columns(corridor: _Corridor, letter: float) -> bool:
    """Whether the two sides are columns of their own, rather than the halves of rows."""
    left, right = corridor.left, corridor.right
    if _between_prose(corridor, letter):
        return True
    gap = min(it.box.x1 for it in right) - max(it.box.x2 for it in left)
    if gap < 0.6 * letter:
        return False
    sides = [_overlapping(rows(side), other) for side, other in ((left, right), (right, left))]
    fewest = min(len(side) for side in sides)
    if corridor.ruled and fewest >= 3 and not _numbered(sides):
        return True
    if fewest < 2 or corridor.extent < 1.5 * letter or not all(_tight(side, letter) and _even(side) for side in sides):
        return False
    return _column_evidence(sides) > _row_evidence(sides)


def _between_prose(corridor: _Corridor, letter: float) -> bool:
    """Whether running text stands next to the corridor on both sides, whatever more columns there are beyond."""
    left, right = _nearest(corridor.left, letter, last=True), _nearest(corridor.right, letter, last=False)
    return all(_is_prose(_overlapping(rows(side), other)) for side, other in ((left, right), (right, left)))


def _nearest(side: Sequence[Item], letter: float, *, last: bool) -> list[Item]:
    """Of the columns that white parts on one side of a corridor the first, or the `last`."""
    lanes: list[list[Item]] = []
    reach = float("-inf")
    for item in sorted(side, key=lambda it: it.box.x1):
        if item.box.x1 + 0.3 * letter > reach:
            lanes.append([])
        lanes[-1].append(item)
        reach = max(reach, item.box.x2)
    return lanes[-1 if last else 0]


def _is_prose(lines: Sequence[list[Item]]) -> bool:
    """Whether lines fill their column and sentences go on from one to the next, as no cells of a table do."""
    words = sum(len(item.text.split()) for row in lines for item in row)
    if len(lines) < _PROSE or words < _WORDS * len(lines):
        return False
    box = union([item.box for row in lines for item in row])
    return _full_share(lines, box) > 0.55 and _wrapped_share(lines, box) >= 0.35


def _overlapping(side: Sequence[list[Item]], other: Sequence[Item]) -> list[list[Item]]:
    """The rows of a side that stand beside the other side."""
    top, bottom = min(item.box.y1 for item in other), max(item.box.y2 for item in other)
    return [row for row in side if top < (row[0].box.y1 + row[0].box.y2) / 2 < bottom]


def _tight(side: Sequence[Sequence[Item]], letter: float) -> bool:
    """Whether most lines follow each other without room for another."""
    steps = [lower[0].box.y1 - upper[0].box.y1 for upper, lower in itertools.pairwise(side)]
    return bool(steps) and sum(step < 1.9 * letter for step in steps) >= 0.6 * len(steps)


def _even(side: Sequence[Sequence[Item]]) -> bool:
    """Whether the lines are of one size; forms mix entries with small print under them."""
    heights = sorted(row[0].box.height for row in side)
    usual = heights[len(heights) // 2]
    return sum(0.78 * usual < height < 1.28 * usual for height in heights) >= 0.75 * len(heights)


def _column_evidence(sides: Sequence[Sequence[Sequence[Item]]]) -> float:
    boxes = [union([item.box for row in side for item in row]) for side in sides]
    points = 0.0
    widths = sorted(box.width for box in boxes)
    # Columns of words or numbers are a table without rulings, a narrow one beside a wide one are labels.
    wide = widths[0] > 0.45 * widths[1] and widths[0] > _COLUMN * _letter(
        [it for side in sides for row in side for it in row]
    )
    if min(len(side) for side in sides) >= 3 and wide:
        full = [_full_share(side, box) for side, box in zip(sides, boxes, strict=True)]
        points += 2.0 if min(full) > 0.55 else 0.0
        ratio = boxes[0].width / max(boxes[1].width, 1.0)
        points += 1.0 if 0.55 < ratio < 1.8 and min(len(side) for side in sides) >= 5 else 0.0
    wrapped = [_wrapped_share(side, box) for side, box in zip(sides, boxes, strict=True)]
    return points + (1.5 if max(wrapped) >= 0.5 else 0.0)


def _wrapped_share(side: Sequence[Sequence[Item]], box: Box) -> float:
    """Share of the rows that go on with a sentence that filled the row above."""
    wrapped = 0
    for upper, lower in itertools.pairwise(side):
        height, step = upper[0].box.height, lower[0].box.y1 - upper[0].box.y1
        alike = step < 1.3 * height and 0.8 < lower[0].box.height / height < 1.25
        full = upper[-1].box.x2 - upper[0].box.x1 > 0.7 * box.width and not _gapped(upper)
        wrapped += alike and full and bool(_GOES_ON.match(lower[0].text))
    return wrapped / max(1, len(side) - 1)


def _full_share(side: Sequence[Sequence[Item]], box: Box) -> float:
    """Share of the rows that fill the column, and not as cells of a table."""
    full = sum(row[-1].box.x2 - row[0].box.x1 > 0.8 * box.width and not _gapped(row) for row in side)
    return full / len(side)


def _gapped(row: Sequence[Item]) -> bool:
    """Whether white as wide as a line is high parts pieces of the row: cells of a table, words of a list."""
    return any(right.box.x1 - left.box.x2 > left.box.height for left, right in itertools.pairwise(row))


def _row_evidence(sides: Sequence[Sequence[Sequence[Item]]]) -> float:
    left, _right = sides
    labels = sum(row[-1].text.rstrip().endswith(":") for row in left) / len(left)
    cells = max(sum(_gapped(row) for row in side) / len(side) for side in sides)
    points = (2.5 if _numbered(sides) else 0.0, 1.0 if labels >= 0.5 else 0.0, 1.5 if cells >= 0.5 else 0.0)
    return 0.5 + sum(points)


def _numbered(sides: Sequence[Sequence[Sequence[Item]]]) -> bool:
    """Whether the rows of a side begin with numbers: they belong to the words beside them, ruled or not."""
    return any(sum(bool(_NUMBER.match(row[0].text)) for row in side) >= 0.5 * len(side) for side in sides)
