"""Is the machine ready? What `chatvlmllm doctor` says, finding by finding, and what writing and memory are like."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial

from chatvlmllm.engines import gpu
from chatvlmllm.selftest.check import Check, Group, NotPossible, Shop, attempt, want

_ROOM = 500_000_000


def checks(shop: Shop) -> Iterator[Check]:
    """Every finding of the doctor that reading needs, the data folder, the GPU."""
    done = shop.run("doctor", "--json")
    for finding in json.loads(done.stdout or "[]"):
        if finding["needed"]:
            found, mend = finding["found"], finding["mend"]
            yield attempt(Group.HEALTH, "finding", partial(_found, found, mend), finding["name"])
    yield attempt(Group.HEALTH, "doctor", lambda: _ended(done.returncode))
    yield attempt(Group.HEALTH, "data_folder", lambda: _writable(shop))
    yield attempt(Group.HEALTH, "gpu", _gpu)


def _found(found: str | None, mend: str) -> str:
    want(found, mend or "missing")
    return str(found)


def _ended(code: int) -> str:
    want(code == 0, f"exit code {code}")
    return "0"


def _writable(shop: Shop) -> str:
    folder = shop.settings.data
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".selftest"
    probe.write_bytes(b"1")
    probe.unlink()
    free = shutil.disk_usage(folder).free
    want(free > _ROOM, f"{free >> 20} MiB free in {folder}")
    return f"{folder}: {free >> 30} GiB free"


def _gpu() -> str:
    cards = gpu.gpus()
    if not cards:
        raise NotPossible("no NVIDIA GPU answers")
    return ", ".join(f"{card.name}, {card.free >> 20} of {card.total >> 20} MiB free" for card in cards)
