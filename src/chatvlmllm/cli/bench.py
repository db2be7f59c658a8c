"""`chatvlmllm bench run|report|history|gate`: measure models on documents whose text is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm.cli.speech import LANGUAGE, console, say

if TYPE_CHECKING:
    from chatvlmllm.bench.study import Watcher
    from chatvlmllm.bench.summary import Line, Summary

app = typer.Typer(no_args_is_help=True)

_FOLDER = Annotated[Path, typer.Argument(help=say("bench.folder"))]


@app.command("run", help=say("bench.run"))
def run(
    models: Annotated[str, typer.Option("--models", "-m", help=say("bench.models"))],
    data: Annotated[list[str], typer.Option("--data", "-d", help=say("bench.data"))],
    output: Annotated[Path, typer.Option("--output", "-o", help=say("bench.output"))],
    degrade: Annotated[str, typer.Option("--degrade", help=say("bench.degrade"))] = "clean",
    seed: Annotated[int, typer.Option("--seed", help=say("bench.seed"))] = 1,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help=say("bench.limit"))] = None,
    throughput: Annotated[int, typer.Option("--throughput", min=0, help=say("bench.throughput"))] = 0,
    lang: Annotated[str | None, typer.Option("--lang", "-l", help=say("recognize.lang"))] = None,
    route: Annotated[bool, typer.Option("--route", help=say("bench.route"))] = False,
    history: Annotated[Path | None, typer.Option("--history", help=say("bench.history_file"))] = None,
) -> None:
    """Read what is missing, then print one line per subject."""
    from chatvlmllm import config
    from chatvlmllm.bench import history as log
    from chatvlmllm.bench import measured
    from chatvlmllm.bench.cases import Wish, gather
    from chatvlmllm.bench.needs import need
    from chatvlmllm.bench.store import Study
    from chatvlmllm.bench.study import Plan, study
    from chatvlmllm.bench.subjects import find
    from chatvlmllm.bench.summary import summarise

    need("apted", "psutil")
    settings = config.load()
    subjects = tuple(find(name.strip(), settings) for name in models.split(",") if name.strip())
    cases = gather(data, Wish(seed, tuple(degrade.split(",")), limit))
    languages = tuple((lang or settings.languages).split("+"))
    with _progress() as watch:
        read = study(cases, Plan(subjects, languages, throughput), output, settings, watch)
    console().print(say("bench.read", pages=read, cases=len(cases), folder=output), markup=False)
    summary = summarise(Study(output))
    _print(summary)
    if read:
        log.append(history or settings.data / log.HISTORY, log.entries(summary))
    if route:
        count = measured.write(summary, settings.data)
        console().print(say("bench.routed", count=count, folder=settings.data), markup=False)


@app.command("report", help=say("bench.report"))
def report(folder: _FOLDER) -> None:
    """Write the report and say where it is."""
    from chatvlmllm import config
    from chatvlmllm.bench.needs import need

    need("apted", "jinja2", "plotly")
    from chatvlmllm.bench.report import write

    for path in write(folder, LANGUAGE, config.load().csv_delimiter):
        typer.echo(path)


@app.command("history", help=say("bench.history"))
def history(
    file: Annotated[Path | None, typer.Option("--history", help=say("bench.history_file"))] = None,
) -> None:
    """One line per subject and run, with the change since the run before on the same pages."""
    from chatvlmllm import config
    from chatvlmllm.bench import history as log

    for entry, change in log.changes(log.read(file or config.load().data / log.HISTORY)):
        words = {
            "at": entry.at[:16],
            "subject": f"{entry.subject:<20}",
            "data": entry.data,
            "pages": entry.pages,
            "cer": "—" if entry.cer is None else f"{entry.cer:.4f}",
            "change": "" if change is None else f"({change:+.4f})",
            "version": entry.version,
        }
        typer.echo(say("bench.entry", **words))


@app.command("gate", help=say("bench.gate"))
def gate(
    folder: _FOLDER,
    baseline: Annotated[Path, typer.Option("--baseline", help=say("bench.baseline"))],
    max_worse: Annotated[float, typer.Option("--max-worse", min=0, help=say("bench.max_worse"))] = 0.005,
) -> None:
    """Compare with an earlier study on the same pages; exit code 1 when somebody reads worse than allowed."""
    from chatvlmllm.bench.gate import errors, findings

    found = findings(errors(baseline), errors(folder), max_worse)
    for one in found:
        key = "bench.gate_worse" if one.worse else "bench.gate_passes"
        words = {"subject": one.subject, "pages": one.pages, "p": f"{one.comparison.p:.4f}", "most": max_worse}
        typer.echo(say(key, before=f"{one.before:.4f}", after=f"{one.after:.4f}", **words))
    raise typer.Exit(1 if any(one.worse for one in found) else 0)


def _print(summary: "Summary") -> None:
    for line in summary.overall:
        typer.echo(say("bench.line", **_words(line)))


def _words(line: "Line") -> dict[str, object]:
    """A line's figures as they are said; what was not measured is a dash."""
    cer = line.scores["cer"].value
    bounds = f" [{line.interval.low:.3f}…{line.interval.high:.3f}]" if line.interval else ""
    return {
        "subject": f"{line.subject:<20}",
        "pages": line.pages,
        "cer": "—" if cer is None else f"{cer:.4f}{bounds}",
        "seconds": f"{line.seconds['total']:.2f}" if "total" in line.seconds else "—",
        "failures": line.failures,
    }


@contextmanager
def _progress() -> "Iterator[Watcher]":
    """One bar per subject on a terminal, and nothing in a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(), disable=not console().is_terminal) as bar:
        tasks: dict[str, object] = {}

        def watch(subject: str, done: int, total: int, _reused: bool) -> None:
            if subject not in tasks:
                tasks[subject] = bar.add_task(subject, total=total)
            bar.update(tasks[subject], completed=done)  # type: ignore[arg-type]

        yield watch
