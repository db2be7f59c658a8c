"""`chatvlmllm serve`."""

import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from chatvlmllm.cli.speech import console, say


def command(
    host: Annotated[str | None, typer.Option("--host", help=say("serve.host"))] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help=say("serve.port"))] = None,
    log: Annotated[str | None, typer.Option("--log", metavar="text|json", help=say("serve.log"))] = None,
) -> None:
    """Serve until Ctrl-C; flags win over the settings."""
    from chatvlmllm import config
    from chatvlmllm.errors import MissingExtra

    if not (find_spec("fastapi") and find_spec("uvicorn")):
        raise MissingExtra(feature="FastAPI", command=f'{sys.executable} -m pip install "chatvlmllm[server]"')
    from chatvlmllm.server.run import serve

    settings = config.load()
    said = {"host": host, "port": port, "log": log}
    wanted = settings.server.model_copy(update={name: value for name, value in said.items() if value is not None})
    serve(
        settings.model_copy(update={"server": wanted}),
        lambda url: console().print(say("serve.runs", url=url), markup=False),
    )
    console().print(say("serve.ends"), markup=False)
