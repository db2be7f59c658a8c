"""What happens in a pass over many documents."""

from dataclasses import dataclass

from chatvlmllm.batch.items import Item
from chatvlmllm.reading import Failure, Verdict


@dataclass(frozen=True, slots=True)
class Opened:
    """A document was opened; `known` of its `pages` pages need not be read."""

    name: str
    pages: int
    known: int


@dataclass(frozen=True, slots=True)
class Read:
    """A page was read and its result stored."""

    name: str
    page: int
    verdict: Verdict
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Drafted:
    """A page was read by the first of two stages."""

    name: str
    page: int


@dataclass(frozen=True, slots=True)
class Written:
    """A document is done for now: `open_pages` of it have no result that stays."""

    item: Item
    verdict: Verdict
    open_pages: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A document could not be opened."""

    item: Item
    failure: Failure


Event = Opened | Drafted | Read | Written | Refused
