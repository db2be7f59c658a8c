"""`chatvlmllm extract`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm import messages
from chatvlmllm.cli.speech import LANGUAGE, complain, say

if TYPE_CHECKING:
    from chatvlmllm.config import Settings
    from chatvlmllm.export.fields import Paper
    from chatvlmllm.run import Options


class Kind(StrEnum):
    """What the result is written as."""

    TXT = "txt"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


def command(
    files: Annotated[list[Path], typer.Argument(help=say("extract.files"))],
    model: Annotated[str | None, typer.Option("--model", "-m", help=say("extract.model"))] = None,
    type_: Annotated[str, typer.Option("--type", "-t", help=say("extract.type"))] = "auto",
    format_: Annotated[Kind, typer.Option("--format", "-f", help=say("extract.format"))] = Kind.TXT,
    output: Annotated[str, typer.Option("--output", "-o", help=say("extract.output"))] = "-",
    types: Annotated[list[Path] | None, typer.Option("--types", help=say("extract.types"))] = None,
    mask: Annotated[bool, typer.Option("--mask", help=say("extract.mask"))] = False,
    server: Annotated[str, typer.Option("--server", metavar="URL", help=say("recognize.server"))] = "",
) -> None:
    """Extract and check the fields of `files`; 0 when no check failed, 1 otherwise."""
    from chatvlmllm import config
    from chatvlmllm.errors import ChatVLMLLMError
    from chatvlmllm.run import Options

    if server and types:
        raise typer.BadParameter(say("extract.no_types"), param_hint="--types")
    settings, papers, worst = config.load(), [], 0
    options = Options(model or settings.model, languages=tuple(settings.languages.split("+")))
    for file in files:
        try:
            if server:
                papers.append(_paper_there(file, type_, options, server))
            else:
                papers.append(_paper(file, type_, tuple(types or ()), options, settings))
            _warn(papers[-1])
        except ChatVLMLLMError as error:
            if len(files) == 1:
                raise
            complain(error)
            worst = 1
    _write(_bytes(papers, format_, mask, settings.csv_delimiter), output)
    doubtful = any(paper.extraction.outcome == "failed" or paper.form is None for paper in papers)
    raise typer.Exit(1 if worst or doubtful else 0)


def _paper(file: Path, type_: str, folders: tuple[Path, ...], options: "Options", settings: "Settings") -> "Paper":
    from chatvlmllm import forms
    from chatvlmllm.export.fields import Paper
    from chatvlmllm.fields import extract

    found = extract(file, type_, options=options, folders=folders, settings=settings)
    return Paper(file.name, found, None if found.form == forms.OTHER else forms.find(found.form, folders))


def _paper_there(file: Path, type_: str, options: "Options", server: str) -> "Paper":
    """The same, read by a server."""
    from chatvlmllm import forms
    from chatvlmllm.cli import remote
    from chatvlmllm.export.fields import Paper

    with remote.connect(server) as client:
        found = client.extract(file, type_, options)
    return Paper(file.name, found, None if found.form == forms.OTHER else forms.find(found.form, ()))


def _warn(paper: "Paper") -> None:
    for notice in paper.extraction.notices:
        sentence = messages.render(f"notices.{notice.code}", LANGUAGE, notice.details)
        typer.secho(f"{say('warning')}: {paper.name}: {sentence}", fg="yellow", err=True)


def _bytes(papers: "list[Paper]", kind: Kind, mask: bool, delimiter: str) -> bytes:
    from chatvlmllm.export import fields

    shown = [fields.masked(paper) if mask else paper for paper in papers]
    if kind is Kind.XLSX:
        return fields.xlsx(shown, LANGUAGE)
    if kind is Kind.CSV:
        return "".join(fields.csv(shown, LANGUAGE, delimiter)).encode("utf-8-sig")
    lines = fields.json(shown) if kind is Kind.JSON else fields.plain(shown, LANGUAGE)
    return "".join(lines).encode()


def _write(data: bytes, output: str) -> None:
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    from chatvlmllm.store import write_whole

    write_whole(Path(output), [data])
