"""`chatvlmllm batch`."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm.cli.recognize import Prefer, pair
from chatvlmllm.cli.speech import LANGUAGE, complain, console, say
from chatvlmllm.exchange import Task
from chatvlmllm.run import Hear

if TYPE_CHECKING:
    from chatvlmllm.batch.flow import Flow, Reader
    from chatvlmllm.batch.inputs import Wanted
    from chatvlmllm.batch.items import Item
    from chatvlmllm.batch.ledger import Ledger
    from chatvlmllm.batch.manifest import Tables
    from chatvlmllm.cli.live import Live
    from chatvlmllm.config import Settings
    from chatvlmllm.engines.host import Host
    from chatvlmllm.export import Format, Style
    from chatvlmllm.run import Options


class Where(StrEnum):
    """What the pages are read on."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True)
class _Plan:
    """Everything that was asked for, checked."""

    settings: "Settings"
    wanted: "Wanted"
    output: Path
    options: "Options"
    formats: "list[Format]"
    style: "Style"
    form: str | None
    tries: int
    again: bool
    seconds: float | None
    watch: bool
    address: str | None


def command(
    inputs: Annotated[list[str], typer.Argument(help=say("batch.inputs"))],
    output: Annotated[Path, typer.Option("--output", "-o", help=say("batch.output"))],
    model: Annotated[str | None, typer.Option("--model", "-m", help=say("recognize.model"))] = None,
    task: Annotated[Task, typer.Option("--task", "-t", help=say("recognize.task"))] = Task.TEXT,
    option: Annotated[list[str] | None, typer.Option("--option", help=say("recognize.option"))] = None,
    lang: Annotated[str | None, typer.Option("--lang", "-l", help=say("recognize.lang"))] = None,
    formats: Annotated[list[str] | None, typer.Option("--format", "-f", help=say("batch.format"))] = None,
    extract: Annotated[str | None, typer.Option("--extract", help=say("batch.extract"))] = None,
    kind: Annotated[str, typer.Option("--kind", help=say("recognize.kind"))] = "",
    prefer: Annotated[Prefer, typer.Option("--prefer", help=say("recognize.prefer"))] = Prefer.QUALITY,
    fallback: Annotated[bool, typer.Option("--fallback/--no-fallback", help=say("recognize.fallback"))] = True,
    repair_scripts: Annotated[bool, typer.Option("--repair-scripts", help=say("recognize.repair_scripts"))] = False,
    witness: Annotated[Hear, typer.Option("--witness", help=say("recognize.witness"))] = Hear.AUTO,
    draft: Annotated[str, typer.Option("--draft", metavar="MODEL", help=say("recognize.draft"))] = "",
    retries: Annotated[int, typer.Option("--retries", min=0, help=say("batch.retries"))] = 2,
    retry_quarantined: Annotated[bool, typer.Option("--retry-quarantined", help=say("batch.again"))] = False,
    limit_time: Annotated[str, typer.Option("--limit-time", help=say("batch.limit_time"))] = "",
    priority: Annotated[list[str] | None, typer.Option("--priority", help=say("batch.priority"))] = None,
    watch: Annotated[bool, typer.Option("--watch", help=say("batch.watch"))] = False,
    engine: Annotated[Where, typer.Option("--engine", help=say("batch.engine"))] = Where.LOCAL,
    address: Annotated[str, typer.Option("--address", help=say("batch.address"))] = "",
) -> None:
    """Read everything that `inputs` name into `output`; the exit code tells full success from partial."""
    from chatvlmllm import config, export, forms
    from chatvlmllm.batch.inputs import Wanted
    from chatvlmllm.run import Options

    settings = config.load()
    if extract not in (None, forms.AUTO):
        forms.find(str(extract))
    languages = tuple((lang or settings.languages).split("+"))
    wishes = dict(pair(text) for text in option or ())
    plan = _Plan(
        settings,
        Wanted(tuple(inputs), tuple(_ranked(text) for text in priority or ()), output),
        output,
        Options(model or settings.model, task, languages, wishes, kind, prefer, fallback, witness, draft),
        [export.find(name) for name in formats or ["txt"]],
        export.Style(LANGUAGE, settings.csv_delimiter, repair_scripts),
        extract,
        retries + 1,
        retry_quarantined,
        _seconds(limit_time) if limit_time else None,
        watch,
        (address or "auto") if engine is Where.RAY else None,
    )
    raise typer.Exit(_run(plan))


def _ranked(text: str) -> tuple[str, int]:
    pattern, equals, number = text.rpartition("=")
    if not equals or not re.fullmatch(r"-?\d{1,6}", number):
        raise typer.BadParameter(text + " (PATTERN=NUMBER)", param_hint="--priority")
    return pattern, int(number)


def _seconds(text: str) -> float:
    """`2h30m`, `90s`, `45` (minutes) in seconds."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if text.isdigit():
        return int(text) * 60.0
    if not match or not text:
        raise typer.BadParameter(text + " (2h30m, 90s)", param_hint="--limit-time")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600.0 + minutes * 60 + seconds


def _run(plan: _Plan) -> int:
    from chatvlmllm import drafts
    from chatvlmllm.batch.flow import Flow
    from chatvlmllm.batch.ledger import Ledger
    from chatvlmllm.batch.outputs import Outputs
    from chatvlmllm.cli.live import Live
    from chatvlmllm.engines.host import Host

    drafts.check(plan.options)
    with ExitStack() as opened:
        ledger = opened.enter_context(Ledger(plan.output, plan.tries))
        host = opened.enter_context(Host(plan.settings))
        reader = opened.enter_context(_reader(plan, host))
        write = Outputs(plan.output, plan.formats, plan.style, ledger, host, plan.form).write
        flow = Flow(reader, ledger, write, plan.options)
        opened.enter_context(_ended_by(flow.stop, plan.seconds))
        live = opened.enter_context(Live(lambda: host.swaps))
        names, refused = _follow(plan, flow, live) if plan.watch else _once(plan, flow, live)
        live.close()
        return _close(plan, ledger, live, names, refused)


@contextmanager
def _reader(plan: _Plan, host: "Host") -> "Iterator[Reader]":
    if plan.address is not None:
        from chatvlmllm.batch.ray import RayReader

        with RayReader(plan.settings, plan.options, host, plan.address) as distant:
            yield distant
        return
    from chatvlmllm.batch.work import LocalReader

    reader = LocalReader(host, plan.options.model, plan.options.draft)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def _ended_by(stop: threading.Event, seconds: float | None) -> Iterator[None]:
    """`stop` is set when the time is over; a termination signal is as good as Ctrl-C, and both may be caught."""
    timer = threading.Timer(seconds, stop.set) if seconds is not None else None
    ends = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in ends]
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)
        if timer is not None:
            timer.cancel()


def _once(plan: _Plan, flow: "Flow", live: "Live") -> tuple[set[str], int]:
    from chatvlmllm.batch.inputs import listing
    from chatvlmllm.batch.work import work
    from chatvlmllm.errors import NothingToRead

    items, refused = listing(plan.wanted, plan.settings)
    if not items:
        raise refused[0][1] if refused else NothingToRead(inputs=", ".join(plan.wanted.inputs))
    for _, error in refused:
        complain(error)
    live.expect(len(items))
    with closing(work(flow, items, plan.settings.limits, plan.tries, again=plan.again)) as events:
        for event in events:
            live.tell(event)
    return {item.name for item in items}, len(refused)


def _follow(plan: _Plan, flow: "Flow", live: "Live") -> tuple[set[str], int]:
    """What arrives in the inputs, until the time is over or somebody ends it."""
    from chatvlmllm.batch import manifest
    from chatvlmllm.batch.inputs import listing
    from chatvlmllm.batch.work import arrivals, work

    names: set[str] = set()

    def look() -> "list[Item]":
        return listing(plan.wanted, plan.settings)[0]

    console().print(say("batch.watching", inputs=", ".join(plan.wanted.inputs)), markup=False)
    try:
        for items in arrivals(look, flow.stop):
            live.expect(len(items))
            names |= {item.name for item in items}
            with closing(work(flow, items, plan.settings.limits, plan.tries, again=plan.again)) as events:
                for event in events:
                    live.tell(event)
            manifest.write(plan.output, flow.ledger.journal, names)
    except KeyboardInterrupt:
        # The usual way to end a watch; what was read is stored.
        console().print(say("batch.watch_ends"), markup=False)
    return names, 0


def _close(plan: _Plan, ledger: "Ledger", live: "Live", names: set[str], refused: int) -> int:
    """Write the tables, say the sum, and return the exit code."""
    from chatvlmllm.batch import manifest
    from chatvlmllm.errors import exit_code

    tables = manifest.write(plan.output, ledger.journal, names)
    read = sum(tables.verdicts.values())
    unfinished = len(names) - tables.documents
    _sum_up(plan, tables, live, unfinished)
    good = tables.verdicts.get("ok", 0) + tables.verdicts.get("blank", 0)
    if good == read and not tables.quarantined and not refused and not unfinished and not live.open:
        return 0
    first = next((row["failure"] for row in manifest.rows(ledger.journal, names) if row["failure"]), None)
    return 1 if good or first is None else exit_code(first)


def _sum_up(plan: _Plan, tables: "Tables", live: "Live", unfinished: int) -> None:
    counts = ", ".join(f"{live.verdict(name)} {count}" for name, count in sorted(tables.verdicts.items()) if count)
    told = console()
    told.print(
        say(
            "batch.summary",
            documents=tables.documents,
            pages=sum(tables.verdicts.values()),
            read=live.read,
            time=live.clock(time.monotonic() - live.started),
            speed=live.speed(),
        ),
        markup=False,
    )
    if counts:
        told.print(say("batch.verdicts", counts=counts), markup=False)
    if tables.quarantined:
        told.print(say("batch.quarantined", count=tables.quarantined, file=tables.files[1]), markup=False)
    if unfinished or live.open:
        told.print(say("batch.unfinished", documents=unfinished + live.open), markup=False)
    told.print(say("batch.table", file=tables.files[0], folder=plan.output), markup=False)
