"""`chatvlmllm mcp`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from chatvlmllm.cli.speech import say


def command(
    server: Annotated[str, typer.Option("--server", metavar="URL", help=say("mcp.server"))] = "",
    folder: Annotated[list[Path] | None, typer.Option("--folder", help=say("mcp.folder"))] = None,
) -> None:
    """Speak to an agent on standard input and output; the key of a named server is in CHATVLMLLM_KEY."""
    import os

    from chatvlmllm import config
    from chatvlmllm.errors import MissingExtra

    if not find_spec("mcp"):
        raise MissingExtra(feature="MCP", command=f'{sys.executable} -m pip install "chatvlmllm[mcp,server]"')
    from chatvlmllm.server import mcp

    mcp.serve(config.load(), server, os.environ.get("CHATVLMLLM_KEY", ""), folder or ())
