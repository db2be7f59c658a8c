"""The folder listing is the architecture: imports point down, heavy libraries stay in quarantine."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatvlmllm
from chatvlmllm.errors import ChatVLMLLMError

SOURCE = Path(chatvlmllm.__file__).parent

#: Lowest layer first; a module may import its own layer and those before it.
LAYERS = (
    ("messages",),
    ("errors", "geometry", "config"),
    ("exchange", "reading", "document"),
    ("decode", "page"),
    ("trust",),
    ("models",),
    ("prepare", "run", "weights", "forms"),
    ("export",),
    ("corrections",),
    ("engines",),
    ("routing", "drafts", "ladder", "hearing", "asking", "pipeline", "store"),
    ("batch", "bench", "verify", "fields", "questions", "findings"),
    ("server", "client"),
    ("selftest",),
    ("ui",),
    ("cli",),
)

#: Which part of the package may import a heavy or exchangeable library.
QUARANTINE = {
    "torch": ("models/", "engines/generation.py", "engines/worker_main.py"),
    "transformers": ("models/", "engines/generation.py"),
    "huggingface_hub": ("weights.py",),
    "httptools": ("engines/line.py",),
    "httpx": ("engines/", "client.py", "server/fetch.py"),
    "fastapi": ("server/",),
    "starlette": ("server/",),
    "uvicorn": ("server/run.py",),
    "orjson": ("server/",),
    "mcp": ("server/mcp.py",),
    "prometheus_client": ("server/metrics.py",),
    "docker": ("engines/container.py",),
    "pynvml": ("engines/gpu.py",),
    "markdown_it": ("decode/markdown.py", "ui/safe.py", "bench/metrics/formatting.py"),
    "mdit_py_plugins": ("ui/formulas.py",),
    "weasyprint": ("bench/specimens/",),
    "jinja2": ("bench/specimens/", "bench/report/"),
    "tesserocr": ("page/tesseract.py", "page/tesseract_lines.py"),
    "cv2": ("page/",),
    "onnxruntime": ("page/",),
    "pypdfium2": ("document/pdf.py", "bench/"),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "pydantic": ("config.py", "run.py", "forms/load.py", "server/", "bench/store.py"),
    "xlsxwriter": ("export/fields.py", "export/workbook.py"),
    "docx": ("export/docx.py",),
    "pikepdf": ("export/",),
    "fontTools": ("export/",),
    "pyarrow": ("batch/manifest.py",),
    "fsspec": ("batch/remote.py",),
    "ray": ("batch/ray.py",),
    "plotly": ("bench/report/",),
    "psutil": ("bench/footprint.py", "selftest/faults.py"),
    "pydantic_settings": ("config.py",),
    "sqlalchemy": ("store/",),
    "streamlit": ("ui/",),
    "alembic": ("store/",),
}

FILES = sorted(SOURCE.rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported when or after the file is; those for type checkers only do not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "chatvlmllm")
        else:
            yield from _imports(node)


def _layer(part: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if part in names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_down(file: Path) -> None:
    """No module imports a layer above its own."""
    part = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    if part in ("__init__", "__main__"):
        return
    for name in _imports(ast.parse(file.read_text(encoding="utf-8"))):
        pieces = name.split(".")
        if pieces[0] == "chatvlmllm" and len(pieces) > 1:
            assert _layer(pieces[1]) <= _layer(part), f"{part} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_libraries_stay_in_quarantine(file: Path) -> None:
    """A quarantined library is imported where it belongs and nowhere else."""
    place = file.relative_to(SOURCE).as_posix()
    for name in _imports(ast.parse(file.read_text(encoding="utf-8"))):
        for allowed in (QUARANTINE.get(name.split(".")[0]),):
            assert allowed is None or place.startswith(allowed), f"{place} imports {name}"


def test_importing_the_package_loads_nothing() -> None:
    """`import chatvlmllm` and the catalogue start no library that reads, serves or learns."""
    heavy = {"torch", "transformers", "streamlit", "fastapi", "httpx", "onnxruntime", "cv2", "PIL", "pydantic", "typer"}
    code = "import sys, chatvlmllm; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert heavy.isdisjoint(loaded)


def test_public_names_are_sorted_and_exist() -> None:
    """`__all__` is sorted and every name in it can be had."""
    assert list(chatvlmllm.__all__) == sorted(chatvlmllm.__all__)
    for name in chatvlmllm.__all__:
        assert getattr(chatvlmllm, name).__name__ == name


def test_files_stay_readable() -> None:
    """A module near 300 lines is a noun missing; 400 is the end."""
    assert {str(file): n for file in FILES if (n := len(file.read_text().splitlines())) > 400} == {}


def test_both_languages_say_the_same_things() -> None:
    """The Russian and the English catalogue have the same keys and name the same values."""
    import string

    spoken = {
        language: tomllib.loads((SOURCE / "messages" / f"{language}.toml").read_text(encoding="utf-8"))
        for language in ("ru", "en")
    }

    def shape(tree: dict, prefix: str = "") -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, value in tree.items():
            if isinstance(value, dict):
                found |= shape(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = {name for _, name, *_ in string.Formatter().parse(value) if name}
        return found

    assert shape(spoken["ru"]) == shape(spoken["en"])


def test_every_notice_has_its_sentence() -> None:
    """Whatever a decoder may say about a reply is in the catalogues."""
    from typing import get_args

    from chatvlmllm import messages
    from chatvlmllm.decode.tally import Code

    assert {f"notices.{code}" for code in get_args(Code)} <= set(messages.catalogue("ru"))


def test_no_model_is_named_outside_its_home() -> None:
    """Nothing but a model's own file, its reader and the routing table knows a model by name."""
    from chatvlmllm.models import catalogue

    engines = {name for model in catalogue().values() for name in model.runtimes}
    allowed = ("models/", "page/", "routing.py", "cli/models.py", "messages/")
    for file in FILES:
        place = file.relative_to(SOURCE).as_posix()
        if not place.startswith(allowed):
            strings = {n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant)}
            assert strings.isdisjoint(set(catalogue()) - engines), place


def test_t20_no_answer_is_written_into_the_program() -> None:
    """No code on a reading's way holds Russian text that could stand in for one."""
    # Cards describe models, forms know the labels of papers, the laboratory draws specimens; an alphabet is no text.
    elsewhere = ("models/", "forms/", "bench/", "page/alphabet.py")
    for file in [file for file in FILES if not file.relative_to(SOURCE).as_posix().startswith(elsewhere)]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        documented = {id(d) for n in ast.walk(tree) if (d := _docstring(n)) is not None}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                assert not re.search("[а-яё]{4}", node.value, re.IGNORECASE), f"{file.name}:{node.lineno}"


def _docstring(node: ast.AST) -> ast.Constant | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    return first.value if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else None


def test_t59_ci_hides_no_failure() -> None:
    """Continuous integration stops at the first failing command and forgives none."""
    script = (SOURCE.parents[1] / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert "||" not in script
    assert "make test\n" in script


def test_every_error_can_happen() -> None:
    """No leaf of the error tree is dead: some module names it."""
    used = {
        node.id
        for file in FILES
        if file.parent.name != "errors"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    }
    assert sorted(_leaves(ChatVLMLLMError) - used) == []


def _leaves(error: type) -> set[str]:
    below = error.__subclasses__()
    return set().union(*map(_leaves, below)) if below else {error.__name__}
