"""A paper with its labels found once, and the runs of text that a value goes on over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatvlmllm.forms.form import Form
from chatvlmllm.forms.found import cut
from chatvlmllm.forms.labels import Hit, hits
from chatvlmllm.forms.sections import Region, regions
from chatvlmllm.forms.sheet import Segment, Sheet
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Word

#: A label of this name stands for the words that open the section.
ANCHOR = "@"
#: A label of this name stands for any place of the section; only for kinds that know themselves.
ANYWHERE = "*"
#: The first line of the page, and the lines after it; the lines after the first of a section; those under the first
#: name with a legal form.
TOP, BELOW_TOP, BELOW_ANCHOR, BELOW_NAME = "^", "^+", "@+", "#+"
OPENINGS = {TOP, BELOW_TOP, BELOW_ANCHOR, BELOW_NAME}
_SPECIAL = {ANCHOR, ANYWHERE, *OPENINGS}
#: A row of more runs than this is a row of a form, not a line of a value.
_FORM_ROW = 2
#: Lines of one value stand over each other by this share of the shorter one.
_SHARED = 0.25


@dataclass(frozen=True)
class Paper:
    """The pages of a paper with every label of its form found once."""

    form: Form
    sheets: Sequence[Sheet]
    regions: Mapping[str, Sequence[Region]]
    hits: Mapping[int, Sequence[Hit]]
    tails: frozenset[int]

    def boundaries(self, segment: Segment) -> list[Hit]:
        """Labels on this segment, left to right."""
        return [hit for hit in self.hits.get(segment.page, ()) if hit.segment is segment]


def survey(form: Form, sheets: Sequence[Sheet]) -> Paper:
    """Find all labels, section names and stops of the form on the pages."""
    labels = {label for rule in form.fields.values() for label in rule.labels if label not in _SPECIAL}
    labels |= set(form.stops)
    for section in form.sections.values():
        labels |= {*section.starts, *section.ends}
    found = {sheet.page: hits(labels, sheet.segments) for sheet in sheets}
    tails = frozenset(id(one) for page_hits in found.values() for hit in page_hits for one in hit.tail)
    return Paper(form, sheets, regions(form, sheets), found, tails)


def says(words: Sequence[Word]) -> bool:
    """Whether there is a letter or a digit in any of the words."""
    return any(sign.isalnum() for word in words for sign in word.text)


def until(paper: Paper, segment: Segment, start: int) -> int:
    """Where the next label after `start` begins, or the end of the segment."""
    bounds = (hit.start for hit in paper.boundaries(segment) if hit.start >= start and parts(hit))
    return min(bounds, default=len(segment.text))


def parts(hit: Hit) -> bool:
    """Whether a label parts a run: it opens it, has a capital, follows a comma or leads a colon; prose does not."""
    text = hit.segment.text
    before, after = text[: hit.start].rstrip(), text[hit.end :].lstrip()
    return hit.first or text[hit.start].isupper() or before.endswith((",", ";", ".")) or after.startswith(":")


def more(paper: Paper, region: Region, lines: int, segment: Segment) -> tuple[Word, ...]:
    """Continuation lines of a value of several lines: runs right below, until a label or a gap."""
    words: list[Word] = []
    above, left = segment.box, lines - 1
    for row in region.sheet.rows[segment.row + 1 : segment.row + 2 * lines]:
        run = next((o for o in row if continues(o.box, above) and id(o) not in paper.tails), None)
        if run is None:
            continue  # a row of another column between two lines of this one
        if left == 0 or not says(run.words) or _led_by_label(paper, region, row[: row.index(run) + 1]):
            break
        bounds = paper.boundaries(run)
        begin = _after_bracket(run, bounds)
        words += cut(run, begin, until(paper, run, begin))
        left -= 1
        if any(parts(hit) and hit.start >= begin for hit in bounds):
            break
        above = Box(min(above.x1, run.box.x1), run.box.y1, max(above.x2, run.box.x2), run.box.y2)
    return tuple(words)


def _led_by_label(paper: Paper, region: Region, runs: Sequence[Segment]) -> bool:
    """Whether a label opens any of these runs of one row; labels of the neighbouring column do not count."""
    return any(labelled(paper, one) for one in runs if region.keep(one.words[:1]))


def _after_bracket(run: Segment, bounds: Sequence[Hit]) -> int:
    """Where a run goes on after the rest of a label in brackets that opens it."""
    if not (bounds and bounds[0].first and run.text.startswith("(")):
        return 0
    return bounds[0].end + len(run.text[bounds[0].end :]) - len(run.text[bounds[0].end :].lstrip("): "))


def labelled(paper: Paper, segment: Segment) -> bool:
    """Whether a label opens the run."""
    bounds = paper.boundaries(segment)
    # A bracket goes on with the label of the line above: «Поставщик» over «(Исполнитель)».
    return bool(bounds) and bounds[0].first and not segment.text.startswith("(")


def continues(run: Box, above: Box) -> bool:
    """Whether a run stands right under another and shares some of its width."""
    shared = min(run.x2, above.x2) - max(run.x1, above.x1)
    return shared > _SHARED * min(run.width, above.width) and run.y1 - above.y2 < 1.1 * max(run.height, above.height)


def over(paper: Paper, region: Region, lines: int, segment: Segment) -> tuple[Word, ...]:
    """Lines above the last line of a value that stands over its label."""
    words: tuple[Word, ...] = ()
    below = segment
    for row in region.sheet.rows[max(region.first, segment.row - lines + 1) : segment.row][::-1]:
        run = next((one for one in row if continues(below.box, one.box)), None)
        if (
            run is None
            or (len(row) > _FORM_ROW and not _wraps(run, below))
            or any(parts(hit) for hit in paper.boundaries(run))
        ):
            break
        words = (*run.words, *words)
        below = run
    return words


def _wraps(run: Segment, below: Segment) -> bool:
    """Whether a run is the longer first line of what goes on flush left under it."""
    return abs(run.box.x1 - below.box.x1) < 0.5 * run.height and run.box.x2 > below.box.x2
