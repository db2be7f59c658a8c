"""`chatvlmllm verify`: check a finished result against the scan that it was read from.

Takes a result of this program (JSON) or any text or Markdown, also another tool's. Exit code 0 means that the second
witness supports all of it, 1 that something is unsupported, missing or reads other numbers; other codes are errors.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm import messages
from chatvlmllm.cli.speech import LANGUAGE, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatvlmllm.reading import Doubt, Verdict
    from chatvlmllm.verify import Check


def command(
    result: Annotated[Path, typer.Argument(help=say("verify.result"))],
    against: Annotated[Path, typer.Option("--against", help=say("verify.against"))],
    lang: Annotated[str | None, typer.Option("--lang", "-l", help=say("recognize.lang"))] = None,
    json: Annotated[bool, typer.Option("--json", help=say("verify.json"))] = False,
) -> None:
    """Compare, print what does not hold, and say it with the exit code."""
    from chatvlmllm import config
    from chatvlmllm.reading import Verdict
    from chatvlmllm.run import to_json
    from chatvlmllm.verify import report, verify

    settings = config.load()
    languages = tuple((lang or settings.languages).split("+"))
    checks = list(verify(result, against, languages, settings))
    whole = report(result.name, against.name, checks)
    if json:
        typer.echo(to_json(whole))
    else:
        _print(checks)
        typer.echo(say("verify.verdict", verdict=_verdict(whole.verdict)))
    raise typer.Exit(0 if whole.verdict in (Verdict.OK, Verdict.BLANK) else 1)


def _print(checks: "Sequence[Check]") -> None:
    for check in checks:
        typer.echo(say("verify.page", pages=check.pages, verdict=_verdict(check.verdict)))
        for reason in check.evidence.reasons:
            typer.echo("  " + messages.render(f"notices.{reason.code}", LANGUAGE, reason.details))
        for doubt in check.evidence.doubts:
            line = check.text.count("\n", 0, doubt.start) + 1
            typer.echo("  " + say("verify.place", line=line, sentence=_doubt(doubt, check)))
        typer.echo("  " + _compared(check))


def _verdict(verdict: "Verdict") -> str:
    return say("verify.ok") if verdict == "ok" else messages.render(f"export.verdict.{verdict.value}", LANGUAGE)


def _doubt(doubt: "Doubt", check: "Check") -> str:
    from chatvlmllm.export.doubts import sentence

    offered = [repair.repaired for repair in check.evidence.repairs if repair.start == doubt.start]
    said = sentence(doubt, LANGUAGE)
    return said + "; " + say("verify.repair", repaired=offered[0]) if offered else said


def _compared(check: "Check") -> str:
    measures = check.evidence.measures
    letters = sum(char.isalnum() for char in check.text)
    unseen = format(100 * measures["unsupported"], ".1f")
    return say("verify.compared", letters=letters, unseen=unseen, numbers=round(measures["numbers"]))
