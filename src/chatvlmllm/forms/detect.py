"""What type of paper is this? Evidence is weighed, told, and only trusted when one type clearly leads."""

from collections.abc import Iterator, Mapping, Sequence

from chatvlmllm.forms import mrz
from chatvlmllm.forms.form import Form
from chatvlmllm.forms.labels import Hit, sightings
from chatvlmllm.forms.nouns import Detection, Reason
from chatvlmllm.forms.sheet import Segment, Sheet

OTHER = "other"
#: Below this score a paper is called other; a title alone gives more, two or three stray words less.
_ENOUGH = 0.55
#: The leader must be ahead of the next type by this much.
_LEAD = 0.04
#: A type shows itself on the first pages.
_PAGES = 2
_TITLE, _TITLE_LOW, _SIGN, _ZONE = 0.72, 0.45, 0.16, 0.7


def detect(forms: Mapping[str, Form], sheets: Sequence[Sheet]) -> Detection:
    """The type of these pages, judged by the first one that says something; `other` when unsure."""
    pages = [sheet for sheet in sheets if sheet.rows][:_PAGES]
    seen = _seen(forms, pages)
    zones = {zone.format + zone.lines[0][:2] for sheet in pages for zone in _zones(sheet)}
    judged = {form.key: tuple(_evidence(form, seen, zones)) for form in forms.values()}
    scores = {key: _score(reasons) for key, reasons in judged.items()}
    ranked = sorted(scores, key=lambda key: -scores[key])
    if not ranked:
        return Detection(OTHER, 0.0)
    best, score = ranked[0], scores[ranked[0]]
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    others = {key: scores[key] for key in ranked[1:4] if scores[key] > 0}
    if score < _ENOUGH:
        return Detection(OTHER, score, (*judged[best], Reason("unsure", best, score)), {best: score, **others})
    if score - second < _LEAD:
        tie = Reason("tie", f"{best}, {ranked[1]}", score)
        return Detection(OTHER, score, (*judged[best], tie), {best: score, **others})
    return Detection(best, score, judged[best], others)


def _zones(sheet: Sheet) -> Iterator[mrz.Zone]:
    for _, zone in mrz.find(["".join(s.text for s in row) for row in sheet.rows]):
        yield zone


def _score(reasons: Sequence[Reason]) -> float:
    """Evidence for joins as independent chances; evidence against takes its share away."""
    doubt, against = 1.0, 1.0
    for reason in reasons:
        if reason.weight >= 0:
            doubt *= 1 - reason.weight
        else:
            against *= 1 + reason.weight
    return round((1 - doubt) * against, 3)


#: Each phrase that stands on the pages: how well it was read anywhere, and how strongly it stands as a title.
_Seen = Mapping[str, tuple[float, float]]


def _seen(forms: Mapping[str, Form], pages: Sequence[Sheet]) -> _Seen:
    phrases = {p for f in forms.values() for p in (*f.detect.titles, *f.detect.signs, *f.detect.unless)}
    found: dict[str, tuple[float, float]] = {}
    for index, page in enumerate(pages):
        for hit in sightings(phrases, page.segments):
            quality, title = found.get(hit.label, (0.0, 0.0))
            found[hit.label] = max(quality, hit.quality), max(title, _title(hit, page) if index == 0 else 0.0)
    return found


def _evidence(form: Form, seen: _Seen, zones: set[str]) -> Iterator[Reason]:
    title = max(((seen.get(label, (0.0, 0.0))[1], label) for label in form.detect.titles), default=(0.0, ""))
    if title[0]:
        yield Reason("title", title[1], title[0])
    for sign in form.detect.signs:
        quality = seen.get(sign, (0.0, 0.0))[0]
        if quality:
            yield Reason("sign", sign, round(_SIGN * quality, 3))
    for against in form.detect.unless:
        if against in seen:
            yield Reason("against", against, -0.6)
    for zone in form.detect.mrz:
        if any(found.startswith(zone) for found in zones):
            yield Reason("zone", zone, _ZONE)


def _title(hit: Hit, sheet: Sheet) -> float:
    """How strongly a title stands on the page: at the opening of a run high up counts most."""
    segment = hit.segment
    weight = _TITLE if hit.first and _high(segment, sheet) else _TITLE_LOW if hit.first else 0.2
    # A title that fills its run, or is written large, is more of a title than the start of a sentence.
    share = 1.0 if hit.tail else (hit.end - hit.start) / max(1, len(segment.text.strip()))
    weight += 0.1 * share + (0.06 if segment.height > 1.2 * sheet.height else 0.0)
    return round(min(0.95, weight * hit.quality + 0.002 * len(hit.label)), 3)


def _high(segment: Segment, sheet: Sheet) -> bool:
    top, bottom = sheet.rows[0][0].box.y1, sheet.rows[-1][0].box.y2
    return segment.box.y1 - top <= 0.45 * max(1.0, bottom - top)
