"""How the command line talks: its language, and the two streams it talks to.

Results go to standard output, everything else to standard error, so that a pipe gets results only.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from chatvlmllm import messages

if TYPE_CHECKING:
    from rich.console import Console

    from chatvlmllm.errors import ChatVLMLLMError


def _language(arguments: Sequence[str]) -> str:
    """`--ui-lang` wins over the environment; it is looked for by hand because help texts exist before parsing."""
    for index, argument in enumerate(arguments):
        value = argument.removeprefix("--ui-lang=")
        if argument == "--ui-lang" and index + 1 < len(arguments):
            value = arguments[index + 1]
        if argument.startswith("--ui-lang") and value in messages.LANGUAGES:
            return value
    return messages.preferred(os.environ)


#: The language of this process's messages.
LANGUAGE = _language(sys.argv[1:])


def say(key: str, **values: object) -> str:
    """A sentence of the command line in the user's language."""
    return messages.render(f"cli.{key}", LANGUAGE, values)


@cache
def console() -> "Console":
    """Standard error, coloured on a terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def complain(error: "ChatVLMLLMError") -> None:
    """Say what went wrong and what to do."""
    console().print(f"{say('error')}: {error.message(LANGUAGE)}", style="red", markup=False)
    console().print(error.hint(LANGUAGE), markup=False)
