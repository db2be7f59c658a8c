"""Document types from YAML files: each mistake is named with its file, line and nearest right word."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from chatvlmllm.errors import FormInvalid, UnknownForm
from chatvlmllm.forms.checks import CHECKS
from chatvlmllm.forms.form import Column, FieldRule, Form
from chatvlmllm.forms.kinds import KINDS

if TYPE_CHECKING:
    from pydantic import ValidationError

_HERE = Path(__file__).parent
_TYPES = _HERE / "types"
_PARTS = _HERE / "parts.yaml"

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
    from pydantic import TypeAdapter, ValidationError

    text, data = _read(path)
    try:
        form = TypeAdapter(Form).validate_python(data)
    except ValidationError as error:
        raise _invalid(path, _lines(text), error) from error
    form = _with_parts(form, path, text)
    for place, word, allowed in _dangling(form):
        raise FormInvalid(path=path.name, line=_line(_lines(text), place), problem=_unknown(word, allowed))
    return form


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        # The parser in C is an order of magnitude faster where PyYAML was built with it.
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, UnicodeDecodeError) as error:
        raise FormInvalid(path=path.name, line=0, problem=str(error)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise FormInvalid(path=path.name, line=mark.line + 1 if mark else 1, problem=problem) from error
    if not isinstance(data, dict):
        raise FormInvalid(path=path.name, line=1, problem="a mapping with the keys of a document type is expected")
    return text, data


def _lines(text: str) -> Lines:
    """Where every node stands; looked up only when there is a mistake to report."""
    lines: Lines = {}
    _survey(yaml.compose(text, Loader=yaml.SafeLoader), (), lines)
    return lines


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


def _invalid(path: Path, lines: Lines, error: "ValidationError") -> FormInvalid:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    problem = f"{'.'.join(place)}: {first['msg']}"
    if first["type"] == "unexpected_keyword_argument":
        problem = _unknown(place[-1], _allowed(place))
    return FormInvalid(path=path.name, line=_line(lines, place), problem=problem)


def _allowed(place: Sequence[str]) -> list[str]:
    """The keys that may stand where the unknown key at `place` stands."""
    from chatvlmllm.forms.form import CheckRule, Detect, GroupRule, Section

    shapes: dict[int, dict[str, Any]] = {
        2: {"detect": Detect},
        3: {"fields": FieldRule, "sections": Section, "groups": GroupRule, "checks": CheckRule},
        5: {"groups": Column},
    }
    shape: Any = shapes.get(len(place), {}).get(place[0], Form)
    return [name for name in shape.__dataclass_fields__ if not name.startswith("_")]


def _unknown(word: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f"unknown {word!r}; did you mean {near[0]!r}?" if near else f"unknown {word!r}; known: {', '.join(allowed)}"


def _with_parts(form: Form, path: Path, text: str) -> Form:
    """The form with the usual fields of its parties added; a field of the same key in the file wins."""
    known = parts()
    added: dict[str, FieldRule] = {}
    for name, section in form.sections.items():
        for index, part in enumerate(section.parts):
            if part not in known:
                place = ("sections", name, "parts", str(index))
                raise FormInvalid(path=path.name, line=_line(_lines(text), place), problem=_unknown(part, list(known)))
            rule = known[part]
            title = {tongue: f"{section.title[tongue]}: {rule.title[tongue]}" for tongue in section.title}
            labels = section.labels.get(part, rule.labels)
            added[f"{name}_{part}"] = replace(rule, title=title, section=name, labels=labels)
    return replace(form, fields={**form.fields, **{k: v for k, v in added.items() if k not in form.fields}})


@cache
def parts() -> Mapping[str, FieldRule]:
    """The usual fields of a party, by short key."""
    from pydantic import TypeAdapter

    return TypeAdapter(dict[str, FieldRule]).validate_python(yaml.safe_load(_PARTS.read_text(encoding="utf-8")))


#: A name in a file that leads nowhere: where it stands, the word, what is allowed there.
_Loose = tuple[tuple[str, ...], str, list[str]]


def _dangling(form: Form) -> Iterator[_Loose]:
    for key, rule in form.fields.items():
        if rule.section and rule.section not in form.sections:
            yield ("fields", key, "section"), rule.section, list(form.sections)
        yield from _loose_rule(("fields", key), rule)
    for name in form.groups:
        yield from _loose_group(form, name)
    for index, phrase in enumerate(form.phrases):
        for key in re.findall(r"{(\w+)}", phrase):
            if key not in form.fields:
                yield ("phrases", str(index)), key, list(form.fields)
    for index in range(len(form.checks)):
        yield from _loose_check(form, index)


def _loose_rule(place: tuple[str, ...], rule: FieldRule | Column) -> Iterator[_Loose]:
    if rule.kind not in KINDS:
        yield (*place, "kind"), rule.kind, list(KINDS)
    for index, code in enumerate(rule.checks):
        if code not in CHECKS:
            yield (*place, "checks", str(index)), code, list(CHECKS)


def _loose_group(form: Form, name: str) -> Iterator[_Loose]:
    group = form.groups[name]
    for key, column in group.columns.items():
        yield from _loose_rule(("groups", name, "columns", key), column)
    named = [("needs", word) for word in group.needs] + [("totals", word) for word in group.totals]
    named += [("above", group.above)] if group.above else []
    for part, word in named:
        if word not in group.columns:
            yield ("groups", name, part), word, list(group.columns)
    for column_key, total in group.totals.items():
        if total not in form.fields:
            yield ("groups", name, "totals", column_key), total, list(form.fields)


def _loose_check(form: Form, index: int) -> Iterator[_Loose]:
    check, place = form.checks[index], ("checks", str(index))
    if check.check not in CHECKS:
        yield (*place, "check"), check.check, list(CHECKS)
        return
    columns = [f"{name}.{column}" for name, group in form.groups.items() for column in group.columns]
    for part, key in check.of.items():
        if part not in CHECKS[check.check].parts:
            yield (*place, "of", part), part, list(CHECKS[check.check].parts)
        if key not in form.fields and key not in columns:
            yield (*place, "of", part), key, [*form.fields, *columns]


def as_data(form: Form) -> dict[str, Any]:
    """The type as plain data, with the fields of its parties written out."""
    return asdict(form)
