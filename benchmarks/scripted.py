"""A model that says what it is told after a given time: stands for a vision-language model on another device."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from chatvlmllm.config import Settings
from chatvlmllm.decode import Decoded
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.start import Start, plan
from chatvlmllm.errors import MissingExtra
from chatvlmllm.exchange import Delta, Reply, Request, Stop, Task
from chatvlmllm.models import catalogue
from chatvlmllm.models.card import Model, Recipe, Runtime
from chatvlmllm.reading import Block, Kind


def _plain(reply: Reply, _request: Request) -> Decoded:
    return Decoded((Block(Kind.TEXT, reply.text),)) if reply.text else Decoded()


@dataclass
class Scripted:
    """An engine that says `text` in pieces over `seconds`; remembers what it was asked. Further replies: `more`."""

    text: str
    seconds: float = 0.0
    stop: Stop = Stop.END
    more: list[tuple[str, Stop]] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    key: ClassVar[str] = "scripted"
    name: ClassVar[str] = "scripted"
    device: ClassVar[str] = "none"
    slots: ClassVar[int] = 1

    def stream(self, request: Request) -> Iterator[Delta | Reply]:
        """Say the next reply."""
        text, stop = (self.text, self.stop) if not self.asked else self.more[len(self.asked) - 1]
        self.asked.append(request)
        for start in range(0, len(text), 200):
            time.sleep(self.seconds * min(200, len(text) - start) / len(text))
            yield Delta(text[start : start + 200])
        yield Reply(text=text, stop=stop, model=self.key, engine=self.name, device=self.device)

    def close(self) -> None:
        """Nothing is held."""


MODEL = Model(
    key=Scripted.key,
    title="Scripted",
    summary={"en": "says what it is told", "ru": "говорит, что велено"},
    licence="MIT",
    languages=("any",),
    recipes={task: Recipe(decode=_plain) for task in (Task.TEXT, Task.CHAT)},
    runtimes={"scripted": Runtime(load=lambda _settings: None)},  # type: ignore[arg-type, return-value]
)


@contextmanager
def scripted_host(engine: Scripted, absent: Collection[str] = ()) -> Iterator[Host]:
    """A host that runs `engine` for the model `scripted`, which is registered meanwhile as a third party's would be.

    The models `absent` are not installed on its machine.
    """

    def planner(model: Model, settings: Settings, cpu: bool) -> Start:
        if model.key == Scripted.key:
            return Start(engine=Scripted.name, reason="first_of_card", run=lambda _hooks: engine)
        if model.key in absent:
            raise MissingExtra(feature=model.title, command=f"pip install {model.key}")
        return plan(model, settings, cpu=cpu)

    with TemporaryDirectory() as data, Host(Settings(workers=1, data=Path(data)), planner) as host:
        catalogue()[Scripted.key] = MODEL
        try:
            yield host
        finally:
            del catalogue()[Scripted.key]
