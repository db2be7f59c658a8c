"""The engine inside this process: CPU readers that come with the package.

It reads one page per call and as many calls at once as there are cores.
"""

import os
import time
from collections.abc import Iterator

from chatvlmllm.config import Settings
from chatvlmllm.exchange import Delta, Reply, Request, Stop
from chatvlmllm.models.card import Model, Runtime


class Embedded:
    """Runs a model's in-process reader."""

    name = "embedded"
    device = "cpu"

    def __init__(self, model: Model, settings: Settings) -> None:
        self.slots = settings.workers or os.cpu_count() or 1
        runtime = model.runtimes[self.name]
        assert isinstance(runtime, Runtime)
        self._reader = runtime.load(settings)

    def stream(self, request: Request) -> Iterator[Delta | Reply]:
        """Pieces as the reader says them, then the reply."""
        started, said = time.perf_counter(), []
        for piece in self._reader.read(request):
            said.append(piece)
            yield Delta(piece)
        yield Reply(
            text="".join(said),
            stop=Stop.END,
            model=request.model,
            engine=self.name,
            device=self.device,
            seconds={"generate": time.perf_counter() - started},
            versions=self._reader.versions(),
        )

    def close(self) -> None:
        self._reader.close()
