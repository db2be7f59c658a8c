"""Who is measured: our models through the real pipeline, and outside programs as their users call them.

A subject is named `MODEL`, `MODEL:TASK` (text by default), or by a program of `programs.toml`. Its version names
everything that its answers depend on, so that a stored answer is used again only while nothing changed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

import chatvlmllm
from chatvlmllm import models, weights
from chatvlmllm.errors import MissingProgram, UnknownModel
from chatvlmllm.exchange import Task
from chatvlmllm.prepare import recipe

if TYPE_CHECKING:
    from chatvlmllm.config import Settings
    from chatvlmllm.models.card import Model

#: Parts of the package that no reading depends on.
_BESIDE_THE_POINT = ("bench", "cli", "messages", "server", "ui", "client.py", "selftest", "samples")


@dataclass(frozen=True)
class Program:
    """An outside program as `programs.toml` has it."""

    key: str
    title: str
    command: tuple[str, ...]
    version: tuple[str, ...]
    install: str


@dataclass(frozen=True)
class Subject:
    """Something to be measured; exactly one of `model` and `program` is set."""

    key: str
    title: str
    version: str
    task: Task = Task.TEXT
    model: Model | None = None
    program: Program | None = None


@cache
def programs() -> Mapping[str, Program]:
    """Every outside program by its key."""
    text = resources.files(__package__).joinpath("programs.toml").read_text(encoding="utf-8")
    return {
        key: Program(key, one["title"], tuple(one["command"]), tuple(one["version"]), one["install"])
        for key, one in tomllib.loads(text).items()
    }


def find(name: str, settings: Settings) -> Subject:
    """The subject of a name; raises UnknownModel, TaskNotSupported, MissingProgram."""
    if name in programs():
        program = programs()[name]
        return Subject(name, program.title, _program_version(program), program=program)
    key, _, task = name.partition(":")
    if task and task not in set(Task):
        raise UnknownModel(model=name, near=", ".join(f"{key}:{one}" for one in Task))
    try:
        model = models.find(key)
    except UnknownModel as error:
        known = ", ".join((str(error.details.get("near", "")), *programs()))
        raise UnknownModel(**{**error.details, "near": known}) from error
    wanted = Task(task or Task.TEXT)
    recipe(model, wanted)
    return Subject(name, model.title, _model_version(model, settings), wanted, model=model)


def _program_version(program: Program) -> str:
    if shutil.which(program.version[0]) is None:
        raise MissingProgram(program=program.version[0], command=program.install)
    said = subprocess.run(program.version, capture_output=True, text=True, check=False)  # noqa: S603 our own table
    return (said.stdout or said.stderr).splitlines()[0].strip()


def _model_version(model: Model, settings: Settings) -> str:
    parts = [metadata.version("chatvlmllm"), source_digest()]
    if model.weights is not None:
        parts.append(_weights(weights.folder(model, settings)))
    return "+".join(parts)


def _weights(folder: Path) -> str:
    """What tells two checkpoints apart without reading gigabytes: names, sizes, and the contents of small files."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if file.is_file():
            size = file.stat().st_size
            digest.update(f"{file.relative_to(folder)} {size}".encode())
            digest.update(file.read_bytes() if size < 1_000_000 else file.open("rb").read(1_000_000))
    return digest.hexdigest()[:8]


@cache
def source_digest() -> str:
    """Eight digits for the code and data of this package that readings depend on."""
    root = Path(chatvlmllm.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        place = file.relative_to(root)
        if file.is_file() and place.parts[0] not in _BESIDE_THE_POINT and file.suffix != ".pyc":
            digest.update(place.as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:8]
