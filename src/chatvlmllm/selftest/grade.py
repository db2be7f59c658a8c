"""From outcomes to scores."""

from __future__ import annotations

from collections.abc import Sequence

from chatvlmllm.run import environment, now
from chatvlmllm.selftest.check import Check, Group, Report

#: The one known result of the earlier system, 73.3 % with one of three models answering, is 0.4 · ⅓ + 0.6. How it
#: divided the 0.6 is not known; the halves are ours.
_MODELS, _HEALTH, _WORKFLOW = 0.4, 0.3, 0.3


def graded(checks: tuple[Check, ...]) -> Report:
    """The report of all checks."""
    health = share(checks, Group.HEALTH)
    workflow = share(checks, Group.COMMANDS, Group.SERVER)
    models = share(checks, Group.MODELS)
    simple = None
    if health is not None and workflow is not None:
        simple = _MODELS * (models or 0.0) + _HEALTH * health + _WORKFLOW * workflow
    strict = {group.value: share(checks, group, strict=True) for group in Group}
    known = {name: value for name, value in strict.items() if value is not None}
    return Report(checks, known, simple, min(known.values(), default=None), environment(), now())


def share(checks: Sequence[Check], *groups: Group, strict: bool = False) -> float | None:
    """Share of the tried checks of some groups that passed; None where none was tried."""
    tried = [check for check in checks if check.group in groups and check.outcome != "skipped"]
    passed = sum(check.outcome == "passed" and (check.strict or not strict) for check in tried)
    return passed / len(tried) if tried else None
