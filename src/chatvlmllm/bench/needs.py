"""Libraries of the laboratory that are extras: asked for before work begins, so that it does not end in the middle."""

from importlib.util import find_spec

from chatvlmllm.errors import MissingExtra


def need(*libraries: str) -> None:
    """Raise MissingExtra for the first library that is not installed."""
    for library in libraries:
        if find_spec(library) is None:
            raise MissingExtra(feature=library, command='pip install "chatvlmllm[lab]"')
