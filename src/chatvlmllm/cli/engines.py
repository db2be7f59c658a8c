"""`chatvlmllm models status|load|unload|logs` and `chatvlmllm gpu`.

A model lives as long as the process that loaded it. Another command sees its state in the data folder and may ask
for it to be unloaded there; nothing here ends a process of somebody else.
"""

import json as library
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm import messages
from chatvlmllm.cli.speech import LANGUAGE, console, say

if TYPE_CHECKING:
    from pathlib import Path

    from chatvlmllm.engines.state import Status

#: How long another process is given to unload a model, in seconds.
_PATIENCE = 60.0

_Json = Annotated[bool, typer.Option("--json")]


def status(json: _Json = False) -> None:
    """One line per model that the owner of the accelerator has asked for."""
    from chatvlmllm.engines.steward import published

    folder, pid = _owner()
    statuses = published(folder) if pid is not None else []
    if json:
        typer.echo(library.dumps({"pid": pid, "models": [asdict(one) for one in statuses]}, ensure_ascii=False))
        return
    if pid is None:
        typer.echo(say("models.nobody"))
    for one in statuses:
        typer.echo(_line(one))


def _owner() -> "tuple[Path, int | None]":
    """The folder of engines, and the process that owns the accelerator, if one lives."""
    from chatvlmllm import config
    from chatvlmllm.engines.ownership import Ownership, alive

    folder = config.load().data / "engines"
    owner = Ownership(folder).owner()
    return folder, owner.pid if owner is not None and alive(owner.pid, owner.born) else None


def _line(one: "Status") -> str:
    state = messages.render(f"states.{one.state}", LANGUAGE)
    since = time.strftime("%H:%M:%S", time.localtime(one.since))
    return f"{one.model:<16} {state:<14} {since}  {one.engine:<12} {one.device:<8} {_worded(one.reason)}".rstrip()


def _worded(reason: str) -> str:
    """A stable word as a sentence; anything else is one already."""
    key = f"reasons.{reason}"
    return messages.render(key, LANGUAGE) if key in messages.catalogue(LANGUAGE) else messages.printable(reason)


def load(key: Annotated[str, typer.Argument()]) -> None:
    """Start a model and keep it until Ctrl-C or `unload`; its states are told as they happen."""
    from chatvlmllm import config
    from chatvlmllm.engines.host import Host
    from chatvlmllm.engines.state import State
    from chatvlmllm.models import find

    with Host(config.load()) as host:
        host.watch(lambda one: console().print(_line(one), markup=False))
        host.load(find(key))
        console().print(say("models.loaded", model=key), markup=False)
        while any(one.model == key and one.state not in (State.ABSENT, State.FAILED) for one in host.status()):
            time.sleep(0.5)


def unload(key: Annotated[str, typer.Argument()]) -> None:
    """Ask the process that has the model to end it, and wait until it did."""
    from chatvlmllm.engines.steward import published
    from chatvlmllm.models import find

    find(key)
    folder, pid = _owner()
    if pid is None or not any(one.model == key and one.state in ("ready", "sleeping") for one in published(folder)):
        console().print(say("models.not_loaded", model=key), markup=False)
        raise typer.Exit(1)
    asked = folder / f"unload-{key}"
    asked.touch()
    until = time.monotonic() + _PATIENCE
    while asked.exists() and _owner()[1] == pid:
        if time.monotonic() > until:
            asked.unlink(missing_ok=True)
            console().print(say("models.busy", model=key, pid=pid), markup=False)
            raise typer.Exit(1)
        time.sleep(0.2)
    asked.unlink(missing_ok=True)
    console().print(say("models.unloaded", model=key), markup=False)


def logs(key: Annotated[str, typer.Argument()]) -> None:
    """The last lines that the model's engine wrote."""
    from chatvlmllm import config
    from chatvlmllm.models import find

    path = config.load().data / "engines" / f"{find(key).key}.log"
    if not path.exists():
        console().print(say("models.no_log", model=key), markup=False)
        raise typer.Exit(1)
    for line in path.read_text(encoding="utf-8").splitlines():
        typer.echo(messages.printable(line))


def gpu(json: _Json = False) -> None:
    """Every GPU with its memory as the driver counts it."""
    from chatvlmllm.engines import gpu as nvml

    found = nvml.gpus()
    if json:
        typer.echo(library.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    if not found:
        typer.echo(say("gpu.unknown" if nvml.available() is None else "gpu.none"))
    for one in found:
        busy = say("gpu.unmeasured") if one.busy is None else f"{one.busy} %"
        typer.echo(
            say("gpu.line", index=one.index, name=one.name, used=_gb(one.used), total=_gb(one.total), busy=busy)
            + f"  ({one.driver})"
        )


def _gb(amount: int) -> str:
    return f"{amount / 1e9:.1f}"
