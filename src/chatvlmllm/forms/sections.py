"""Parts of a page that belong to one party: rectangles of visual rows and columns after its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chatvlmllm.forms.form import Form
from chatvlmllm.forms.labels import Hit, hits
from chatvlmllm.forms.sheet import Sheet
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Word

_EVERYWHERE = 1e9


@dataclass(frozen=True, slots=True)
class Region:
    """Rows first…last of a sheet between `left` and `right` (page pixels), opened by `anchor`."""

    sheet: Sheet
    first: int
    last: int
    left: float
    right: float
    anchor: Hit | None = None

    def holds(self, hit: Hit) -> bool:
        """Whether a label stands inside; the anchor's own row counts from the anchor on."""
        words = hit.segment.at(hit.start, hit.end)
        middle = (words[0].box.x1 + words[-1].box.x2) / 2
        return (
            hit.segment.page == self.sheet.page
            and self.first <= hit.segment.row <= self.last
            and self.left <= middle < self.right
        )

    def keep(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Those words that lie between its sides."""
        return tuple(word for word in words if self.left <= (word.box.x1 + word.box.x2) / 2 < self.right)

    @property
    def words(self) -> tuple[Word, ...]:
        """Everything inside, row by row."""
        rows = self.sheet.rows[self.first : self.last + 1]
        return self.keep([word for row in rows for segment in row for word in segment.words])


def page(sheet: Sheet) -> Region:
    """The whole page as a region."""
    return Region(sheet, 0, len(sheet.rows), -_EVERYWHERE, _EVERYWHERE)


def regions(form: Form, sheets: Sequence[Sheet]) -> Mapping[str, Sequence[Region]]:
    """The regions of every section of the form, in the paper's order."""
    found: dict[str, list[Region]] = {name: [] for name in form.sections}
    for sheet in sheets:
        anchors = _anchors(form, sheet)
        for index, (name, _) in enumerate(anchors):
            if name:
                region = _region(sheet, anchors, index)
                found[name].append(_above_foot(region) if form.sections[name].foot else region)
    return found


def _above_foot(region: Region) -> Region:
    """The region of a section whose names stand at its foot: a row further down."""
    last = min(region.last + 1, len(region.sheet.rows) - 1)
    return replace(region, first=min(region.first + 1, last), last=last)


def _anchors(form: Form, sheet: Sheet) -> list[tuple[str, Hit]]:
    """Openings of sections, and their ends under the name ""; in the order of rows."""
    owners = {label: name for name, section in form.sections.items() for label in section.starts}
    ends = {label: "" for section in form.sections.values() for label in section.ends if label not in owners}
    found = [
        (owners.get(hit.label, ends.get(hit.label, "")), hit)
        for hit in hits([*owners, *ends], sheet.segments)
        if _opens(hit)
    ]
    return sorted(found, key=lambda one: (one[1].segment.row, one[1].segment.words[0].box.x1, one[1].start))


def _opens(hit: Hit) -> bool:
    """A party's name opens its part when it opens a run of text or a colon follows."""
    after = hit.segment.text[hit.end : hit.end + 3].lstrip(' )»"')
    return (hit.first and not hit.segment.text.startswith("(")) or after.startswith(":")


def _region(sheet: Sheet, anchors: Sequence[tuple[str, Hit]], index: int) -> Region:
    name, hit = anchors[index]
    mine = _span(hit)
    beside = [
        other
        for title, other in anchors
        if title and title != name and _level(other, hit) and not _touch(_span(other), mine)
    ]
    lefts = [_span(other)[1] for other in beside if _span(other)[1] <= mine[0]]
    rights = [_span(other)[0] for other in beside if _span(other)[0] >= mine[1]]
    last = _last_row(sheet, anchors, index, bool(beside))
    boxes = boxes_of(sheet, range(hit.segment.row, last + 1))
    left = best_cut(boxes, max(lefts), mine[0]) if lefts else -_EVERYWHERE
    right = best_cut(boxes, mine[1], min(rights)) if rights else _EVERYWHERE
    return Region(sheet, hit.segment.row, last, left, right, hit)


def _span(hit: Hit) -> tuple[float, float]:
    words = hit.segment.at(hit.start, hit.end)
    return words[0].box.x1, words[-1].box.x2


def _level(one: Hit, two: Hit) -> bool:
    """Whether two openings stand side by side on about the same line."""
    first, second = one.segment.box, two.segment.box
    shared = min(first.y2, second.y2) - max(first.y1, second.y1)
    return one.segment is not two.segment and shared > 0.3 * min(first.height, second.height)


def _touch(one: tuple[float, float], two: tuple[float, float]) -> bool:
    return one[0] < two[1] and two[0] < one[1]


def _last_row(sheet: Sheet, anchors: Sequence[tuple[str, Hit]], index: int, columns: bool) -> int:
    """The row before the next opening or end; neighbours on the same row do not count beside each other."""
    name, hit = anchors[index]
    for other_name, other in anchors[index + 1 :]:
        apart = other.segment.row - hit.segment.row
        if apart <= (1 if columns else 0) or other_name == name:
            continue
        return other.segment.row - 1
    return len(sheet.rows) - 1


def boxes_of(sheet: Sheet, rows: range) -> list[Box]:
    """The boxes of all words on these rows."""
    return [word.box for row in sheet.rows[rows.start : rows.stop] for segment in row for word in segment.words]


def best_cut(every: Sequence[Box], low: float, high: float) -> float:
    """The x between `low` and `high` that the fewest boxes cross, in the middle of the widest gap."""
    boxes = [box for box in every if box.x2 > low and box.x1 < high]
    edges = sorted({low, high, *(e for box in boxes for e in (box.x1, box.x2) if low < e < high)})
    best, middle = (_EVERYWHERE, 0.0), (low + high) / 2
    for start, end in pairwise(edges):
        crossing = sum(box.x1 < (start + end) / 2 < box.x2 for box in boxes)
        if (crossing, start - end) < best:
            best, middle = (crossing, start - end), (start + end) / 2
    return middle
