"""What a model file declares: identity, image rules, one recipe per task, and what may run it.

A card is a value. Nothing here or in a model file imports a network library before `Runtime.load` is called.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatvlmllm.decode import Decoder
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.geometry import Size

if TYPE_CHECKING:
    from chatvlmllm.config import Settings


@dataclass(frozen=True, slots=True)
class ImageRules:
    """How large an image a model wants, as an area in pixels; a side is enlarged at most `max_enlargement` times."""

    min_pixels: int = 1
    max_pixels: int = 100_000_000
    max_enlargement: float = 1.0

    def fit(self, size: Size) -> Size:
        """The size to send; the aspect ratio is kept to the pixel."""
        if size.area > self.max_pixels:
            return size.scaled(math.sqrt(self.max_pixels / size.area))
        if size.area < self.min_pixels:
            return size.scaled(min(self.max_enlargement, math.sqrt(self.min_pixels / size.area)))
        return size


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one task is done: what to ask, how to understand the answer, how long it may take."""

    decode: Decoder
    prompt: str = ""
    limits: Limits = field(default_factory=Limits)
    needs_image: bool = True


class Reader(Protocol):
    """A model inside this process. `read` may be called from many threads at once."""

    def read(self, request: Request) -> Iterator[str]: ...
    def versions(self) -> Mapping[str, str]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One engine that may run the model; `load` makes its in-process reader."""

    load: "Callable[[Settings], Reader]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One registered model. `title` and `summary` are by interface language."""

    key: str
    title: str
    summary: Mapping[str, str]
    licence: str
    languages: tuple[str, ...]
    recipes: Mapping[Task, Recipe]
    runtimes: Mapping[str, Runtime]
    image: ImageRules = field(default_factory=ImageRules)

    @property
    def generative(self) -> bool:
        """Can it invent text? All but the readers inside this process can, and are worth a second witness."""
        return any(engine != "embedded" for engine in self.runtimes)
