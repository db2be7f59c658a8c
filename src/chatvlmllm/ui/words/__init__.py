"""Every sentence of the workbench, by language: `ru.toml` and `en.toml` beside this file, looked up by dotted key."""

import tomllib
from functools import cache
from importlib import resources

from chatvlmllm.messages import LANGUAGES, flatten

__all__ = ["LANGUAGES", "catalogue", "language", "plural", "say"]


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every sentence of one language by its dotted key."""
    text = resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return dict(flatten(tomllib.loads(text)))


def language() -> str:
    """The language of this browser's session; Russian until another one is chosen."""
    import streamlit as st

    return str(st.session_state.get("language", "ru"))


def say(key: str, **values: object) -> str:
    """A sentence in the session's language with `values` filled in as they are; raises KeyError."""
    return catalogue(language())[key].format_map(values)


def plural(key: str, count: int) -> str:
    """A counted noun: the sentence `key.one`, `key.few` or `key.many` with `count` filled in."""
    form = "one" if count == 1 else "many"
    if language() == "ru":
        tens, ones = count % 100, count % 10
        form = "many" if 11 <= tens <= 14 or ones in (0, 5, 6, 7, 8, 9) else "one" if ones == 1 else "few"
    return say(f"{key}.{form}", count=count)
