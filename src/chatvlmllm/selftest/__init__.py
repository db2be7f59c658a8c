"""Does this installation work from end to end? Real commands, the real server, every installed model, injected faults.

Nothing is simulated: a check does what a user would do, through the command line or over HTTP, and looks at the result.
What cannot be tried here is `skipped` with its reason and counts neither way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.selftest import faults, health, installed, live, workflow
from chatvlmllm.selftest.check import Check, Group, Report, Shop
from chatvlmllm.selftest.grade import graded

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

__all__ = ["Check", "Group", "Report", "selftest"]

#: Called with every check as soon as it is done.
Watcher = Callable[[Check], None]


def selftest(settings: Settings, watch: Watcher, *, server: bool = True) -> Report:
    """Run every check; without `server` those over HTTP are left out."""
    found = []
    with tempfile.TemporaryDirectory(prefix="chatvlmllm-selftest-") as scrap:
        shop = Shop(settings, Path(scrap))
        for check in _checks(shop, server=server):
            watch(check)
            found.append(check)
    return graded(tuple(found))


def _checks(shop: Shop, *, server: bool) -> Iterator[Check]:
    yield from health.checks(shop)
    yield from workflow.checks(shop)
    if server:
        yield from live.checks(shop)
    yield from installed.checks(shop)
    yield from faults.checks(shop)
