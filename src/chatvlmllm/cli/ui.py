"""`chatvlmllm ui`."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from chatvlmllm.cli.speech import console, say


def command(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=say("ui.port"))] = 8643,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help=say("ui.browser"))] = True,
) -> None:
    """Open the workbench; a server is started if none runs."""
    from chatvlmllm.errors import MissingExtra

    if find_spec("streamlit") is None:
        raise MissingExtra(feature="Streamlit", command=f'{sys.executable} -m pip install "chatvlmllm[ui]"')
    from chatvlmllm.ui import launch

    found = launch.ensure()
    url = f"http://127.0.0.1:{port}"
    console().print(say("ui.runs", url=url, server=found.url), markup=False)
    flags = [f"--server.port={port}", f"--server.headless={str(not browser).lower()}"]
    started = [sys.executable, "-m", "streamlit", "run", str(Path(launch.__file__).with_name("app.py")), *flags]
    ended = subprocess.run(started, check=False)  # noqa: S603 our own interpreter and file
    raise typer.Exit(ended.returncode)
