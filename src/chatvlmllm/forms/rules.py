"""Values beside their labels: to the right, below or above, up to where another label of the form begins."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chatvlmllm.forms.form import FieldRule, Form, Where
from chatvlmllm.forms.found import Ask, Found, cut, look
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.labels import Hit, hits, match, telling
from chatvlmllm.forms.nouns import Layer
from chatvlmllm.forms.sections import Region, page, regions
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
_OPENINGS = {TOP, BELOW_TOP, BELOW_ANCHOR, BELOW_NAME}
_SPECIAL = {ANCHOR, ANYWHERE, *_OPENINGS}
_WEIGHTS: Mapping[str, float] = {"right": 1.0, "below": 0.9, "above": 0.9, "inside": 0.8}
#: A row of more runs than this is a row of a form, not a line of a value.
_FORM_ROW = 2
#: Lines of one value stand over each other by this share of the shorter one.
_SHARED = 0.25
#: How many text heights away a value may stand above or below its label.
_REACH: Mapping[int, float] = {1: 3.2, -1: 8.0}
#: From line to line of one text, in text heights, generously.
_PITCH = 1.7


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


def by_labels(paper: Paper) -> Iterator[Found]:
    """Every value that stands beside a label of its field."""
    for key, rule in paper.form.fields.items():
        ask = Ask(key, rule.kind, paper.form.language)
        for region in _areas(paper, rule):
            yield from _in_region(paper, region, rule, ask)


def _areas(paper: Paper, rule: FieldRule) -> Sequence[Region]:
    if rule.section:
        return paper.regions[rule.section]
    return [page(sheet) for sheet in paper.sheets]


def _in_region(paper: Paper, region: Region, rule: FieldRule, ask: Ask) -> Iterator[Found]:
    for rank, label in enumerate(rule.labels):
        if label == ANYWHERE:
            yield from _anywhere(paper, region, rule, ask)
        elif label in _OPENINGS:
            yield from _opening(paper, region, rule, ask, label)
        for hit in _label_hits(paper, region, label):
            for place, where in enumerate(rule.where):
                for found in _beside(paper, _Spot(region, hit, rule, ask), where):
                    weight = _WEIGHTS[where] * (1 - 0.02 * rank) * (1 - 0.05 * place) * hit.quality
                    yield replace(found, score=found.score * weight * (1.0 if hit.first else 0.97))


_SIGNS: Mapping[str, re.Pattern[str]] = {
    "address": re.compile(r"(?<!\d)\d{6},(?:\s|$)|\bг(?:ор)?\.\s?[А-ЯЁ]"),
    "bank": re.compile(
        r"\b(?:ПАО|АО|ООО|ОАО|ЗАО|НКО)\b.*(?:КБ\b|[Бб]анк|БАНК)|\bА?КБ\b|\b(?:ГУ|ОТДЕЛЕНИЕ|Отделение) Банка|БАНК"
    ),
    "organisation": re.compile(r"\b(?:ООО|АО|ПАО|ЗАО|ИП)\b|\b(?i:sdn|ltd|llc|inc|gmbh|limited|plc)\b"),
}


def _anywhere(paper: Paper, region: Region, rule: FieldRule, ask: Ask) -> Iterator[Found]:
    """A value without a label: of a kind that is recognisable alone, or a run that holds the sure sign of its kind."""
    if ask.kind not in _SIGNS:
        found = None if KINDS[ask.kind].free else look(ask, region.words, region.sheet, Layer.LABEL)
        if found is not None:
            yield replace(found, score=0.6)
        return
    for segment in (one for row in region.sheet.rows[region.first : region.last + 1] for one in row):
        match = _SIGNS[ask.kind].search(segment.text)
        if match is None or not region.keep(segment.words[:1]) or (not rule.section and _owned(paper, segment)):
            continue
        start = match.start() if ask.kind == "address" else 0
        end = _until(paper, segment, start)
        words = cut(segment, start, end)
        if end == len(segment.text):
            words = (*words, *_row_rest(paper, segment, region), *_more(paper, region, rule.lines, segment))
        found = look(ask, region.keep(words), region.sheet, Layer.LABEL)
        if found is not None:
            yield replace(found, score=0.7 * found.score * (1.0 if match.group()[0] != "г" else 0.8))


def _row_rest(paper: Paper, segment: Segment, region: Region) -> tuple[Word, ...]:
    """Widely spaced words of the same line, as justified text and till printers set them."""
    words: list[Word] = []
    row = region.sheet.rows[segment.row]
    for other in row[row.index(segment) + 1 :]:
        if _labelled(paper, other):
            break
        words += other.words
    return tuple(words)


def _owned(paper: Paper, segment: Segment) -> bool:
    """Whether a run belongs to the part of one party."""
    every = (region for regions_ in paper.regions.values() for region in regions_)
    return any(
        r.sheet.page == segment.page and r.first <= segment.row <= r.last and r.keep(segment.words) for r in every
    )


def _opening(paper: Paper, region: Region, rule: FieldRule, ask: Ask, label: str) -> Iterator[Found]:
    """The first line of the page or section, or the lines after it."""
    first = _first_name(paper, region, rule) if label == BELOW_NAME else _first_run(paper, region)
    if first is None:
        return
    words = first.words if label == TOP else _more(paper, region, rule.lines + 1, first)
    found = look(ask, words, region.sheet, Layer.LABEL) if words else None
    if found is not None:
        yield replace(found, score=0.75 * found.score)


def _is_title(form: Form, segment: Segment) -> bool:
    """Whether a run says nothing but the title of the type."""
    size = len(segment.text.strip())
    return any(end - start > 0.7 * size for t in form.detect.titles for start, end, _ in match(t, segment.text))


def _first_name(paper: Paper, region: Region, rule: FieldRule) -> Segment | None:
    """The first run with the name of an organisation that is not in the part of another party."""
    runs = (one for row in region.sheet.rows for one in row if rule.section or not _owned(paper, one))
    return next((one for one in runs if _SIGNS["organisation"].search(one.text)), None)


def _first_run(paper: Paper, region: Region) -> Segment | None:
    """The run that opens the page, or the one right of or under the words that open the section."""
    rows = region.sheet.rows
    if region.anchor is None:
        runs = (one for row in rows for one in row if sum(sign.isalpha() for sign in one.text) >= 3)
        return next((one for one in runs if not _labelled(paper, one) and not _is_title(paper.form, one)), None)
    anchor = region.anchor.segment
    under = [one for row in rows[anchor.row + 1 : anchor.row + 4] for one in row]
    flush = [one for one in under if abs(one.box.x1 - anchor.box.x1) < anchor.height and not _labelled(paper, one)]
    if flush:
        return flush[0]
    beside = [one for one in rows[anchor.row] if one.box.x1 >= anchor.box.x2 and region.keep(one.words[:1])]
    if beside:
        return beside[0]
    for row in rows[anchor.row + 1 : region.last + 1]:
        for one in row:
            if min(one.box.x2, anchor.box.x2) > max(one.box.x1, anchor.box.x1):
                return one
    return None


def _label_hits(paper: Paper, region: Region, label: str) -> Sequence[Hit]:
    if label == ANCHOR:
        return [region.anchor] if region.anchor is not None else []
    return [hit for hit in paper.hits.get(region.sheet.page, ()) if hit.label == label and region.holds(hit)]


@dataclass(frozen=True)
class _Spot:
    """One label, what is asked, and the region that bounds the answer."""

    region: Region
    hit: Hit
    rule: FieldRule
    ask: Ask


def _beside(paper: Paper, spot: _Spot, where: Where) -> Iterator[Found]:
    windows = {"right": _right, "below": _below, "above": _above, "inside": _inside}
    for weight, words in windows[where](paper, spot):
        kept = spot.region.keep(words)
        if kept:
            found = look(spot.ask, kept, spot.region.sheet, Layer.LABEL, spot.hit.label)
            if found is not None:
                yield replace(found, score=found.score * weight)
                return


def _right(paper: Paper, spot: _Spot) -> Iterator[tuple[float, tuple[Word, ...]]]:
    """The rest of the label's run, then the next runs of its row, each with its continuation lines."""
    hit = spot.hit
    end = _until(paper, hit.segment, hit.end)
    words = cut(hit.segment, hit.end, end)
    whole = end == len(hit.segment.text)
    if _says(words) and spot.rule.line > 1:
        yield 0.9, _lower(paper, spot, hit.segment)
        return
    if _says(words):
        yield 1.0, (*words, *(_more(paper, spot.region, spot.rule.lines, hit.segment) if whole else ()))
    if whole:
        yield from _right_of(paper, spot)
    if not KINDS[spot.ask.kind].free:
        yield (0.85 if _says(words) else 0.8), (*words, *_next_line(paper, spot, hit.segment))


def _right_of(paper: Paper, spot: _Spot) -> Iterator[tuple[float, tuple[Word, ...]]]:
    """The runs to the right of a label that fills its own."""
    for step, segment in _to_the_right(paper, spot):
        words = cut(segment, 0, _until(paper, segment, 0))
        if not _says(words):
            continue
        if spot.rule.line > 1:
            yield 0.9, _lower(paper, spot, segment)
            return
        yield 0.97 - 0.15 * step, (*words, *_more(paper, spot.region, spot.rule.lines, segment))
        yield 0.8 - 0.15 * step, (*_over(paper, spot.region, 2, segment), *words)
        if KINDS[spot.ask.kind].free:
            return


def _to_the_right(paper: Paper, spot: _Spot) -> Iterator[tuple[int, Segment]]:
    """The next two runs on the label's row up to another label; then those on the rows of its other lines."""
    for own in (spot.hit.segment, *spot.hit.tail):
        row = spot.region.sheet.rows[own.row]
        for step, other in enumerate(row[row.index(own) + 1 :][:2]):
            if _labelled(paper, other) or id(other) in paper.tails:
                break
            yield step, other


def _lower(paper: Paper, spot: _Spot, segment: Segment) -> tuple[Word, ...]:
    """The run that stands `line` lines into a value of several lines."""
    for _ in range(spot.rule.line - 1):
        rows = spot.region.sheet.rows[segment.row + 1 : segment.row + 3]
        runs = [run for row in rows for run in row if _continues(run.box, segment.box)]
        if not runs or _labelled(paper, runs[0]):
            return ()
        segment = runs[0]
    return segment.words


def _says(words: Sequence[Word]) -> bool:
    return any(sign.isalnum() for word in words for sign in word.text)


def _until(paper: Paper, segment: Segment, start: int) -> int:
    """Where the next label after `start` begins, or the end of the segment."""
    bounds = (hit.start for hit in paper.boundaries(segment) if hit.start >= start and _parts(hit))
    return min(bounds, default=len(segment.text))


def _parts(hit: Hit) -> bool:
    """Whether a label parts a run: it opens it, has a capital, follows a comma or leads a colon; prose does not."""
    text = hit.segment.text
    before, after = text[: hit.start].rstrip(), text[hit.end :].lstrip()
    return hit.first or text[hit.start].isupper() or before.endswith((",", ";", ".")) or after.startswith(":")


def _next_line(paper: Paper, spot: _Spot, segment: Segment) -> tuple[Word, ...]:
    """The first run of the next row: where a sentence goes on when the line ends after its label."""
    rows = spot.region.sheet.rows
    if segment.row + 1 >= len(rows):
        return ()
    following = rows[segment.row + 1][0]
    if _labelled(paper, following):
        return ()
    return cut(following, 0, _until(paper, following, 0))


def _more(paper: Paper, region: Region, lines: int, segment: Segment) -> tuple[Word, ...]:
    """Continuation lines of a value of several lines: runs right below, until a label or a gap."""
    words: list[Word] = []
    above, left = segment.box, lines - 1
    for row in region.sheet.rows[segment.row + 1 : segment.row + 2 * lines]:
        run = next((o for o in row if _continues(o.box, above) and id(o) not in paper.tails), None)
        if run is None:
            continue  # a row of another column between two lines of this one
        if left == 0 or _led_by_label(paper, region, row[: row.index(run) + 1]):
            break
        bounds = paper.boundaries(run)
        begin = _after_bracket(run, bounds)
        words += cut(run, begin, _until(paper, run, begin))
        left -= 1
        if any(_parts(hit) and hit.start >= begin for hit in bounds):
            break
        above = Box(min(above.x1, run.box.x1), run.box.y1, max(above.x2, run.box.x2), run.box.y2)
    return tuple(words)


def _led_by_label(paper: Paper, region: Region, runs: Sequence[Segment]) -> bool:
    """Whether a label opens any of these runs of one row; labels of the neighbouring column do not count."""
    return any(_labelled(paper, one) for one in runs if region.keep(one.words[:1]))


def _after_bracket(run: Segment, bounds: Sequence[Hit]) -> int:
    """Where a run goes on after the rest of a label in brackets that opens it."""
    if not (bounds and bounds[0].first and run.text.startswith("(")):
        return 0
    return bounds[0].end + len(run.text[bounds[0].end :]) - len(run.text[bounds[0].end :].lstrip("): "))


def _labelled(paper: Paper, segment: Segment) -> bool:
    """Whether a label opens the run."""
    bounds = paper.boundaries(segment)
    # A bracket goes on with the label of the line above: «Поставщик» over «(Исполнитель)».
    return bool(bounds) and bounds[0].first and not segment.text.startswith("(")


def _continues(run: Box, above: Box) -> bool:
    """Whether a run stands right under another and shares some of its width."""
    shared = min(run.x2, above.x2) - max(run.x1, above.x1)
    return shared > _SHARED * min(run.width, above.width) and run.y1 - above.y2 < 1.1 * max(run.height, above.height)


def _below(paper: Paper, spot: _Spot) -> Iterator[tuple[float, tuple[Word, ...]]]:
    yield from _column(paper, spot, 1)


def _above(paper: Paper, spot: _Spot) -> Iterator[tuple[float, tuple[Word, ...]]]:
    yield from _column(paper, spot, -1)


def _column(paper: Paper, spot: _Spot, step: int) -> Iterator[tuple[float, tuple[Word, ...]]]:
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
        if _labelled(paper, run):
            return
        words = cut(run, 0, _until(paper, run, 0))
        if step > 0:
            words = (*words, *_more(paper, spot.region, spot.rule.lines, run))
        elif spot.rule.lines > 1:
            words = (*_over(paper, spot.region, spot.rule.lines, run), *words)
        yield 1.0, words


def _width(paper: Paper, spot: _Spot, step: int) -> tuple[float, float]:
    """The horizontal extent in which a value over or under the label is looked for."""
    label = spot.hit.segment.at(spot.hit.start, spot.hit.end)
    left, right = label[0].box.x1, label[-1].box.x2
    if step > 0 and not telling(spot.hit.label):  # under a numbered value, not under its number
        beside = next((one for _, one in _to_the_right(paper, spot)), None)
        right = max(spot.hit.segment.box.x2, beside.box.x2 if beside is not None else 0.0)
    return left, right


def _over(paper: Paper, region: Region, lines: int, segment: Segment) -> tuple[Word, ...]:
    """Lines above the last line of a value that stands over its label."""
    words: tuple[Word, ...] = ()
    below = segment
    for row in region.sheet.rows[max(region.first, segment.row - lines + 1) : segment.row][::-1]:
        run = next((one for one in row if _continues(below.box, one.box)), None)
        if (
            run is None
            or (len(row) > _FORM_ROW and not _wraps(run, below))
            or any(_parts(hit) for hit in paper.boundaries(run))
        ):
            break
        words = (*run.words, *words)
        below = run
    return words


def _wraps(run: Segment, below: Segment) -> bool:
    """Whether a run is the longer first line of what goes on flush left under it."""
    return abs(run.box.x1 - below.box.x1) < 0.5 * run.height and run.box.x2 > below.box.x2


def _inside(_paper: Paper, spot: _Spot) -> Iterator[tuple[float, tuple[Word, ...]]]:
    yield 1.0, spot.hit.segment.words
