"""Proposals of all layers become one field each: the best wins, the others stay visible as candidates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chatvlmllm.forms import schema
from chatvlmllm.forms.checks import run
from chatvlmllm.forms.form import Column, FieldRule, Form
from chatvlmllm.forms.found import Found
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.nouns import Candidate, Field, Group, Layer, Outcome
from chatvlmllm.forms.sheet import Sheet

#: Proposals this near to the best count as equals for `pick`.
_EQUAL = 0.8
_FEW = 5


@dataclass(frozen=True)
class Witness:
    """Pages as another reader saw them, empty when none was asked; `own` are those that the rules worked on.

    For what a model says the page reader is the second reader.
    """

    sheets: Sequence[Sheet] = ()
    own: Sequence[Sheet] = ()


def fields(form: Form, found: Iterable[Found], witness: Witness) -> tuple[Field, ...]:
    """One field per rule of the form, absent ones too."""
    by_key: dict[str, list[Found]] = {}
    for one in found:
        by_key.setdefault(one.key, []).append(one)
    return tuple(_field(key, rule, by_key.get(key, []), witness) for key, rule in form.fields.items())


def groups(
    form: Form, layers: Sequence[Mapping[str, Sequence[Mapping[str, Found]]]], witness: Witness
) -> tuple[Group, ...]:
    """The rows of each group from the first layer that has any; rows of later layers at the same place are rivals."""
    return tuple(_group(key, form, [layer.get(key, ()) for layer in layers], witness) for key in form.groups)


def _group(key: str, form: Form, layers: Sequence[Sequence[Mapping[str, Found]]], witness: Witness) -> Group:
    first = next((rows for rows in layers if rows), ())
    rivals = [rows for rows in layers if rows and rows is not first and len(rows) == len(first)]
    rows = []
    for index, row in enumerate(first):
        cells: dict[str, Field] = {}
        for name, column in form.groups[key].columns.items():
            proposals = [row[name]] if name in row else []
            proposals += [other[index][name] for other in rivals if name in other[index]]
            cells[name] = _field(f"{key}[{index}].{name}", column, proposals, witness)
        rows.append(cells)
    return Group(key, tuple(rows))


def _field(key: str, rule: FieldRule | Column, found: Sequence[Found], witness: Witness) -> Field:
    real = [one for one in found if not one.reason]
    if not real:
        return Field(key=key, kind=rule.kind)
    ranked = sorted((_weighed(one, rule) for one in real), key=lambda one: -one.score)
    best = _picked(ranked, rule)
    supported, source = None, best.source
    if witness.sheets or source.layer is Layer.MODEL:
        supported, page, box = schema.ground(best, rule.kind, witness.sheets or witness.own)
        if supported and source.box is None:
            source = replace(source, page=page, box=box)
    return Field(
        key=key,
        kind=rule.kind,
        value=best.value,
        raw=source.text,
        source=source,
        confidence=best.confidence,
        layers=tuple(sorted({one.source.layer for one in ranked if one.value == best.value})),
        supported=supported,
        candidates=_rivals(best, [*ranked, *(one for one in found if one.reason)]),
    )


def _weighed(one: Found, rule: FieldRule | Column) -> Found:
    """A proposal whose check digit fails counts less than one that passes."""
    outcomes = {run(code, {"value": [one.value]}, (one.key,)).outcome for code in checks_of(rule)}
    factor = 0.7 if Outcome.FAILED in outcomes else 1.0
    return replace(one, score=one.score * factor)


def checks_of(rule: FieldRule | Column) -> tuple[str, ...]:
    """The checks of a single value: its kind's and its own."""
    return (*KINDS[rule.kind].checks, *rule.checks)


def _picked(ranked: Sequence[Found], rule: FieldRule | Column) -> Found:
    if isinstance(rule, Column) or rule.pick == "best":
        return ranked[0]
    equals = [one for one in ranked if one.score >= _EQUAL * ranked[0].score]
    ordered = sorted(equals, key=lambda one: one.place)
    return ordered[0] if rule.pick == "first" else ordered[-1]


def _rivals(best: Found, ranked: Sequence[Found]) -> tuple[Candidate, ...]:
    """Other values, each once: from another layer a conflict, from the same one another place."""
    kept: dict[str, Candidate] = {}
    for one in ranked:
        if one.value == best.value or one.value in kept:
            continue
        conflict = one.source.layer is not best.source.layer
        if one.reason:
            kept[one.value] = Candidate(one.value, one.reason, one.source)
        elif conflict or one.score >= 0.6 * best.score:
            kept[one.value] = Candidate(one.value, "conflict" if conflict else "other_place", one.source)
    return tuple(kept.values())[:_FEW]
