"""What runs a model. An engine is a running thing with one method.

`stream` yields `Delta`s while the model talks and its `Reply` last; closing the generator cancels the generation.
"""

from collections.abc import Iterator
from typing import Protocol

from chatvlmllm.exchange import Delta, Reply, Request

__all__ = ["Engine"]


class Engine(Protocol):
    """A model that is ready to be asked. `slots` is how many requests are worth making at once."""

    @property
    def name(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def slots(self) -> int: ...

    def stream(self, request: Request) -> Iterator[Delta | Reply]: ...

    def close(self) -> None: ...
