"""`chatvlmllm models list|show|pull|rm`; `engines` adds status, load, unload and logs."""

from typing import TYPE_CHECKING, Annotated

import typer

from chatvlmllm.cli import engines
from chatvlmllm.cli.speech import LANGUAGE, console, say

if TYPE_CHECKING:
    from chatvlmllm.config import Settings
    from chatvlmllm.models.card import Model

app = typer.Typer(no_args_is_help=True)

_OFFLINE = Annotated[bool, typer.Option("--offline", help=say("models.offline"))]

app.command("status", help=say("models.status"))(engines.status)
app.command("load", help=say("models.load"))(engines.load)
app.command("unload", help=say("models.unload"))(engines.unload)
app.command("logs", help=say("models.logs"))(engines.logs)


@app.command("list", help=say("models.list"))
def list_models() -> None:
    """One line per model."""
    from chatvlmllm import config, weights
    from chatvlmllm.models import catalogue

    settings = config.load()
    for model in catalogue().values():
        here = model.weights is None or settings.of(model.key).weights or weights.complete(model, settings)
        typer.echo(f"{'●' if here else '○'} {model.key:<16} {model.title:<20} {model.summary[LANGUAGE]}")


@app.command("show", help=say("models.show"))
def show(key: Annotated[str, typer.Argument()]) -> None:
    """Everything the card says, one fact a line."""
    from chatvlmllm.models import describe, find

    for name, value in describe.facts(find(key), LANGUAGE):
        typer.echo(f"{name:<14} {value}")


@app.command("pull", help=say("models.pull"))
def pull(
    key: Annotated[str, typer.Argument()],
    lang: Annotated[str, typer.Option("--lang", help=say("models.pull_lang"))] = "rus+eng",
    offline: _OFFLINE = False,
) -> None:
    """Fetch what a model needs: language data, or a checkpoint and the environment to run it in."""
    from chatvlmllm import config
    from chatvlmllm.models import find

    settings = config.load()
    settings = settings.model_copy(update={"offline": offline or settings.offline})
    model = find(key)
    if model.key == "tesseract":
        _pull_languages(lang, settings)
    elif model.weights is None:
        console().print(say("models.nothing", model=model.key))
    else:
        _pull_weights(model, settings)


def _pull_languages(lang: str, settings: "Settings") -> None:
    from rich.progress import Progress

    from chatvlmllm.page import tessdata

    with Progress(console=console(), transient=True) as progress:
        bars = {name: progress.add_task(name, total=None) for name in lang.split("+")}
        for name, total in tessdata.fetch(lang.split("+"), settings):
            progress.update(bars[name], completed=total)
    for name in bars:
        console().print(say("models.pulled", name=name))


def _pull_weights(model: "Model", settings: "Settings") -> None:
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from chatvlmllm import weights
    from chatvlmllm.engines import environment

    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(), transient=True) as progress:
        bars: dict[str, object] = {}

        def watch(name: str, done: int, size: int) -> None:
            bar = bars.setdefault(name, progress.add_task(name, total=size))
            progress.update(bar, completed=done)  # type: ignore[arg-type]

        folder = weights.pull(model, settings, watch)
    for requirements in environment.wanted(model):
        console().print(say("models.environment", packages=", ".join(requirements)), markup=False)
        environment.make(requirements, settings)
    console().print(say("models.pulled", name=f"{model.key} → {folder}"), markup=False)


@app.command("rm", help=say("models.rm"))
def remove(key: Annotated[str, typer.Argument()]) -> None:
    """Delete a model's files from this machine."""
    from chatvlmllm import config, weights
    from chatvlmllm.models import find

    freed = weights.remove(find(key), config.load())
    console().print(say("models.removed", name=key, megabytes=round(freed / 1e6)))
