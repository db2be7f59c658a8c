"""Values beside their labels: to the right, below or above, up to where another label of the form begins."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chatvlmllm.forms.beside import Spot, beside
from chatvlmllm.forms.form import FieldRule, Form
from chatvlmllm.forms.found import Ask, Found, cut, look
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.labels import Hit, match
from chatvlmllm.forms.nouns import Layer
from chatvlmllm.forms.paper import ANCHOR, ANYWHERE, BELOW_NAME, OPENINGS, TOP, Paper, labelled, more, until
from chatvlmllm.forms.sections import Region, page
from chatvlmllm.forms.sheet import Segment
from chatvlmllm.reading import Word

_WEIGHTS: Mapping[str, float] = {"right": 1.0, "below": 0.9, "above": 0.9, "inside": 0.8}


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
        elif label in OPENINGS:
            yield from _opening(paper, region, rule, ask, label)
        for hit in _label_hits(paper, region, label):
            for place, where in enumerate(rule.where):
                for found in beside(paper, Spot(region, hit, rule, ask), where):
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
        end = until(paper, segment, start)
        words = cut(segment, start, end)
        if end == len(segment.text):
            words = (*words, *_row_rest(paper, segment, region), *more(paper, region, rule.lines, segment))
        found = look(ask, region.keep(words), region.sheet, Layer.LABEL)
        if found is not None:
            yield replace(found, score=0.7 * found.score * (1.0 if match.group()[0] != "г" else 0.8))


def _row_rest(paper: Paper, segment: Segment, region: Region) -> tuple[Word, ...]:
    """Widely spaced words of the same line, as justified text and till printers set them."""
    words: list[Word] = []
    row = region.sheet.rows[segment.row]
    for other in row[row.index(segment) + 1 :]:
        if labelled(paper, other):
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
    words = first.words if label == TOP else more(paper, region, rule.lines + 1, first)
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
        runs = (one for row in rows for one in row if _may_name(one))
        return next((one for one in runs if not labelled(paper, one) and not _is_title(paper.form, one)), None)
    anchor = region.anchor.segment
    under = [one for row in rows[anchor.row + 1 : anchor.row + 4] for one in row]
    flush = [one for one in under if abs(one.box.x1 - anchor.box.x1) < anchor.height and not labelled(paper, one)]
    if flush:
        return flush[0]
    level = [one for one in rows[anchor.row] if one.box.x1 >= anchor.box.x2 and region.keep(one.words[:1])]
    if level:
        return level[0]
    for row in rows[anchor.row + 1 : region.last + 1]:
        for one in row:
            if min(one.box.x2, anchor.box.x2) > max(one.box.x1, anchor.box.x1):
                return one
    return None


def _may_name(segment: Segment) -> bool:
    """Whether a run may head the page: letters, the first of them no small one, as in a note on the margin."""
    letters = [sign for sign in segment.text if sign.isalpha()]
    return len(letters) >= 3 and not letters[0].islower()


def _label_hits(paper: Paper, region: Region, label: str) -> Sequence[Hit]:
    if label == ANCHOR:
        return [region.anchor] if region.anchor is not None else []
    return [hit for hit in paper.hits.get(region.sheet.page, ()) if hit.label == label and region.holds(hit)]
