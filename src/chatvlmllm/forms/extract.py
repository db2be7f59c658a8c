"""From the readings of a paper to checked fields: the layers in order, merged, judged, reread where in doubt."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from chatvlmllm.forms import merge, mrz, phrases, rules, schema, tables, upright
from chatvlmllm.forms.detect import OTHER, detect
from chatvlmllm.forms.form import Form
from chatvlmllm.forms.found import Found
from chatvlmllm.forms.judge import judged
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.load import find, forms
from chatvlmllm.forms.nouns import Candidate, Detection, Extraction, Field, Layer, Source
from chatvlmllm.forms.paper import survey
from chatvlmllm.forms.reread import Look, again
from chatvlmllm.forms.sheet import Sheet, sheet
from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Reading

AUTO = "auto"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aids:
    """What may help beside the readings. `witness` is what another reader saw of the same pages.

    `answer` is a model's JSON answer to `schema.schema(form)`; `look` reads a doubtful place again; `folders` hold the
    user's own document types.
    """

    witness: Sequence[Reading] = ()
    answer: str | Mapping[str, Any] | None = None
    look: Look | None = None
    folders: Sequence[Path] = field(default_factory=tuple)


def extract(readings: Sequence[Reading], form: str | Form = AUTO, aids: Aids | None = None) -> Extraction:
    """The checked fields of a paper. `form` is a type, its key or alias, or `auto`.

    A paper of no known type gives an extraction of the form `other` without fields. Raises UnknownForm, FormInvalid.
    """
    aids = aids or Aids()
    turns = [upright.quarters(reading) for reading in readings]
    if not any(turns):
        return _extract(readings, form, aids)
    pages = {reading.page: (reading, times) for reading, times in zip(readings, turns, strict=True)}
    wanted = aids.look

    def look(number: int, box: Box) -> Reading:
        reading, times = pages[number]
        size = upright.level(reading, times).size
        assert wanted is not None
        return wanted(number, upright.turned(box, size, -times))

    witness = [upright.level(reading, upright.quarters(reading)) for reading in aids.witness]
    aids = replace(aids, witness=witness, look=look if wanted is not None else None)
    levelled = [upright.level(reading, times) for reading, times in zip(readings, turns, strict=True)]
    return upright.as_it_lies(_extract(levelled, form, aids), readings, turns)


def _extract(readings: Sequence[Reading], form: str | Form, aids: Aids) -> Extraction:
    sheets = [sheet(reading) for reading in readings]
    chosen, detection = _chosen(form, sheets, aids)
    if chosen is None:
        return Extraction(form=OTHER, detection=detection)
    witness = merge.Witness([sheet(reading) for reading in aids.witness], sheets)
    singles, grouped = _layers(chosen, sheets, aids)
    found = Extraction(
        form=chosen.key,
        detection=detection,
        fields=merge.fields(chosen, singles, witness),
        groups=merge.groups(chosen, grouped, witness),
    )
    found = judged(chosen, found)
    if aids.look is not None:
        found = again(chosen, found, aids.look)
    known = sum(one.value is not None for one in found.every())
    _log.debug("form %s: %d values, outcome %s", found.form, known, found.outcome)
    return found


def _chosen(form: str | Form, sheets: Sequence[Sheet], aids: Aids) -> tuple[Form | None, Detection]:
    if isinstance(form, Form):
        return form, Detection(form.key, 1.0)
    if form != AUTO:
        asked = find(form, aids.folders)
        return asked, Detection(asked.key, 1.0)
    known = forms(aids.folders)
    detection = detect(known, sheets)
    return known.get(detection.form), detection


def _layers(
    form: Form, sheets: Sequence[Sheet], aids: Aids
) -> tuple[list[Found], list[Mapping[str, Sequence[Mapping[str, Found]]]]]:
    """Proposals for single fields from every layer, and the rows of groups layer by layer."""
    paper = survey(form, sheets)
    singles = [*phrases.by_phrases(paper), *rules.by_labels(paper), *_zone_values(form, sheets)]
    rows, totals = tables.groups(form, sheets)
    singles += totals
    grouped: list[Mapping[str, Sequence[Mapping[str, Found]]]] = [rows]
    if aids.answer is not None:
        told, told_rows = schema.of_answer(form, aids.answer)
        singles += told
        grouped.append(told_rows)
    return singles, grouped


def _zone_values(form: Form, sheets: Sequence[Sheet]) -> Iterator[Found]:
    """Values of the machine readable zone for the fields that name a part of it."""
    wanted = {key: rule.mrz for key, rule in form.fields.items() if rule.mrz}
    if not wanted:
        return
    for page in sheets:
        rows = list(page.rows)
        for index, zone in mrz.find(["".join(s.text for s in row) for row in rows]):
            words = [w for row in rows[index : index + len(zone.lines)] for s in row for w in s.words]
            box = union([word.box for word in words]) if page.located else None
            for key, name in wanted.items():
                value = _zone_value(zone, name, form.fields[key].kind)
                if value is None:
                    continue
                text = "\n".join(zone.lines) if name == "lines" else zone.parts[name].text
                source = Source(Layer.MRZ, page.page, text, box, name)
                yield Found(key, value, source, _trust(zone, name))
                for other in () if name == "lines" else zone.parts[name].candidates:
                    yield Found(key, other, source, 0.0, reason="check_digit")


def _trust(zone: mrz.Zone, name: str) -> float:
    """A part guarded by a right check digit outweighs everything else; a wrong one is worth little."""
    if name == "lines":
        return 1.0
    valid = zone.parts[name].valid
    if valid is None:
        return 0.95 if zone.composite else 0.5
    return 1.3 if valid else 0.3


def _zone_value(zone: mrz.Zone, name: str, kind: str) -> str | None:
    if name == "lines":
        return "\n".join(zone.mended)
    if name not in zone.parts:
        return None
    text = zone.parts[name].text
    if KINDS[kind].key in {"date", "birth_date"}:
        return mrz.iso(text, future="expiry" in name, this_year=date.today().year)  # noqa: DTZ011
    return text or None


__all__ = ["AUTO", "Aids", "Candidate", "Field", "extract"]
