"""What this machine has of what reading documents needs: probes, each with the command that mends it."""

import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatvlmllm.config import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One probe: what was found (None: nothing), whether reading needs it, and the command that mends it."""

    name: str
    found: str | None
    needed: bool = True
    mend: str = ""


def examine(settings: "Settings") -> Iterator[Finding]:
    """Probe this machine; nothing is changed and nothing heavy is imported."""
    from chatvlmllm import config
    from chatvlmllm.page import tessdata

    yield Finding("python", f"{platform.python_version()} ({platform.system()} {platform.machine()})")
    for needed in ("pypdfium2", "pillow", "onnxruntime", "opencv-python-headless"):
        yield _package(needed)
    # The embedded reader works without Tesseract; with it, it is quicker and other models have a witness.
    yield _package("tesserocr", needed=False)
    languages = tessdata.installed(settings)
    for name in settings.languages.split("+"):
        found, mend = "✓" if name in languages else None, tessdata.command_for([name])
        yield Finding(f"tessdata {name}", found, needed=False, mend=mend)
    path = config.config_path()
    yield Finding("config.yaml", str(path) if path else None, needed=False)
    yield Finding("data", str(settings.data), needed=False)
    yield _gpu()


def readable(findings: Iterable[Finding]) -> bool:
    """Whether documents can be read with what was found."""
    return all(finding.found is not None for finding in findings if finding.needed)


def _package(name: str, *, needed: bool = True) -> Finding:
    try:
        return Finding(name, metadata.version(name), needed=needed)
    except metadata.PackageNotFoundError:
        return Finding(name, None, needed=needed, mend=f"{sys.executable} -m pip install {name}")


def _gpu() -> Finding:
    return Finding("GPU (nvidia-smi)", shutil.which("nvidia-smi"), needed=False)
