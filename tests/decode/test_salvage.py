"""Tolerant JSON: equal to the strict reader where JSON is valid, and saving what it can elsewhere."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.decode.salvage import Bare, Json, objects, salvage

# Backspace and form feed are left out: before a letter they are taken for LaTeX (see the module).
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\b\f"), max_size=12)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), words)
trees: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=12
)
roots = st.lists(trees, max_size=4) | st.dictionaries(words, trees, max_size=4)


def as_numbers(value: Json) -> Any:
    """Salvaged values with their numbers evaluated as `json.loads` does."""
    if isinstance(value, Bare):
        return json.loads(value)
    if isinstance(value, list):
        return [as_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: as_numbers(item) for key, item in value.items()}
    return value


@given(value=roots, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_valid_json_is_read_as_the_strict_reader_does(value: Any, ascii_only: bool, indent: int | None) -> None:
    """What `json.dumps` wrote comes back equal, with nothing repaired, skipped or cut."""
    saved = salvage(json.dumps(value, ensure_ascii=ascii_only, indent=indent))
    assert [as_numbers(found) for found in saved.values] == [value]
    assert (saved.prose, saved.skipped, saved.repairs, saved.cut) == (0, 0, 0, False)


boxes = st.lists(st.integers(0, 99), min_size=4, max_size=4)
elements = st.fixed_dictionaries({"bbox": boxes, "text": words})


@given(rows=st.lists(elements, min_size=1, max_size=5), share=st.floats(0, 1))
def test_t25_a_cut_keeps_every_complete_object(rows: list[dict[str, Any]], share: float) -> None:
    """After a cut at any place, the complete objects are all there, and the open one begins as its original."""
    source = json.dumps(rows, ensure_ascii=False)
    cut = source[: round(share * len(source))]
    saved = salvage(cut)
    found = [as_numbers(item) for item in objects(saved.values)]
    complete = sum(len(json.dumps(rows[: n + 1], ensure_ascii=False)) - 1 <= len(cut) for n in range(len(rows)))
    assert found[:complete] == rows[:complete]
    assert len(found) <= complete + 1
    assert saved.cut == (0 < len(cut) < len(source))
    for rest in found[complete:]:
        original = rows[complete]
        assert original["text"].startswith(rest.get("text", "")) or "\\" in cut
        assert original["bbox"][: len(rest.get("bbox", []))] == rest.get("bbox", [])


@given(text=words.filter(lambda text: "\\" not in text), control=st.sampled_from("\n\r\t\x00\x1b\x0b"))
def test_t25_raw_control_characters_stay_in_strings(text: str, control: str) -> None:
    """A line break or any control character inside a string is kept as it is, not an error."""
    inside = (text + control + text).replace('"', "")
    assert salvage(f'[{{"text": "{inside}"}}]').values == ([{"text": inside}],)


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ('{"a": 1}{"b": 2}', ({"a": "1"}, {"b": "2"})),
        ('[{"a": 1} {"b": 2}\n{"c": 3}]', ([{"a": "1"}, {"b": "2"}, {"c": "3"}],)),
        ('[{"a": 1,}, ]', ([{"a": "1"}],)),
        ('[{"a": "x" "b": "y"}]', ([{"a": "x", "b": "y"}],)),
        ('[{"bbox": [1, 2, 3, "text": "три"}]', ([{"bbox": ["1", "2", "3"], "text": "три"}],)),
        ('[{"a": "x", {"a": "y"}]', ([{"a": "x"}, {"a": "y"}],)),
        ('[{"a": "не закрыта {"a": "y"}]', ([{"a": "не закрыта "}, {"a": "y"}],)),
        ("[{'a': 'it\\'s', 'b': \"O'Neil\"}]", ([{"a": "it's", "b": "O'Neil"}],)),
        ('{"a": "ООО "Ель", Тверь", "b": ""}', ({"a": 'ООО "Ель", Тверь', "b": ""},)),
        ('{a: 007, "b": 1.50}', ({"a": "007", "b": "1.50"},)),
        (r'{"a": "\alpha \frac \beta \u0416 \"\/"}', ({"a": r"\alpha \frac \beta" + ' Ж "/'},)),
        (r'{"a": "a \times b\nc\t1 \text{м}"}', ({"a": "a \\times b\nc\t1 \\text{м}"},)),
        (r'{"a": "\ud83d\ude00 \ud83d"}', ({"a": "😀 \\ud83d"},)),
        ('{"a": NaN, "b": Infinity, "c": None, "d": True}', ({"a": None, "b": None, "c": None, "d": True},)),
        ("Итого [см. ниже]", ()),
        ("", ()),
    ],
)  # fmt: skip
def test_broken_json_is_mended_in_one_way(raw: str, values: tuple[Json, ...]) -> None:
    """Each kind of damage that models are known for has one defined result."""
    assert salvage(raw).values == values


def test_a_number_at_the_cut_is_not_believed() -> None:
    """The digits before a cut may be the beginning of a longer number, so they are dropped."""
    saved = salvage('[{"bbox": [12, 34, 5')
    assert saved.values == ([{"bbox": ["12", "34"]}],)
    assert saved.cut


def test_t26_what_stands_around_json_does_not_hide_it() -> None:
    """Fences, prose before and a footer behind are set aside and counted; the data is found all the same."""
    saved = salvage('Ответ:\n```json\n[{"text": "Акт"}]\n```\n*обработано за 3 с*')
    assert saved.values == ([{"text": "Акт"}],)
    assert saved.prose == len("Ответ:" + "*обработаноза3с*")


def test_nesting_without_end_is_bounded() -> None:
    """A hundred thousand brackets neither exhaust the stack nor make a value as deep."""
    saved = salvage("[" * 100_000 + '{"text": "дно"}')
    assert list(objects(saved.values)) == []
    assert saved.cut
    assert salvage("[" * 40 + '{"text": "дно"}').values != ()


def test_nothing_is_evaluated() -> None:
    """Code in a reply is text or noise, never run."""
    saved = salvage('{"text": __import__("os").system("touch x"), "bbox": [1 + 1]}')
    assert [item.get("bbox") for item in objects(saved.values)] in ([["1", "1"]], [None])
