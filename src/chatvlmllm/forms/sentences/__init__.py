"""Sentences about fields and checks, one TOML catalogue per language, looked up by dotted key."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from chatvlmllm.messages import printable


@cache
def catalogue(language: str) -> Mapping[str, Mapping[str, Mapping[str, str] | str]]:
    """The sentences of one language, by section and code."""
    text = resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def render(key: str, language: str, values: Mapping[str, object]) -> str:
    """The sentence `key` with `values` filled in; raises KeyError for an unknown key or value."""
    found: object = catalogue(language)
    for part in key.split("."):
        assert isinstance(found, Mapping)
        found = found[part]
    return str(found).format_map({name: printable(value) for name, value in values.items()})
