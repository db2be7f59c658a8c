"""Document types from YAML files: ours and the user's, each mistake named with its file, line and nearest right word."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from chatvlmllm.errors import FormInvalid, UnknownForm
from chatvlmllm.forms.checks import CHECKS
from chatvlmllm.forms.form import Column, FieldRule, Form
from chatvlmllm.forms.kinds import KINDS

_HERE = Path(__file__).parent
_TYPES = _HERE / "types"
_PARTS = _HERE / "parts.yaml"
_FORM = TypeAdapter(Form)
_PART = TypeAdapter(dict[str, FieldRule])

#: Where a node of a YAML file stands: the path of its keys → its line, from 1.
Lines = dict[tuple[str, ...], int]


def forms(folders: Sequence[Path] = ()) -> Mapping[str, Form]:
    """Every type by key: the built-in ones, then those of the user's folders, which may replace them."""
    known = dict(_builtin())
    for folder in folders:
        known.update(_folder(folder))
    return known


def find(key: str, folders: Sequence[Path] = ()) -> Form:
    """The type with this key or alias; raises UnknownForm that names near ones."""
    known = forms(folders)
    if key in known:
        return known[key]
    by_alias = {alias.casefold(): form for form in known.values() for alias in (*form.aliases, *form.title.values())}
    if key.casefold() in by_alias:
        return by_alias[key.casefold()]
    near = difflib.get_close_matches(key.casefold(), [*known, *by_alias], n=3, cutoff=0.4) or sorted(known)
    raise UnknownForm(form=key, near=", ".join(near))


@cache
def _builtin() -> dict[str, Form]:
    return _folder(_TYPES)


def _folder(folder: Path) -> dict[str, Form]:
    found: dict[str, Form] = {}
    for path in sorted(folder.glob("*.yaml")):
        form = load(path)
        found[form.key] = form
    return found


def load(path: Path) -> Form:
    """One file as a checked type; raises FormInvalid with the file, the line and what to write instead."""
    data, lines = _read(path)
    try:
        form = _FORM.validate_python(data)
    except ValidationError as error:
        raise _invalid(path, lines, error) from error
    form = _with_parts(form, path, lines)
    for place, word, allowed in _dangling(form):
        raise FormInvalid(path=path.name, line=_line(lines, place), problem=_unknown(word, allowed))
    return form


def _read(path: Path) -> tuple[dict[str, Any], Lines]:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise FormInvalid(path=path.name, line=0, problem=str(error)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise FormInvalid(path=path.name, line=mark.line + 1 if mark else 1, problem=problem) from error
    if not isinstance(data, dict):
        raise FormInvalid(path=path.name, line=1, problem="a mapping with the keys of a document type is expected")
    lines: Lines = {}
    _survey(node, (), lines)
    return data, lines


def _survey(node: Any, path: tuple[str, ...], lines: Lines) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, key.value)] = key.start_mark.line + 1
            _survey(value, (*path, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _survey(value, (*path, str(index)), lines)


def _line(lines: Lines, path: Sequence[str]) -> int:
    """The line of the deepest known node of `path`."""
    for end in range(len(path), -1, -1):
        if tuple(path[:end]) in lines:
            return lines[tuple(path[:end])]
    return 1


def _invalid(path: Path, lines: Lines, error: ValidationError) -> FormInvalid:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    problem = f"{'.'.join(place)}: {first['msg']}"
    if first["type"] == "unexpected_keyword_argument":
        problem = _unknown(place[-1], _allowed(place))
    return FormInvalid(path=path.name, line=_line(lines, place), problem=problem)


def _allowed(place: Sequence[str]) -> list[str]:
    """The keys that may stand where the unknown key at `place` stands."""
    from chatvlmllm.forms.form import CheckRule, Detect, GroupRule, Section

    shapes: dict[int, dict[str, type]] = {
        2: {"detect": Detect},
        3: {"fields": FieldRule, "sections": Section, "groups": GroupRule, "checks": CheckRule},
        5: {"groups": Column},
    }
    shape = shapes.get(len(place), {}).get(place[0], Form)
    return [name for name in shape.__dataclass_fields__ if not name.startswith("_")]


def _unknown(word: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f"unknown {word!r}; did you mean {near[0]!r}?" if near else f"unknown {word!r}; known: {', '.join(allowed)}"


def _with_parts(form: Form, path: Path, lines: Lines) -> Form:
    """The form with the usual fields of its parties added; a field of the same key in the file wins."""
    known = parts()
    added: dict[str, FieldRule] = {}
    for name, section in form.sections.items():
        for index, part in enumerate(section.parts):
            if part not in known:
                place = ("sections", name, "parts", str(index))
                raise FormInvalid(path=path.name, line=_line(lines, place), problem=_unknown(part, list(known)))
            rule = known[part]
            title = {tongue: f"{section.title[tongue]}: {rule.title[tongue]}" for tongue in section.title}
            labels = section.labels.get(part, rule.labels)
            added[f"{name}_{part}"] = replace(rule, title=title, section=name, labels=labels)
    return replace(form, fields={**form.fields, **{k: v for k, v in added.items() if k not in form.fields}})


@cache
def parts() -> Mapping[str, FieldRule]:
    """The usual fields of a party, by short key."""
    return _PART.validate_python(yaml.safe_load(_PARTS.read_text(encoding="utf-8")))


def _dangling(form: Form) -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    """Names in the file that lead nowhere: (place, word, what is allowed)."""
    for key, rule in form.fields.items():
        if rule.section and rule.section not in form.sections:
            yield ("fields", key, "section"), rule.section, list(form.sections)
    yield from _dangling_kinds(form)
    for index, phrase in enumerate(form.phrases):
        for key in re.findall(r"{(\w+)}", phrase):
            if key not in form.fields:
                yield ("phrases", str(index)), key, list(form.fields)
    columns = [f"{g}.{column}" for g, rule in form.groups.items() for column in rule.columns]
    for index, check in enumerate(form.checks):
        if check.check not in CHECKS:
            yield ("checks", str(index), "check"), check.check, list(CHECKS)
            continue
        for part, key in check.of.items():
            if part not in CHECKS[check.check].parts:
                yield ("checks", str(index), "of", part), part, list(CHECKS[check.check].parts)
            if key not in form.fields and key not in columns:
                yield ("checks", str(index), "of", part), key, [*form.fields, *columns]


def _dangling_kinds(form: Form) -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    rules: list[tuple[tuple[str, ...], FieldRule | Column]] = [(("fields", k), r) for k, r in form.fields.items()]
    for name, group in form.groups.items():
        rules += [(("groups", name, "columns", k), c) for k, c in group.columns.items()]
        for place, named in (("needs", group.needs), ("totals", tuple(group.totals)), ("above", (group.above,))):
            for word in named:
                if word and word not in group.columns:
                    yield ("groups", name, place), word, list(group.columns)
        for column, total in group.totals.items():
            if total not in form.fields:
                yield ("groups", name, "totals", column), total, list(form.fields)
    for place, rule in rules:
        if rule.kind not in KINDS:
            yield (*place, "kind"), rule.kind, list(KINDS)


def as_data(form: Form) -> dict[str, Any]:
    """The type as plain data, with the fields of its parties written out."""
    return asdict(form)
