"""What was understood of a page: blocks, lines, words, tables, and whether to believe it.

All boxes are in pixels of the upright page (`Reading.size`). Confidences are 0…1 and None where nobody measured one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chatvlmllm.exchange import Reply
from chatvlmllm.geometry import Box, Size


class Kind(StrEnum):
    """Category of a block, in the field's usual names."""

    TITLE = "title"
    HEADING = "heading"
    TEXT = "text"
    LIST = "list"
    TABLE = "table"
    PICTURE = "picture"
    FORMULA = "formula"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    HEADER = "header"
    FOOTER = "footer"
    PAGE_NUMBER = "page_number"
    STAMP = "stamp"
    SIGNATURE = "signature"


class Format(StrEnum):
    """The notation that a block's text is written in."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    LATEX = "latex"
    OTSL = "otsl"


class Verdict(StrEnum):
    """May this page be believed? Only `ok` and `blank` pages make a document `ok`."""

    OK = "ok"
    BLANK = "blank"
    TRUNCATED = "truncated"
    LOOPED = "looped"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    FELL_BACK = "fell_back"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    box: Box
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    box: Box
    words: tuple[Word, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell at `row`, `column` (from 0) that spans `rows` × `columns` of the grid."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1
    header: bool = False
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A grid of `rows` × `columns`; cells in row-major order, no two of them overlap."""

    rows: int
    columns: int
    cells: tuple[Cell, ...]

    def grid(self) -> list[list[str]]:
        """The texts as `rows` lists of `columns` strings; a spanning cell stands in its first place only."""
        lines = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            lines[cell.row][cell.column] = cell.text
        return lines


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of the page in reading order. `text` is in the notation `format`; `table` is set for tables.

    `level` is the depth of a heading, 1…6.
    """

    kind: Kind
    text: str
    box: Box | None = None
    format: Format = Format.TEXT
    lines: tuple[Line, ...] = ()
    table: Table | None = None
    confidence: float | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A caveat about a reading that exists: stable `code`, and the `details` that its message names."""

    code: str
    details: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no reading: an error's stable `code`, its message and hint in English, and the values in them."""

    code: str
    message: str
    hint: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


class Grade(StrEnum):
    """A calibrated confidence in a word: at least 0.98 is good, at least 0.9 fair, less is poor."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Characters `start`…`end` of `Reading.text` (there they are `raw`) that are not to be believed as they stand.

    `code` says why; `seen` is what the second witness reads there and `box` where that stands on the page. A doubt with
    `start == end` is about text that the reading lacks: it belongs there.
    """

    start: int
    end: int
    code: str
    raw: str = ""
    seen: str = ""
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """A correction that is certain enough to offer: characters `start`…`end` of `Reading.text` are `raw`.

    Nothing applies it unless asked to; the text stays as it was read.
    """

    start: int
    end: int
    raw: str
    repaired: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the verdict rests on.

    `reasons` are the findings that decided it, `measures` the numbers behind them by name (shares are 0…1), `witness`
    is the model that was heard as second witness and `words` what it read, with places; `calibration` names the data
    that the confidences were calibrated on.
    """

    reasons: tuple[Notice, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    repairs: tuple[Repair, ...] = ()
    witness: str | None = None
    calibration: str | None = None
    words: tuple[Word, ...] = ()


class Stage(StrEnum):
    """What a try was for: a `draft`, the `final` text by a model that was shown the draft, or the `whole` at once."""

    WHOLE = "whole"
    DRAFT = "draft"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a page: which model on which engine and device, why it, how it ended and after how long."""

    model: str
    engine: str
    device: str | None
    reason: str
    outcome: str
    seconds: float
    failure: Failure | None = None
    stage: Stage = Stage.WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One page, read.

    `page` counts from 1; `size` is the upright page in pixels; `asked` is what the user asked for, `answered` the
    model that did answer; `reply` keeps the raw answer; `failure` is set exactly when `verdict` is `failed`. `further`
    are the raw answers about the rest of the page after `reply` broke off; `draft` is the raw answer of the model
    that read first, where `reply` is the second of two stages; `evidence` says what the verdict rests on.
    """

    page: int
    size: Size
    verdict: Verdict
    asked: str
    answered: str | None = None
    blocks: tuple[Block, ...] = ()
    notices: tuple[Notice, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    reply: Reply | None = None
    further: tuple[Reply, ...] = ()
    draft: Reply | None = None
    failure: Failure | None = None
    evidence: Evidence = Evidence()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The page's text as the model wrote it, blocks separated by an empty line."""
        return text_of(self.blocks)

    @property
    def words(self) -> tuple[Word, ...]:
        """Every located word, in reading order."""
        return tuple(word for block in self.blocks for line in block.lines for word in line.words)

    @property
    def confidence(self) -> float | None:
        """Mean confidence of the words that have one, weighted by their length; None when none has."""
        rated = [(w.confidence, len(w.text)) for w in self.words if w.confidence is not None]
        total = sum(length for _, length in rated)
        return sum(value * length for value, length in rated) / total if total else None


def text_of(blocks: Iterable[Block]) -> str:
    """The text of blocks, separated by an empty line; what every offset of a `Doubt` or a `Repair` counts in."""
    return "\n\n".join(block.text for block in blocks if block.text)
