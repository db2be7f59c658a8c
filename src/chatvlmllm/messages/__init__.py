"""Sentences for people, in Russian and English: one TOML catalogue per language, looked up by dotted key.

Values are data: they are put into a sentence with control characters made visible, so that a hostile file name cannot
move the cursor of a terminal or forge a second message.
"""

import locale
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("ru", "en")


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every sentence of one language by its dotted key."""
    text = resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return dict(flatten(tomllib.loads(text)))


def flatten(tree: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """The sentences of a nested catalogue with their dotted keys."""
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += flatten(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, str(value)))
    return found


def render(key: str, language: str = "en", values: Mapping[str, object] | None = None) -> str:
    """The sentence `key` in `language` with `values` filled in; raises KeyError for an unknown key or value."""
    visible = {name: printable(value) for name, value in (values or {}).items()}
    return catalogue(language)[key].format_map(visible)


def printable(value: object) -> str:
    """`value` as text that cannot act on a terminal: control characters become their escapes.

    A foreign error's full stop goes, because the sentence around it has its own.
    """
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value).rstrip(".\n") if isinstance(value, Exception) else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def preferred(environ: Mapping[str, str] = os.environ) -> str:
    """The language that the user's environment asks for: `CHATVLMLLM_UI_LANG`, then the locale; else English."""
    named = environ.get("CHATVLMLLM_UI_LANG", "").lower()
    if named in LANGUAGES:
        return named
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(variable):
            return "ru" if environ[variable].lower().startswith("ru") else "en"
    return "ru" if (locale.getlocale()[0] or "").lower().startswith(("ru", "russian")) else "en"
