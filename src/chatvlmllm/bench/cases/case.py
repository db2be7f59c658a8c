"""One case: a page as a file, and everything that is known to stand on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chatvlmllm.bench.metrics import Region

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Fact:
    """One statement that a machine can check, in the manner of olmOCR-bench; `rule` is its type, `words` its values."""

    rule: str
    words: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """What is known of a page; a part that is None or empty is unknown, and what depends on it stays unscored.

    `text` is in reading order. `words` and `regions` have boxes in pixels of the case's picture. `tables` are HTML,
    `formulas` LaTeX, `markdown` the text with its formatting. `fields` map keys of the document type `form` to values,
    a repeating group to a list of such mappings. `facts` are assertions instead of a transcript.
    """

    text: str | None = None
    words: tuple[tuple[str, Box], ...] = ()
    regions: tuple[Region, ...] = ()
    tables: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    markdown: str | None = None
    form: str = ""
    fields: Mapping[str, str | Sequence[Mapping[str, str]]] | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Case:
    """One page to be read. `id` is stable, `kind` the kind of document, `data` what it came from.

    `draw` gives the bytes of the file that every subject gets, in the format of `suffix`.
    """

    id: str
    kind: str
    data: str
    truth: Truth
    draw: Callable[[], bytes]
    suffix: str = ".png"
    degradation: str = "clean"


@dataclass(frozen=True)
class Wish:
    """Which cases are wanted: the seed of everything that is drawn, degradations by name, at most `limit` pages."""

    seed: int = 1
    degradations: tuple[str, ...] = ("clean",)
    limit: int | None = None
