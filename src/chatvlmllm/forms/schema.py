"""The vision-language layer: a JSON schema to constrain a model's answer, and its answer as proposals.

The engine call itself is the ordinary pipeline's. A model gives text without places; `ground` looks for each value in
what another reader saw, and a value that is not there stays marked unsupported.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz

from chatvlmllm.forms.form import Column, FieldRule, Form
from chatvlmllm.forms.found import Found
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.labels import fold
from chatvlmllm.forms.nouns import Layer, Source
from chatvlmllm.forms.sheet import Sheet, Stream
from chatvlmllm.geometry import Box, union

#: Text counts as seen when this share of it is found on the page, 0…100; numbers and dates must be found whole.
_LIKE = 85.0


def schema(form: Form) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of an answer: every field as printed on the paper, or null."""
    properties: dict[str, Any] = {key: _text(rule) for key, rule in form.fields.items()}
    for key, group in form.groups.items():
        columns = {name: _text(column) for name, column in group.columns.items()}
        row = {"type": "object", "properties": columns, "required": list(columns), "additionalProperties": False}
        properties[key] = {"type": "array", "items": row}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": form.key,
        "description": form.title["en"],
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(rule: FieldRule | Column) -> dict[str, Any]:
    """Values are asked as printed: a model must not normalise what the paper does not say."""
    return {"type": ["string", "null"], "description": f"{rule.title['ru']} / {rule.title['en']}"}


def result_schema(form: Form) -> dict[str, Any]:
    """The JSON schema of the normalised values that extraction gives for this form."""
    found = schema(form)
    for key, rule in form.fields.items():
        found["properties"][key] = {**dict(KINDS[rule.kind].schema or {"type": "string"})}
    for key, group in form.groups.items():
        columns = found["properties"][key]["items"]["properties"]
        for name, column in group.columns.items():
            columns[name] = dict(KINDS[column.kind].schema or {"type": "string"})
    return found


def of_answer(form: Form, answer: str | Mapping[str, Any]) -> tuple[list[Found], Mapping[str, list[dict[str, Found]]]]:
    """Proposals from a model's answer; whatever does not fit the schema is left out, never guessed."""
    data = answer if isinstance(answer, Mapping) else parsed(answer)
    singles = [one for key, rule in form.fields.items() if (one := _found(key, rule, form, data.get(key)))]
    grouped: dict[str, list[dict[str, Found]]] = {}
    for key, group in form.groups.items():
        rows = data.get(key)
        grouped[key] = []
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            if isinstance(row, Mapping):
                cells = {
                    name: one
                    for name, column in group.columns.items()
                    if (one := _found(f"{key}[{index}].{name}", column, form, row.get(name)))
                }
                grouped[key].append(cells)
    return singles, grouped


def parsed(answer: str) -> Mapping[str, Any]:
    """The outermost JSON object of a text; empty when there is none."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        data = json.loads(answer[start : end + 1])
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _found(key: str, rule: FieldRule | Column, form: Form, text: object) -> Found | None:
    if not isinstance(text, str) or not text.strip():
        return None
    candidates = KINDS[rule.kind].find(text, form.language)
    if not candidates:
        return None
    return Found(key, candidates[0][2], Source(Layer.MODEL, 1, text), 0.7)


def ground(found: Found, kind: str, sheets: Sequence[Sheet]) -> tuple[bool, int, Box | None]:
    """Whether the value stands on a page that another reader read; where, in page pixels."""
    for sheet in sheets:
        for stream in _streams(sheet):
            place = _place(found, kind, stream)
            if place is not None:
                words = stream.at(*place)
                box = union([word.box for word in words]) if words and sheet.located else None
                return True, sheet.page, box
    return False, found.source.page, None


def _streams(sheet: Sheet) -> Iterator[Stream]:
    yield sheet.reading
    yield Stream(tuple(word for segment in sheet.segments for word in segment.words))


def _place(found: Found, kind: str, stream: Stream) -> tuple[int, int] | None:
    """The characters of a stream that say the value: the same normalised value, or for free text nearly the same."""
    if not KINDS[kind].free and kind not in {"person", "surname"}:
        for start, end, value in KINDS[kind].find(stream.text, "ru"):
            if value == found.value:
                return start, end
        return None
    wanted, text = fold(found.value), fold(stream.text)
    exact = text.find(wanted)
    if exact >= 0:
        return exact, exact + len(wanted)
    near = fuzz.partial_ratio_alignment(wanted, text, score_cutoff=_LIKE) if len(wanted) >= 6 else None
    return (near.dest_start, near.dest_end) if near is not None else None
