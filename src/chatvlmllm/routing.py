"""Which model is to read a page: an ordered list of candidates, each with its reason in a stable word.

An explicit choice is the only candidate: nothing is ever answered by another model than the one asked for, unless the
user asked for `auto`.
"""

from dataclasses import dataclass

from chatvlmllm.document import Page
from chatvlmllm.exchange import Task
from chatvlmllm.models import find
from chatvlmllm.models.card import Model
from chatvlmllm.reading import Notice

AUTO = "auto"

#: What `auto` reads pictures with, best first.
_READERS = ("embedded", "tesseract")

#: Who testifies about a generative model's answer: the reader that the thresholds of `trust` were fitted on.
_WITNESS = "tesseract"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model worth trying and why: `chosen` by the user, `text_layer` trusted, `no_gpu` so the CPU reads."""

    model: Model
    reason: str


def candidates(page: Page, asked: str, task: Task) -> tuple[list[Candidate], list[Notice]]:
    """The models to try for one page, best first, and caveats about the choice; raises UnknownModel."""
    if asked != AUTO:
        return [Candidate(find(asked), "chosen")], []
    layer = page.text_layer()
    readers = [Candidate(find(key), "no_gpu") for key in _READERS]
    if layer is None or task not in find("text_layer").recipes:
        return readers, []
    if layer.doubt is not None:
        return readers, [Notice("text_layer_ignored", {"reason": layer.doubt})]
    return [Candidate(find("text_layer"), "text_layer"), *readers], []


def witness() -> Model:
    """Who testifies about what a generative model read."""
    return find(_WITNESS)
