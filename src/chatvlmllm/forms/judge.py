"""All checks of an extraction: those of single values and the cross-checks that the form names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chatvlmllm.forms.checks import run
from chatvlmllm.forms.form import CheckRule, Form
from chatvlmllm.forms.merge import checks_of
from chatvlmllm.forms.nouns import Check, Extraction, Field, Group, Layer


def judged(form: Form, extraction: Extraction) -> Extraction:
    """The extraction with every check run and hung on the fields that it is about."""
    single = {one.key: _of_value(form, one) for one in extraction.every()}
    crossed = [_crossed(rule, extraction) for rule in form.checks]

    def of(one: Field) -> Field:
        about = [check for check in crossed if one.key in check.fields]
        return replace(one, checks=(*single[one.key], *about))

    everything = tuple(check for checks in single.values() for check in checks) + tuple(crossed)
    return replace(
        extraction,
        fields=tuple(of(one) for one in extraction.fields),
        groups=tuple(
            Group(group.key, tuple({key: of(cell) for key, cell in row.items()} for row in group.rows))
            for group in extraction.groups
        ),
        checks=everything,
    )


def _of_value(form: Form, one: Field) -> tuple[Check, ...]:
    if one.value is None:
        return ()
    checks = tuple(run(code, {"value": [one.value]}, (one.key,)) for code in checks_of(form.rule(one.key)))
    zone = _zone_agrees(one)
    return (*checks, zone) if zone is not None else checks


def _zone_agrees(one: Field) -> Check | None:
    """Whether the machine readable zone and the printed fields say the same; None when only one of them was read."""
    others = {candidate.source.layer: candidate.value for candidate in reversed(one.candidates)}
    layers = dict.fromkeys(one.layers, one.value) | {k: v for k, v in others.items() if k not in one.layers}
    printed = layers.get(Layer.LABEL, layers.get(Layer.PHRASE))
    if Layer.MRZ not in layers or printed is None:
        return None
    return run("same", {"first": [printed], "second": [layers[Layer.MRZ]]}, (one.key,))


def _crossed(rule: CheckRule, extraction: Extraction) -> Check:
    values: dict[str, Sequence[str | None]] = {}
    keys: list[str] = []
    columns = _columns(extraction)
    for part, key in rule.of.items():
        if key in columns:
            cells = columns[key]
            values[part] = [cell.value for cell in cells]
            keys += [cell.key for cell in cells]
        else:
            values[part] = [extraction.value(key)]
            keys.append(key)
    return run(rule.check, _even(values), keys)


def _columns(extraction: Extraction) -> Mapping[str, Sequence[Field]]:
    found: dict[str, list[Field]] = {}
    for group in extraction.groups:
        for row in group.rows:
            for key, cell in row.items():
                found.setdefault(f"{group.key}.{key}", []).append(cell)
    return found


def _even(values: Mapping[str, Sequence[str | None]]) -> Mapping[str, Sequence[str | None]]:
    """A single value beside columns, such as one tax rate for all rows, holds for every row."""
    longest = max((len(found) for found in values.values()), default=0)
    if longest < 2:
        return values
    widened = {"rate", "quantity", "price", "amount", "vat"}
    return {p: list(f) * longest if len(f) == 1 and p in widened else f for p, f in values.items()}
