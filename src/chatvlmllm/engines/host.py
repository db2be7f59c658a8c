"""The one owner of running engines: hands them out, starts each at most once, closes them all.

with Host(settings) as host, host.ensure(model) as engine:
    engine.stream(request)
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from chatvlmllm.config import Settings
from chatvlmllm.engines import Engine
from chatvlmllm.engines.start import start
from chatvlmllm.models import find
from chatvlmllm.models.card import Model


class Host:
    """Owns every engine that this process started."""

    def __init__(self, settings: Settings) -> None:
        for key in settings.models:
            find(key)  # a misspelt key must not leave its settings without effect
        self.settings = settings
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}

    @contextmanager
    def ensure(self, model: Model) -> Iterator[Engine]:
        """A ready engine for `model`, started if it is not running yet."""
        with self._lock:
            if model.key not in self._engines:
                self._engines[model.key] = start(model, self.settings)
            engine = self._engines[model.key]
        yield engine

    def close(self) -> None:
        """End every engine."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
