"""`chatvlmllm config show|check`."""

from pathlib import Path
from typing import Annotated

import typer

from chatvlmllm.cli.speech import say

app = typer.Typer(no_args_is_help=True)


@app.command("show", help=say("config.show"))
def show() -> None:
    """Every setting, its value and its origin."""
    from chatvlmllm import config

    path = config.config_path()
    for key, value in config.flatten(config.load(path).model_dump(mode="json")).items():
        typer.echo(f"{key} = {value}  ({config.origin(key, path)})")


@app.command("check", help=say("config.check"))
def check(file: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Load the file; an invalid one ends in ConfigInvalid."""
    from chatvlmllm import config

    path = file or config.config_path()
    config.load(path)
    typer.echo(say("config.valid", file=path) if path else say("config.no_file"))
