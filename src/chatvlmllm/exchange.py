"""One exchange with a model: what is asked (`Request`), what is said meanwhile (`Delta`), what was said (`Reply`).

A request is exactly what is sent and a reply exactly what came back; wishes and interpretations live elsewhere
(`recognize.Options` before, `reading.Reading` after).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from chatvlmllm.geometry import Box, Size

if TYPE_CHECKING:
    from PIL.Image import Image

    from chatvlmllm.document import TextLayer


class Task(StrEnum):
    """What is wanted from a page. A model can do a task if its card has a recipe for it."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LAYOUT = "layout"
    TABLE = "table"
    FORMULA = "formula"
    SPOTTING = "spotting"
    CHAT = "chat"


class Stop(StrEnum):
    """Why a model stopped talking."""

    END = "end"
    LENGTH = "length"
    LOOP = "loop"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation; images, if any, stand before its text.

    `files` are, image by image, `data:` URIs of files that hold exactly these pixels, so that nobody has to encode
    what is encoded already; None, or nothing at all, where there is none.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple["Image", ...] = ()
    files: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one generation: at most `tokens` new tokens and `seconds` of wall-clock time."""

    tokens: int = 4096
    seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a free answer is to be said; pages are always read with the default.

    `temperature` 0 means the likeliest word each time; `stops` end the answer and are not part of it; `form` is
    OpenAI's `response_format`, for engines that can hold an answer to it.
    """

    temperature: float = 0.0
    top_p: float | None = None
    seed: int | None = None
    stops: tuple[str, ...] = ()
    form: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Exactly what is sent to an engine.

    `image` is RGB as sent; it shows `region` of a page that has `page` pixels. `text_layer` is the text that a
    born-digital PDF page carries, in page pixels. `options` are the task options of the model's recipe. `schema` is the
    JSON schema that the answer is held to, by engines that can.
    """

    model: str
    task: Task
    page: Size
    region: Box
    image: "Image | None" = None
    text_layer: "TextLayer | None" = None
    prompt: str = ""
    turns: tuple[Turn, ...] = ()
    languages: tuple[str, ...] = ("rus", "eng")
    limits: Limits = Limits()
    options: Mapping[str, object] = field(default_factory=dict)
    manner: Manner = Manner()
    schema: Mapping[str, object] | None = None

    @property
    def sent(self) -> Size:
        """Size of the image as sent, in pixels; the page's own size when no image is sent."""
        return Size(*self.image.size) if self.image is not None else self.page

    def to_page(self, box: Box) -> Box:
        """A box in pixels of the sent image, moved to page pixels and clipped to the page."""
        moved = box.move(self.sent, self.region).clip(self.page)
        return Box(round(moved.x1, 2), round(moved.y1, 2), round(moved.x2, 2), round(moved.y2, 2))


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text, as soon as it was said."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as counted by the engine; None where it does not count."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Exactly what was said. Never edited afterwards.

    `model` is the key that answered, `engine` what ran it, `device` where ("cpu", "cuda:0"), `seconds` the stages
    that were measured, `versions` those of the libraries that mattered, `choices` what was chosen automatically and
    why, `served` the name under which a server says that it answered.
    """

    text: str
    stop: Stop
    model: str
    engine: str
    device: str
    dtype: str | None = None
    attention: str | None = None
    served: str | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    usage: Usage = Usage()
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
