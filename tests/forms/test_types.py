"""Document types are data: the shipped ones are whole, a user's mistakes are named with line and remedy."""

from pathlib import Path

import jsonschema
import pytest
from pydantic import TypeAdapter

from chatvlmllm.bench import specimens
from chatvlmllm.errors import FormInvalid, UnknownForm
from chatvlmllm.forms import Extraction, extract, find, forms
from chatvlmllm.forms.checks import CHECKS
from chatvlmllm.forms.schema import result_schema, schema
from chatvlmllm.forms.sentences import catalogue
from tests.forms.papers import KINDS, typed

SMALL = """\
key: pass
title: {ru: Пропуск, en: Pass}
detect: {titles: [Пропуск]}
fields:
  number: {kind: code, title: {ru: номер, en: number}, labels: [Пропуск №]}
  until: {kind: date, title: {ru: до, en: until}, labels: [Действует до]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pass.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def test_every_type_that_is_promised_exists() -> None:
    """Each kind of specimen has its type under the same key."""
    assert set(KINDS) <= set(forms())


@pytest.mark.parametrize("key", KINDS)
def test_a_type_names_every_field_of_its_specimen(key: str) -> None:
    """Whatever the generator prints on a paper has a field or column here, under the same key."""
    form = find(key)
    columns = {f"{group}[].{name}" for group, rule in form.groups.items() for name in rule.columns}
    missing = set(specimens.module_of(key).FIELDS) - set(form.fields) - columns
    assert missing - {"items[].number"} == set()


@pytest.mark.parametrize("key", sorted(forms()))
def test_a_type_speaks_both_languages(key: str) -> None:
    """Titles of the type, its fields, groups and columns exist in Russian and English."""
    form = find(key)
    titles = [form.title, *(rule.title for rule in form.fields.values())]
    for group in form.groups.values():
        titles += [group.title, *(column.title for column in group.columns.values())]
    assert all(title.get("ru") and title.get("en") for title in titles)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_check_has_its_sentences(language: str) -> None:
    """Each check can say ok, failed and not applicable."""
    spoken = catalogue(language)["checks"]
    assert all(set(spoken[code]) == {"ok", "failed", "not_applicable"} for code in CHECKS)
    assert set(spoken) == set(CHECKS)


@pytest.mark.parametrize("key", sorted(forms()))
def test_schemas_are_valid(key: str) -> None:
    """Both JSON schemas of a type are schemas, and an empty answer fits the one for models."""
    form = find(key)
    for one in (schema(form), result_schema(form)):
        jsonschema.Draft202012Validator.check_schema(one)
    empty = {name: ([] if name in form.groups else None) for name in schema(form)["properties"]}
    jsonschema.validate(empty, schema(form))


def test_a_type_of_the_user_works_without_code(folder: Path) -> None:
    """A YAML file in a folder is detected and extracted like the shipped ones."""
    from chatvlmllm.forms import Aids

    found = extract([typed("ПРОПУСК № 17-А\n\nДействует до: 3 января 2027 г.")], "auto", Aids(folders=(folder,)))
    assert (found.form, found.value("number"), found.value("until")) == ("pass", "17-А", "2027-01-03")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("labels: [Пропуск №]", "lables: [Пропуск №]", 5, "labels"),
        ("kind: code", "kind: cod", 5, "code"),
        ("kind: date", "kind: 7", 6, "kind"),
        ("detect:", "detects:", 3, "detect"),
        ("key: pass", "key: [", 3, "expected"),
        ("fields:", "phrases: ['№ {nomer}']\nfields:", 4, "number"),
        ("fields:", "checks: [{check: inns, of: {value: number}}]\nfields:", 4, "inn"),
        ("fields:", "checks: [{check: inn, of: {value: numbre}}]\nfields:", 4, "number"),
    ],
)
def test_a_mistake_is_named_with_its_line(folder: Path, old: str, new: str, line: int, said: str) -> None:
    """A wrong key, kind, name or bracket is reported with file, line and the nearest right word."""
    (folder / "pass.yaml").write_text(SMALL.replace(old, new), encoding="utf-8")
    with pytest.raises(FormInvalid) as error:
        forms((folder,))
    assert error.value.details["path"] == "pass.yaml"
    assert error.value.details["line"] == line
    assert said in str(error.value.details["problem"])
    assert error.value.message("ru")


def test_an_unknown_type_names_near_ones() -> None:
    """A misspelt type is answered with the likely ones."""
    with pytest.raises(UnknownForm) as error:
        find("invoce")
    assert "invoice" in str(error.value)


def test_aliases_lead_to_the_type() -> None:
    """People may say УПД or счет."""
    assert find("УПД").key == "upd"
    assert find("счет").key == "invoice"


def test_an_extraction_has_a_json_schema() -> None:
    """The result is made of dataclasses that pydantic can describe and read back."""
    adapter = TypeAdapter(Extraction)
    found = extract([typed("Счет на оплату № 7 от 03.01.2024")], "invoice")
    assert adapter.validate_json(adapter.dump_json(found)) == found
    jsonschema.Draft202012Validator.check_schema(adapter.json_schema())
