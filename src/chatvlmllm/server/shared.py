"""What all requests share, and who asks: the parameters that route functions declare."""

from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.server.metrics import Metrics
from chatvlmllm.server.previews import Previews
from chatvlmllm.server.pulls import Pulls
from chatvlmllm.server.runner import Runner

#: The owner of everything while there are no keys: the person at this machine.
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Shared:
    """One server's belongings.

    `pool` runs whatever blocks: one thread per generation or stream. `ending` is set when the server is about to end:
    streams that would go on for ever look at it.
    `runner` has the store and reads the jobs in it; `previews` are files that are only looked at, `pulls`
    downloads of models.
    """

    settings: Settings
    host: Host
    pool: Executor
    metrics: Metrics
    runner: Runner
    pulls: Pulls
    ending: Leaving = field(default_factory=Leaving)
    previews: Previews = field(default_factory=Previews)


# Coroutines, for the framework sends every plain function through a thread.
async def _shared(request: Request) -> Shared:
    found: Shared = request.app.state.shared
    return found


async def _owner(request: Request) -> str:
    """Whose key the request bears; the guard has checked it."""
    return str(request.scope["owner"])


SharedBy = Annotated[Shared, Depends(_shared)]
Owner = Annotated[str, Depends(_owner)]
