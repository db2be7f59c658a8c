"""The command `chatvlmllm`.

Exit codes: 0 everything was read; 1 some pages or files were not; 2 the input is wrong; 3 this machine is not ready;
4 what runs the model failed; 5 the model answered uselessly; 130 stopped by the user; 143 stopped by another program.
"""

import signal
import sys
import warnings
from typing import Annotated

import typer

from chatvlmllm.cli import (
    batch,
    bench,
    config,
    doctor,
    engines,
    extract,
    mcp,
    models,
    recognize,
    schema,
    selftest,
    serve,
    ui,
    verify,
)
from chatvlmllm.cli.speech import complain, console, say
from chatvlmllm.errors import ChatVLMLLMError

app = typer.Typer(
    name="chatvlmllm",
    help=say("about"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("recognize", help=say("recognize.help"))(recognize.command)
app.command("batch", help=say("batch.help"))(batch.command)
app.command("extract", help=say("extract.help"))(extract.command)
app.command("verify", help=say("verify.help"))(verify.command)
app.command("serve", help=say("serve.help"))(serve.command)
app.command("ui", help=say("ui.help"))(ui.command)
app.command("mcp", help=say("mcp.help"))(mcp.command)
app.command("doctor", help=say("doctor.help"))(doctor.command)
app.command("gpu", help=say("gpu.help"))(engines.gpu)
app.command("schema", help=say("schema.help"))(schema.command)
app.add_typer(models.app, name="models", help=say("models.help"))
app.add_typer(config.app, name="config", help=say("config.help"))
app.command("selftest", help=say("selftest.help"))(selftest.command)
app.add_typer(bench.app, name="bench", help=say("bench.help"))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("chatvlmllm"))
        raise typer.Exit


@app.callback()
def root(
    ui_lang: Annotated[str | None, typer.Option("--ui-lang", metavar="ru|en", help=say("ui_lang"))] = None,
    version: Annotated[bool, typer.Option("--version", help=say("version"), callback=_version, is_eager=True)] = False,
) -> None:
    """Options that hold for every command; the language was already read (see `speech`)."""


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 the signature is the library's
    """Unwind, so that engines are ended and half-written files removed, and tell the usual way who asked."""
    sys.exit(128 + number)


def _listen() -> None:
    signal.signal(signal.SIGTERM, _stop)
    # A shell tells its background jobs to ignore Ctrl-C, and so they shall.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def main() -> None:
    """Run the command line; the one place where errors become sentences and exit codes."""
    # Pillow warns about oddities of files on standard error; what matters is said as a notice.
    warnings.filterwarnings("ignore", module="PIL")
    _listen()
    try:
        app()
    except ChatVLMLLMError as error:
        complain(error)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            console().print(say("interrupted"))
        raise
    except BrokenPipeError:
        # The reader of our pipe has left (`| head`); Python would complain again while flushing.
        sys.stderr.close()
        sys.exit(1)
