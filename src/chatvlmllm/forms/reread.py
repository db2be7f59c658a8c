"""A second look at the place of a value that failed a check.

Only the crop is read again, larger or by another engine: that is the caller's `look`. The new value replaces the old
one only if it makes the failed check pass; the old one stays as a candidate and the attempt is recorded either way.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from chatvlmllm.forms.form import Form
from chatvlmllm.forms.judge import judged
from chatvlmllm.forms.kinds import normalise
from chatvlmllm.forms.nouns import Candidate, Check, Extraction, Field, Group, Layer, Outcome, Reread, Source
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Reading

#: Reads a rectangle of a page (number from 1, page pixels) again.
Look = Callable[[int, Box], Reading]
#: A paper with this many doubtful places is not a matter of a few misread signs.
_MOST = 12
_MARGIN = 0.35


def again(form: Form, extraction: Extraction, look: Look) -> Extraction:
    """The extraction after rereading the places of failed checks."""
    done: set[tuple[str, str]] = set()
    for check, key in list(_doubtful(extraction)):
        if len(done) >= _MOST or (check.code, key) in done or _passes(extraction, check):
            continue
        done.add((check.code, key))
        extraction = _reread(form, extraction, check, key, look)
    return extraction


def _doubtful(extraction: Extraction) -> Iterator[tuple[Check, str]]:
    """Failed checks with the located fields they are about, the least confident first."""
    located = {one.key: one for one in extraction.every() if one.source is not None and one.source.box is not None}
    for check in extraction.checks:
        if check.outcome is Outcome.FAILED:
            known = [located[key] for key in check.fields if key in located]
            for one in sorted(known, key=lambda field: field.confidence or 0.0):
                yield check, one.key


def _passes(extraction: Extraction, check: Check) -> bool:
    return any(c.code == check.code and c.fields == check.fields and c.outcome is Outcome.OK for c in extraction.checks)


def _reread(form: Form, extraction: Extraction, check: Check, key: str, look: Look) -> Extraction:
    one = next(field for field in extraction.every() if field.key == key)
    assert one.source is not None
    assert one.source.box is not None
    box = _wider(one.source.box)
    text = look(one.source.page, box).text
    value = normalise(one.kind, text, form.language)
    trial = replace(one, value=value, raw=text)
    if value is None or value == one.value:
        outcome = "same" if value else "nothing"
        return _with(extraction, _noted(one, Reread(check.code, one.source.page, box, text, value, outcome)))
    tried = judged(form, _with(extraction, trial))
    helped = _passes(tried, check)
    note = Reread(check.code, one.source.page, box, text, value, "helped" if helped else "differs")
    if not helped:
        rival = Candidate(value, "reread", Source(Layer.REREAD, one.source.page, text, box))
        return _with(extraction, replace(_noted(one, note), candidates=(*one.candidates, rival)))
    kept = Candidate(one.value or "", "replaced", one.source)
    source = Source(Layer.REREAD, one.source.page, text, one.source.box, one.source.label)
    new = replace(_noted(trial, note), source=source, candidates=(*one.candidates, kept))
    return judged(form, _with(extraction, new))


def _noted(one: Field, note: Reread) -> Field:
    return replace(one, rereads=(*one.rereads, note))


def _wider(box: Box) -> Box:
    """The box with a margin, so that no edge of a letter is lost."""
    pad = _MARGIN * box.height
    return Box(max(0.0, box.x1 - pad), max(0.0, box.y1 - pad), box.x2 + pad, box.y2 + pad)


def _with(extraction: Extraction, new: Field) -> Extraction:
    """The extraction with one field exchanged."""
    return replace(
        extraction,
        fields=tuple(new if one.key == new.key else one for one in extraction.fields),
        groups=tuple(
            Group(g.key, tuple({k: new if c.key == new.key else c for k, c in row.items()} for row in g.rows))
            for g in extraction.groups
        ),
    )
