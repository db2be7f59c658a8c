"""Pages that are made by programs: `python -m tests.docs` writes them, a test compares them."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from chatvlmllm import errors, messages, models
from chatvlmllm.models import describe
from tests.conftest import SAMPLES
from tests.core import bad_inputs, example_config

ROOT = Path(__file__).parents[1]


def errors_page() -> str:
    """docs/errors.md: the tree's leaves with their sentences."""
    lines = [
        "# Errors",
        "",
        "Every error has a stable code, an HTTP status and a process exit code. This page is made by `make docs`.",
        "",
        "| code | HTTP | exit | what happened | what to do |",
        "|---|---|---|---|---|",
    ]
    spoken = messages.catalogue("en")
    for leaf in sorted(errors.leaves(), key=lambda leaf: (leaf.exit_code, leaf.code)):
        what, hint = (spoken[f"errors.{leaf.code}.{part}"].replace("|", r"\|") for part in ("what", "hint"))
        lines.append(f"| `{leaf.code}` | {leaf.status} | {leaf.exit_code} | {what} | {hint} |")
    return "\n".join(lines) + "\n"


def api_page() -> str:
    """docs/api.md: every path of the server, from its own description."""
    from chatvlmllm.config import Settings
    from chatvlmllm.server.app import create_app

    lines = [
        "# HTTP API",
        "",
        "Every path of the server, made by `make docs` from its own description (`/openapi.json`, with the schemas).",
        "How to use it: [server.md](server.md).",
        "",
        "| method | path | what it does |",
        "|---|---|---|",
    ]
    for path, methods in sorted(create_app(Settings()).openapi()["paths"].items()):
        for method, operation in methods.items():
            said = " ".join(operation["description"].split("\n\n")[0].split()).replace("|", r"\|")
            lines.append(f"| {method.upper()} | `{path}` | {said} |")
    return "\n".join(lines) + "\n"


def models_table(language: str) -> str:
    """The catalogue as a Markdown table."""
    head = {"en": "| key | model | what it is | licence |", "ru": "| ключ | модель | что это | лицензия |"}[language]
    rows = [f"| `{m.key}` | {m.title} | {m.summary[language]} | {m.licence} |" for m in models.catalogue().values()]
    return "\n".join([head, "|---|---|---|---|", *rows])


def sample_output() -> str:
    """What the command prints for the shipped sample."""
    command = [sys.executable, "-m", "chatvlmllm", "recognize", str(SAMPLES / "sample.png")]
    said = subprocess.run(command, capture_output=True, check=True).stdout.decode().strip()
    return f"```text\n{said}\n```"


def readme(name: str, language: str) -> str:
    """The README with its made parts made anew."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for part, content in (("sample", sample_output()), ("models", models_table(language))):
        made = f"<!-- {part} -->\n{content}\n<!-- /{part} -->"
        text = re.sub(f"<!-- {part} -->.*?<!-- /{part} -->", lambda _, made=made: made, text, flags=re.DOTALL)
    return text


PAGES: dict[str, Callable[[], str]] = {
    "README.md": lambda: readme("README.md", "en"),
    "README.ru.md": lambda: readme("README.ru.md", "ru"),
    "config.example.yaml": example_config.example,
    "docs/api.md": api_page,
    "docs/bad-inputs.md": bad_inputs.table,
    "docs/errors.md": errors_page,
    "docs/models.md": lambda: describe.page(list(models.catalogue().values())),
}


if __name__ == "__main__":
    for page, make in PAGES.items():
        (ROOT / page).write_text(make(), encoding="utf-8")
