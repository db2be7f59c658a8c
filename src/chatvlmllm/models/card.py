"""What a model file declares: identity, weights, image rules, one recipe per task, and what may run it.

A card is a value. Nothing here or in a model file imports a network library before a `load` function is called.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from chatvlmllm.decode import Decoder
from chatvlmllm.exchange import Limits, Request, Task, Turn
from chatvlmllm.geometry import Size

if TYPE_CHECKING:
    from PIL.Image import Image

    from chatvlmllm.config import Settings

#: A sentence for people, by interface language.
Words = Mapping[str, str]


#: Why a network never runs in the embedded engine.
TOO_LARGE: Words = {
    "en": "a network never runs inside the program's own process",
    "ru": "нейросеть никогда не работает внутри процесса самой программы",
}


class Sizing(Protocol):
    """An image rule. `room` bounds the tokens that an image may cost."""

    def fit(self, size: Size, room: int | None = None) -> Size: ...
    def tokens(self, sent: Size) -> int: ...


@dataclass(frozen=True, slots=True)
class ImageRules:
    """How large an image a model wants, as an area in pixels; a side is enlarged at most `max_enlargement` times."""

    min_pixels: int = 1
    max_pixels: int = 100_000_000
    max_enlargement: float = 1.0

    def fit(self, size: Size, room: int | None = None) -> Size:  # noqa: ARG002 readers without tokens have room
        """The size to send; the aspect ratio is kept to the pixel."""
        if size.area > self.max_pixels:
            return size.scaled(math.sqrt(self.max_pixels / size.area))
        if size.area < self.min_pixels:
            return size.scaled(min(self.max_enlargement, math.sqrt(self.min_pixels / size.area)))
        return size

    def tokens(self, sent: Size) -> int:  # noqa: ARG002 no image costs tokens here
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one task is done: what to ask, how to understand the answer, how long it may take.

    `options` are the recipe's own settings of the model's request; a user's options are laid over them.
    """

    decode: Decoder
    prompt: str = ""
    limits: Limits = field(default_factory=Limits)
    needs_image: bool = True
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a checkpoint comes from.

    `revision` is a commit of `repo`; where none could be verified, `unpinned` says why and the first download resolves
    `branch` and writes the commit beside the files. Code of the repository runs only from a `revision` given here.
    """

    repo: str
    revision: str | None
    parameters: float
    bytes: int
    vram: int
    branch: str = "main"
    unpinned: str = ""
    remote_code: bool = False
    ignore: tuple[str, ...] = ("*.bin", "*.pth", "*.onnx", "*.gguf", "*.pt")


class Reader(Protocol):
    """A model inside this process. `read` may be called from many threads at once."""

    def read(self, request: Request) -> Iterator[str]: ...
    def versions(self) -> Mapping[str, str]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Runs inside this process; `load` makes the reader."""

    load: "Callable[[Settings], Reader]"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a network is put; decided in the worker, each choice with its reason in `reasons`."""

    device: str
    dtype: str
    attention: str
    quantization: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A local folder to load, and how. `remote_code` allows the Python files in it to run."""

    folder: str
    placement: Placement
    remote_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A network that is ready to talk; lives in a worker only.

    `encode` makes the network's inputs of a request, `stops` are the tokens that end a reply, `image_token` the one
    that stands for a piece of an image, `special` keeps special tokens in the text, `guards` are logits processors.
    """

    network: Any
    tokenizer: Any
    encode: Callable[[Request], Mapping[str, Any]]
    stops: tuple[int, ...]
    image_token: int
    special: bool = False
    guards: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Runs through Transformers in a process of its own; `load` is called there.

    `attention` lists what the class supports, the default first. `requirements` are the pins of an isolated environment
    that `models pull` makes; empty means the environment of this package. `skip` are modules never quantised.
    """

    load: Callable[[Checkpoint], Loaded]
    attention: tuple[str, ...] = ("sdpa", "eager", "flash_attention_2")
    requirements: tuple[str, ...] = ()
    quantization: tuple[str, ...] = ("int8", "int4")
    half: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Runs in a vLLM server: extra arguments, extra body of a request, text before the prompt, another repository."""

    arguments: tuple[str, ...] = ()
    body: Mapping[str, object] = field(default_factory=dict)
    prefix: str = ""
    repo: str | None = None
    revision: str | None = None


AnyRuntime = Runtime | Worker | Served


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One registered model. `title` is its name; `summary` and `cannot` are by interface language.

    `runtimes` are the engines that may run it, the preferred one first; `excluded` says of every other engine why not.
    `context` is in tokens. `tiled` is the image rule when the option `crop` is set. `options` are those that a user may
    set; `translate` turns an older notation into them.
    """

    key: str
    title: str
    summary: Words
    licence: str
    languages: tuple[str, ...]
    recipes: Mapping[Task, Recipe]
    runtimes: Mapping[str, AnyRuntime]
    excluded: Mapping[str, Words] = field(default_factory=dict)
    cannot: Words = field(default_factory=dict)
    image: Sizing = field(default_factory=ImageRules)
    tiled: Sizing | None = None
    weights: Weights | None = None
    context: int | None = None
    options: tuple[str, ...] = ()
    translate: Callable[[Mapping[str, object]], Mapping[str, object]] = dict

    @property
    def generative(self) -> bool:
        """Can it invent text? All but the readers inside this process can, and are worth a second witness."""
        return any(engine != "embedded" for engine in self.runtimes)


def sizing(model: Model, options: Mapping[str, object]) -> Sizing:
    """The image rule that holds for a request with `options`."""
    return model.tiled if model.tiled is not None and options.get("crop") else model.image


def conversation(request: Request) -> tuple[Turn, ...]:
    """The turns to send: the request's own, with its image in the first question, or one question with the prompt."""
    images: tuple[Image, ...] = (request.image,) if request.image is not None else ()
    if not request.turns:
        return (Turn("user", request.prompt, images),)
    turns = list(request.turns)
    first = next(index for index, turn in enumerate(turns) if turn.role == "user")
    if images and not turns[first].images:
        turns[first] = Turn("user", turns[first].text, images)
    return tuple(turns)


def pictures(turns: Sequence[Turn]) -> list["Image"]:
    """Every image of a conversation, in order."""
    return [image for turn in turns for image in turn.images]
