"""`chatvlmllm models list|pull`."""

from typing import Annotated

import typer

from chatvlmllm.cli.speech import LANGUAGE, console, say

app = typer.Typer(no_args_is_help=True)


@app.command("list", help=say("models.list"))
def list_models() -> None:
    """One line per model."""
    from chatvlmllm.models import catalogue

    for model in catalogue().values():
        typer.echo(f"{model.key:<16} {model.title:<20} {model.summary[LANGUAGE]}")


@app.command("pull", help=say("models.pull"))
def pull(
    key: Annotated[str, typer.Argument()],
    lang: Annotated[str, typer.Option("--lang", help=say("models.pull_lang"))] = "rus+eng",
) -> None:
    """Fetch language data for Tesseract; other embedded models need nothing."""
    from rich.progress import Progress

    from chatvlmllm import config
    from chatvlmllm.models import find
    from chatvlmllm.page import tessdata

    model = find(key)
    if model.key != "tesseract":
        console().print(say("models.nothing", model=model.key))
        return
    with Progress(console=console(), transient=True) as progress:
        bars = {name: progress.add_task(name, total=None) for name in lang.split("+")}
        for name, total in tessdata.fetch(lang.split("+"), config.load()):
            progress.update(bars[name], completed=total)
    for name in bars:
        console().print(say("models.pulled", name=name))
