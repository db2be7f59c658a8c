"""`chatvlmllm doctor`: what `findings` says, as lines or as JSON."""

import json as library
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm.cli.speech import say

if TYPE_CHECKING:
    from chatvlmllm.findings import Finding


def command(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Print the findings; exit code 3 when documents cannot be read."""
    from chatvlmllm.config import load
    from chatvlmllm.findings import examine, readable

    findings = list(examine(load()))
    if json:
        typer.echo(library.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        _print(findings)
    if not readable(findings):
        raise typer.Exit(3)


def _print(findings: "list[Finding]") -> None:
    from chatvlmllm.findings import readable

    typer.echo(say("doctor.title"))
    for finding in findings:
        state = finding.found or say("doctor.missing") + ("" if finding.needed else f" ({say('doctor.optional')})")
        typer.echo(f"  {finding.name:<22} {state}")
        if finding.found is None and finding.mend:
            typer.echo(f"  {'':<22} → {finding.mend}")
    typer.echo(say("doctor.works" if readable(findings) else "doctor.broken"))
