"""`chatvlmllm config show|check`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from chatvlmllm.cli.speech import say

app = typer.Typer(no_args_is_help=True)

#: A password in a URL.
_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


@app.command("show", help=say("config.show"))
def show() -> None:
    """Every setting, its value and its origin."""
    from chatvlmllm import config

    path = config.config_path()
    for key, value in config.flatten(config.load(path).model_dump(mode="json")).items():
        shown = _PASSWORD.sub(r"\1:***@", str(value))
        typer.echo(f"{key} = {shown}  ({config.origin(key, path)})")


@app.command("check", help=say("config.check"))
def check(file: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Load the file; an invalid one ends in ConfigInvalid."""
    from chatvlmllm import config

    path = file or config.config_path()
    config.load(path)
    typer.echo(say("config.valid", file=path) if path else say("config.no_file"))
