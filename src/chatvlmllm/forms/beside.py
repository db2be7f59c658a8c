"""Where a value may stand beside its label: to the right, below, above, or in the same run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chatvlmllm.forms import money
from chatvlmllm.forms.form import FieldRule, Where
from chatvlmllm.forms.found import Ask, Found, cut, look
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.labels import Hit, telling
from chatvlmllm.forms.nouns import Layer
from chatvlmllm.forms.paper import Paper, continues, labelled, more, over, says, until
from chatvlmllm.forms.sections import Region
from chatvlmllm.forms.sheet import Segment
from chatvlmllm.reading import Word

Windows = Iterator[tuple[float, tuple[Word, ...]]]
#: How many text heights away a value may stand above or below its label.
_REACH: Mapping[int, float] = {1: 3.2, -1: 8.0}
#: From line to line of one text, in text heights, generously.
_PITCH = 1.7


@dataclass(frozen=True)
class Spot:
    """One label, what is asked, and the region that bounds the answer."""

    region: Region
    hit: Hit
    rule: FieldRule
    ask: Ask


def beside(paper: Paper, spot: Spot, where: Where) -> Iterator[Found]:
    """The first value of the kind on that side of the label; right of it a whole amount gives way to one with cents."""
    windows = {"right": _right, "below": _below, "above": _above, "inside": _inside}
    whole: Found | None = None
    for weight, words in windows[where](paper, spot):
        kept = spot.region.keep(words)
        found = look(spot.ask, kept, spot.region.sheet, Layer.LABEL, spot.hit.label) if kept else None
        if found is None:
            continue
        weighed = replace(found, score=found.score * weight)
        if where != "right" or spot.ask.kind != "money" or money.exact(found.source.text):
            yield weighed
            return
        whole = whole or weighed
    if whole is not None:
        yield whole


def _right(paper: Paper, spot: Spot) -> Windows:
    """The rest of the label's run, then the next runs of its row, each with its continuation lines."""
    hit = spot.hit
    end = until(paper, hit.segment, hit.end)
    words = cut(hit.segment, hit.end, end)
    whole = end == len(hit.segment.text)
    if says(words) and spot.rule.line > 1:
        yield 0.9, _lower(paper, spot, hit.segment)
        return
    if says(words):
        yield 1.0, (*words, *(more(paper, spot.region, spot.rule.lines, hit.segment) if whole else ()))
    if whole:
        yield from _right_of(paper, spot)
    if not KINDS[spot.ask.kind].free:
        yield (0.85 if says(words) else 0.8), (*words, *_next_line(paper, spot, hit.segment))


def _right_of(paper: Paper, spot: Spot) -> Windows:
    """The runs to the right of a label that fills its own."""
    for step, segment in _to_the_right(paper, spot):
        words = cut(segment, 0, until(paper, segment, 0))
        if not says(words):
            continue
        if spot.rule.line > 1:
            yield 0.9, _lower(paper, spot, segment)
            return
        yield 0.97 - 0.15 * step, (*words, *more(paper, spot.region, spot.rule.lines, segment))
        yield 0.8 - 0.15 * step, (*over(paper, spot.region, 2, segment), *words)
        if KINDS[spot.ask.kind].free:
            return


def _to_the_right(paper: Paper, spot: Spot) -> Iterator[tuple[int, Segment]]:
    """The next runs on the label's row up to another label; then those on the rows of its other lines.

    A text is one of the next two; what knows itself may stand beyond signatures and dirt.
    """
    for own in (spot.hit.segment, *spot.hit.tail):
        row = spot.region.sheet.rows[own.row]
        for step, other in enumerate(row[row.index(own) + 1 :][: 2 if KINDS[spot.ask.kind].free else 4]):
            if labelled(paper, other) or id(other) in paper.tails:
                break
            yield step, other


def _lower(paper: Paper, spot: Spot, segment: Segment) -> tuple[Word, ...]:
    """The run that stands `line` lines into a value of several lines."""
    for _ in range(spot.rule.line - 1):
        rows = spot.region.sheet.rows[segment.row + 1 : segment.row + 3]
        runs = [run for row in rows for run in row if continues(run.box, segment.box)]
        if not runs or labelled(paper, runs[0]):
            return ()
        segment = runs[0]
    return segment.words


def _next_line(paper: Paper, spot: Spot, segment: Segment) -> tuple[Word, ...]:
    """The first run of the next row: where a sentence goes on when the line ends after its label."""
    rows = spot.region.sheet.rows
    if segment.row + 1 >= len(rows):
        return ()
    following = rows[segment.row + 1][0]
    if labelled(paper, following):
        return ()
    return cut(following, 0, until(paper, following, 0))


def _below(paper: Paper, spot: Spot) -> Windows:
    yield from _column(paper, spot, 1)


def _above(paper: Paper, spot: Spot) -> Windows:
    yield from _column(paper, spot, -1)


def _column(paper: Paper, spot: Spot, step: int) -> Windows:
    """Runs under (step 1) or over (-1) the label that share some of its width, the nearest first."""
    sheet = spot.region.sheet
    segment = spot.hit.tail[-1] if spot.hit.tail and step > 0 else spot.hit.segment
    left, right = _width(paper, spot, step)
    rows = (
        sheet.rows[segment.row + 1 : segment.row + 6]
        if step > 0
        else sheet.rows[max(0, segment.row - 5) : segment.row][::-1]
    )
    for run in (one for row in rows for one in row):
        gap = run.box.y1 - segment.box.y2 if step > 0 else segment.box.y1 - run.box.y2
        if gap > max(_REACH[step], _PITCH * spot.rule.lines) * sheet.height:
            return
        if min(run.box.x2, right) - max(run.box.x1, left) <= 0:
            continue
        if labelled(paper, run):
            return
        words = cut(run, 0, until(paper, run, 0))
        if step > 0:
            words = (*words, *more(paper, spot.region, spot.rule.lines, run))
        elif spot.rule.lines > 1:
            words = (*over(paper, spot.region, spot.rule.lines, run), *words)
        yield 1.0, words


def _width(paper: Paper, spot: Spot, step: int) -> tuple[float, float]:
    """The horizontal extent in which a value over or under the label is looked for."""
    label = spot.hit.segment.at(spot.hit.start, spot.hit.end)
    left, right = label[0].box.x1, label[-1].box.x2
    if step > 0 and not telling(spot.hit.label):  # under a numbered value, not under its number
        value = next((one for _, one in _to_the_right(paper, spot)), None)
        right = max(spot.hit.segment.box.x2, value.box.x2 if value is not None else 0.0)
    return left, right


def _inside(_paper: Paper, spot: Spot) -> Windows:
    yield 1.0, spot.hit.segment.words
