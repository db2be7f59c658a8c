"""`chatvlmllm selftest` tries everything from end to end."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm import messages
from chatvlmllm.cli.speech import LANGUAGE, console, say

if TYPE_CHECKING:
    from chatvlmllm.selftest import Check, Report

_SIGNS = {"passed": "✓", "failed": "✗", "skipped": "–"}


def command(
    json: Annotated[bool, typer.Option("--json", help=say("selftest.json"))] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=say("selftest.output"))] = None,
    server: Annotated[bool, typer.Option("--server/--no-server", help=say("selftest.server"))] = True,
) -> None:
    """Run every check, say each as it is done; exit code 1 when one failed."""
    from chatvlmllm import config
    from chatvlmllm.bench.needs import need
    from chatvlmllm.run import to_json
    from chatvlmllm.selftest import selftest
    from chatvlmllm.store import write_whole

    need("apted")
    report = selftest(config.load(), lambda check: console().print(line(check), markup=False), server=server)
    if output is not None:
        write_whole(output, [to_json(report, indent=1).encode()])
    if json:
        sys.stdout.write(to_json(report) + "\n")
    else:
        typer.echo(summary(report))
    raise typer.Exit(0 if report.passed else 1)


def line(check: "Check") -> str:
    """One check as a person reads it."""
    name = messages.render(f"selftest.{check.name}", LANGUAGE)
    group = messages.render(f"selftest.group.{check.group.value}", LANGUAGE)
    about = f" {check.about}" if check.about else ""
    sign = _SIGNS[check.outcome] if check.strict else "~"
    return f"{sign} {group}: {name}{about}  {messages.printable(check.detail)}  ({check.seconds:.1f} s)"


def summary(report: "Report") -> str:
    """The two scores and what they rest on."""

    def percent(value: float | None) -> str:
        return "—" if value is None else f"{100 * value:.0f} %"

    counts = {word: sum(check.outcome == word for check in report.checks) for word in _SIGNS}
    groups = ", ".join(
        f"{messages.render(f'selftest.group.{name}', LANGUAGE)} {percent(value)}"
        for name, value in report.shares.items()
    )
    return "\n".join(
        (
            say("selftest.counts", **counts),
            say("selftest.simple", score=percent(report.simple)),
            say("selftest.strict", score=percent(report.strict), groups=groups),
        )
    )
