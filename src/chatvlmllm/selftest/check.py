"""A check and its outcome, and the shop floor that all checks share: settings, scratch folder, the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from chatvlmllm.errors import ChatVLMLLMError

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

Outcome = Literal["passed", "failed", "skipped"]


class Group(StrEnum):
    """What a check is about."""

    HEALTH = "health"
    COMMANDS = "commands"
    SERVER = "server"
    MODELS = "models"
    FAULTS = "faults"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. `name` is a stable word, `detail` what was seen, `about` the model or library if any.

    `strict` is False where the thing works but not well: a model that answers with the wrong text.
    """

    group: Group
    name: str
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0
    about: str = ""
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """All checks with two scores from 0 to 1, None where nothing of a group could be tried.

    `simple` is 0.4 · models that answer + 0.3 · health + 0.3 · workflow, after the system before this one as far as
    its score is known (`docs/evaluate.md`).
    `strict` is the share of the worst group, in which a model only counts if its text is right.
    """

    checks: tuple[Check, ...]
    shares: Mapping[str, float]
    simple: float | None
    strict: float | None
    environment: Mapping[str, str] = field(default_factory=dict)
    at: str = ""

    @property
    def passed(self) -> bool:
        return all(check.outcome != "failed" for check in self.checks)


class NotPassed(Exception):
    """A check saw something else than it wanted."""


class NotPossible(Exception):
    """A check cannot be tried on this machine."""


#: What a check does: it returns what it saw, or raises.
Try = Callable[[], str]


def attempt(group: Group, name: str, do: Try, about: str = "") -> Check:
    """Do it and say how it went."""
    started = time.perf_counter()
    outcome: Outcome = "passed"
    try:
        detail = do()
    except NotPossible as reason:
        outcome, detail = "skipped", str(reason)
    except NotPassed as reason:
        outcome, detail = "failed", str(reason)
    except ChatVLMLLMError as error:
        outcome, detail = "failed", f"{error.code}: {error}"
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
        outcome, detail = "failed", f"{type(error).__name__}: {error}"
    return Check(group, name, outcome, detail, time.perf_counter() - started, about)


def want(holds: object, detail: str) -> None:
    """Raise NotPassed unless it holds."""
    if not holds:
        raise NotPassed(detail)


@dataclass(frozen=True)
class Shop:
    """Settings of the user, and a scratch folder for what checks write."""

    settings: Settings
    scrap: Path

    @cached_property
    def sample(self) -> Path:
        """The scan that comes with the package, as a file of its own."""
        path = self.scrap / "sample.png"
        path.write_bytes(resources.files("chatvlmllm.samples").joinpath("sample.png").read_bytes())
        return path

    @cached_property
    def truth(self) -> str:
        """What the sample says."""
        return resources.files("chatvlmllm.samples").joinpath("sample.gt.txt").read_text(encoding="utf-8")

    def command(self, *arguments: object) -> list[str]:
        """The command line that runs this very installation."""
        return [sys.executable, "-m", "chatvlmllm", "--ui-lang", "en", *map(str, arguments)]

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the user; results in UTF-8 on any machine."""
        return {**os.environ, "PYTHONIOENCODING": "utf-8"}

    def run(self, *arguments: object, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """Call the command line and wait for its end."""
        return subprocess.run(  # noqa: S603 our own command
            self.command(*arguments), capture_output=True, env=self.environ, encoding="utf-8", errors="replace",
            timeout=seconds, check=False,
        )  # fmt: skip

    def good(self, *arguments: object) -> str:
        """What a call prints that has to end well; raises NotPassed with its last words."""
        done = self.run(*arguments)
        want(done.returncode == 0, f"exit code {done.returncode}: {last(done.stderr)}")
        return done.stdout


def last(text: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
