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

    from chatvlmllm.reading import Doubt
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
        typer.echo(say("verify.verdict", verdict=messages.render(f"export.verdict.{whole.verdict.value}", LANGUAGE)))
    raise typer.Exit(0 if whole.verdict in (Verdict.OK, Verdict.BLANK) else 1)


def _print(checks: "Sequence[Check]") -> None:
    for check in checks:
        verdict = messages.render(f"export.verdict.{check.verdict.value}", LANGUAGE)
        typer.echo(say("verify.page", pages=check.pages, verdict=verdict))
        for reason in check.evidence.reasons:
            typer.echo("  " + messages.render(f"notices.{reason.code}", LANGUAGE, reason.details))
        for doubt in check.evidence.doubts:
            typer.echo("  " + _doubt(doubt))


def _doubt(doubt: "Doubt") -> str:
    words = {"raw": " ".join(doubt.raw.split()), "seen": doubt.seen or "—", "start": doubt.start}
    return messages.render(f"doubts.{doubt.code}", LANGUAGE, words)
