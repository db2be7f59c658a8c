"""Isolated environments: a folder with its own interpreter and older libraries, for models that need them.

Made by `chatvlmllm models pull`; a worker then runs there and sees nothing of our own environment. Two models with
the same requirements share one. Does not cover other Python versions: the interpreter is a copy of ours.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.errors import DownloadFailed, MissingWeights, OfflineForbidden
from chatvlmllm.models.card import Model, Worker

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

#: Written last, so that an interrupted installation does not pass for a whole one.
_MARK = "chatvlmllm-requirements.txt"


def folder(requirements: Sequence[str], settings: "Settings") -> Path:
    """Where the environment with exactly these requirements lives."""
    name = hashlib.sha256("\n".join(sorted(requirements)).encode()).hexdigest()[:16]
    return settings.data / "environments" / name


def wanted(model: Model) -> Iterator[Sequence[str]]:
    """The requirements of every isolated environment that the model runs in."""
    for runtime in model.runtimes.values():
        if isinstance(runtime, Worker) and runtime.requirements:
            yield runtime.requirements


def interpreter(key: str, requirements: Sequence[str], settings: "Settings") -> Path:
    """The interpreter of a finished environment; raises MissingWeights that names the command to run."""
    home = folder(requirements, settings)
    if not (home / _MARK).is_file():
        raise MissingWeights(model=key, command=f"chatvlmllm models pull {key}")
    return _python(home)


def make(requirements: Sequence[str], settings: "Settings") -> Path:
    """Make the environment unless it is there; returns its interpreter. Raises OfflineForbidden, DownloadFailed."""
    home = folder(requirements, settings)
    if (home / _MARK).is_file():
        return _python(home)
    if settings.offline:
        raise OfflineForbidden(target=", ".join(requirements))
    shutil.rmtree(home, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(home)], requirements)
    _run([str(_python(home)), "-m", "pip", "install", "--disable-pip-version-check", *requirements], requirements)
    (home / _MARK).write_text("\n".join(requirements) + "\n", encoding="utf-8")
    return _python(home)


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _run(command: Sequence[str], requirements: Sequence[str]) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)  # noqa: S603 no shell, our words
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise DownloadFailed(target=", ".join(requirements), reason=lines[-1] if lines else str(done.returncode))
