"""`chatvlmllm recognize`."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm import messages
from chatvlmllm.cli.speech import LANGUAGE, console, say
from chatvlmllm.exchange import Task
from chatvlmllm.run import Hear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatvlmllm.batch.local import Watcher
    from chatvlmllm.batch.plan import Order
    from chatvlmllm.config import Limits, Settings
    from chatvlmllm.export import Format, Style
    from chatvlmllm.reading import Failure, Notice, Reading
    from chatvlmllm.run import Run
    from chatvlmllm.store import Spool


class Prefer(StrEnum):
    """What matters when `auto` chooses."""

    QUALITY = "quality"
    SPEED = "speed"


def command(
    files: Annotated[list[Path], typer.Argument(help=say("recognize.files"))],
    model: Annotated[str | None, typer.Option("--model", "-m", help=say("recognize.model"))] = None,
    task: Annotated[Task, typer.Option("--task", "-t", help=say("recognize.task"))] = Task.TEXT,
    option: Annotated[list[str] | None, typer.Option("--option", help=say("recognize.option"))] = None,
    lang: Annotated[str | None, typer.Option("--lang", "-l", help=say("recognize.lang"))] = None,
    formats: Annotated[list[str] | None, typer.Option("--format", "-f", help=say("recognize.format"))] = None,
    output: Annotated[str, typer.Option("--output", "-o", help=say("recognize.output"))] = "-",
    pages: Annotated[str, typer.Option("--pages", help=say("recognize.pages"))] = "",
    json: Annotated[bool, typer.Option("--json", help=say("recognize.json"))] = False,
    kind: Annotated[str, typer.Option("--kind", help=say("recognize.kind"))] = "",
    prefer: Annotated[Prefer, typer.Option("--prefer", help=say("recognize.prefer"))] = Prefer.QUALITY,
    fallback: Annotated[bool, typer.Option("--fallback/--no-fallback", help=say("recognize.fallback"))] = True,
    repair_scripts: Annotated[bool, typer.Option("--repair-scripts", help=say("recognize.repair_scripts"))] = False,
    witness: Annotated[Hear, typer.Option("--witness", help=say("recognize.witness"))] = Hear.AUTO,
    draft: Annotated[str, typer.Option("--draft", metavar="MODEL", help=say("recognize.draft"))] = "",
    server: Annotated[str, typer.Option("--server", metavar="URL", help=say("recognize.server"))] = "",
) -> None:
    """Read `files`, each on its own; the exit code tells how it went."""
    from chatvlmllm import config, export
    from chatvlmllm.batch.plan import Order, output_stems, parse_pages
    from chatvlmllm.run import Options

    settings = config.load()
    chosen = [export.find(name) for name in formats or ([] if json else ["txt"])]
    if output == "-" and len(chosen) > 1:
        raise typer.BadParameter(say("recognize.stdout_one"), param_hint="--format")
    languages = tuple((lang or settings.languages).split("+"))
    wishes = dict(pair(text) for text in option or ())
    options = Options(model or settings.model, task, languages, wishes, kind, prefer, fallback, witness, draft)
    order = Order(tuple(files), parse_pages(pages) if pages else (), options)
    folder = None if output == "-" else Path(output)
    style = export.Style(LANGUAGE, settings.csv_delimiter, repair_scripts)
    targets = [(file, folder / stem if folder else None) for file, stem in zip(files, output_stems(files), strict=True)]
    report = Report(chosen, style, targets, settings.limits, as_json=json)
    raise typer.Exit(_read_there(order, server, pages, report) if server else _read(order, settings, report))


def pair(text: str) -> tuple[str, str]:
    """`NAME=VALUE` as two."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(text + " (NAME=VALUE)", param_hint="--option")
    return name, value


def _read(order: "Order", settings: "Settings", report: "Report") -> int:
    """Read everything and return the exit code."""
    from chatvlmllm import drafts
    from chatvlmllm.batch.local import read_files
    from chatvlmllm.engines.host import Host

    drafts.check(order.options)
    started = time.perf_counter()
    with Host(settings) as host, _progress() as watch:
        for index, run, readings in read_files(order, host, watch):
            with readings:
                report.add(index, run, readings)
    return report.close(time.perf_counter() - started)


def _read_there(order: "Order", server: str, pages: str, report: "Report") -> int:
    """Let a server read everything and return the exit code."""
    from contextlib import closing

    from chatvlmllm.cli import remote

    started = time.perf_counter()
    with remote.connect(server) as client, _progress() as watch:
        client.system()  # a wrong address or key is one error, not one per file
        with closing(remote.read_files(order, client, pages, watch)) as found:  # type: ignore[type-var]
            for index, run, readings in found:
                with readings:
                    report.add(index, run, readings)
    return report.close(time.perf_counter() - started)


class Report:
    """Writes each file's results as it is finished and remembers how it went."""

    def __init__(
        self,
        formats: "Sequence[Format]",
        style: "Style",
        targets: "Sequence[tuple[Path, Path | None]]",
        limits: "Limits",
        *,
        as_json: bool,
    ) -> None:
        self._formats, self._style, self._targets, self._json = formats, style, targets, as_json
        self._limits = limits
        self._files = self._pages = self._good = 0
        self._failures: list[Failure] = []

    def add(self, index: int, run: "Run", readings: "Spool") -> None:
        """Export one file; what could not be read is said on standard error."""
        from chatvlmllm import export
        from chatvlmllm.reading import Verdict

        self._files += 1
        self._pages += readings.count
        self._good += run.verdict in (Verdict.OK, Verdict.BLANK)
        if run.failure:
            self._fail(run.failure)
        for notice in run.notices:
            self._note(notice, run.document.name)
        for reading in readings:
            for notice in (*reading.notices, *export.notices(reading, self._formats)):
                self._note(notice, say("recognize.page", name=run.document.name, page=reading.page))
            if reading.failure:
                self._fail(reading.failure, say("recognize.page", name=run.document.name, page=reading.page))
        if run.failure is None:
            self._write(*self._targets[index], run, readings)
        if self._json:
            self._print_json(run, readings)

    def _write(self, file: Path, target: Path | None, run: "Run", readings: "Spool") -> None:
        from chatvlmllm import export
        from chatvlmllm.document import open_document
        from chatvlmllm.store import write_whole

        written = []
        with ExitStack() as opened:
            seen = any(format.pictures for format in self._formats)
            document = opened.enter_context(open_document(file, limits=self._limits)) if seen else None
            for format in self._formats:
                pieces = export.export(run, readings, format, self._style, document)
                if target is None:
                    for piece in pieces:
                        sys.stdout.buffer.write(piece)
                    sys.stdout.flush()
                else:
                    path = target.with_name(target.name + format.suffix)
                    write_whole(path, pieces)
                    written.append(str(path))
        if written:
            verdict = messages.render(f"export.verdict.{run.verdict.value}", LANGUAGE)
            self._say(
                "written",
                name=run.document.name,
                pages=readings.count,
                verdict=verdict,
                files=", ".join(written),
            )

    def _print_json(self, run: "Run", readings: "Spool") -> None:
        from dataclasses import replace

        from chatvlmllm.run import to_json

        head, tail = to_json(replace(run, readings=())).split('"readings":[]', 1)
        sys.stdout.write(head + '"readings":[')
        for number, reading in enumerate(readings):
            sys.stdout.write(("," if number else "") + to_json(reading))
        sys.stdout.write("]" + tail + "\n")
        sys.stdout.flush()

    def _fail(self, failure: "Failure", where: str = "") -> None:
        self._failures.append(failure)
        self._speak(say("error"), where, _spoken(failure), "red")

    def _note(self, notice: "Notice", where: str) -> None:
        self._speak(
            say("warning"), where, messages.render(f"notices.{notice.code}", LANGUAGE, notice.details), "yellow"
        )

    @staticmethod
    def _speak(kind: str, where: str, text: str, style: str) -> None:
        console().print(": ".join(part for part in (kind, where, text) if part), style=style, markup=False)

    def _say(self, key: str, **values: object) -> None:
        console().print(say(f"recognize.{key}", **values), markup=False)

    def close(self, seconds: float) -> int:
        """Say the sum and return the exit code: that of the first failure when nothing at all was read."""
        from chatvlmllm.errors import exit_code

        if self._files > 1:
            bad = self._files - self._good
            self._say("summary", files=self._files, pages=self._pages, seconds=round(seconds, 1), failed=bad)
        if self._good == self._files:
            return 0
        return 1 if self._good or not self._failures else exit_code(self._failures[0].code)


def _spoken(failure: "Failure") -> str:
    """In the user's language; what a server said is in it already."""
    parts = (f"errors.{failure.code}.what", f"errors.{failure.code}.hint")
    try:
        return " ".join(messages.render(part, LANGUAGE, failure.details) for part in parts)
    except KeyError:
        return f"{failure.message} {failure.hint}"


@contextmanager
def _progress() -> "Iterator[Watcher]":
    """A bar over all pages on a terminal, and nothing in a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(), transient=True, disable=not console().is_terminal) as bar:
        task = bar.add_task("", total=0)
        known = 0

        def watch(run: "Run", pages: int, reading: "Reading | None") -> None:
            nonlocal known
            if reading is None:
                known += pages
                bar.update(task, total=known)
            else:
                bar.update(task, advance=1, description=messages.printable(run.document.name))

        yield watch
