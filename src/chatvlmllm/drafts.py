"""Pages read in two stages: one model reads a draft of every page, then another gives the text in view of it.

A draft is an ordinary reading by one model alone, so that the store keeps it like any other. One accelerator holds one
model: all pages are drafted before the second model is asked about the first of them (`pipeline.draft_pages`), and a
shelf keeps the drafts meanwhile. Who drafts is decided in `routing`, how a model is shown a draft in `prepare`.
"""

from dataclasses import replace
from typing import Protocol

from chatvlmllm import routing
from chatvlmllm.document import Page
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import UnknownOption
from chatvlmllm.models import find
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import recipe, settings_of
from chatvlmllm.reading import Attempt, Notice, Reading, Stage, Verdict
from chatvlmllm.run import Hear, Options
from chatvlmllm.store.pages import pack, unpack

#: Drafts with these verdicts are worth showing; a page that is cut off helps as far as it goes.
_WORTH = (Verdict.OK, Verdict.TRUNCATED, Verdict.LOOPED)


class Shelf(Protocol):
    """Where drafts wait for the second stage; used by many threads."""

    def find(self, page: Page) -> Reading | None:
        """What the first stage made of the page, its failure included; None when it has not been there."""
        ...

    def keep(self, page: Page, draft: Reading) -> None:
        """Keep what came of a page."""
        ...


class Drafts:
    """A shelf in memory; the text of a page takes a few kilobytes there."""

    def __init__(self) -> None:
        self._packed: dict[tuple[str, int], bytes] = {}

    def find(self, page: Page) -> Reading | None:
        packed = self._packed.get((page.document.sha256, page.number))
        return None if packed is None else unpack(packed)

    def keep(self, page: Page, draft: Reading) -> None:
        self._packed[page.document.sha256, page.number] = pack(draft)


def order(options: Options, host: Host) -> Options | None:
    """How the first stage of such an order reads; None where its pages are read in one."""
    if options.model != routing.AUTO and not options.draft:
        return None
    found, _ = routing.candidates(None, options, routing.machine(host), routing.table(host.settings.data))
    drafter = found[0].draft if found else None
    return alone(drafter, options) if drafter else None


def alone(drafter: Model, options: Options) -> Options:
    """Nobody stands in for a draft, and nobody testifies: a page is judged when its text is final."""
    return Options(drafter.key, options.task, options.languages, fallback=False, witness=Hear.OFF)


def check(options: Options) -> None:
    """Raise UnknownModel, TaskNotSupported or UnknownOption for an order that no page could be read by."""
    if options.model != routing.AUTO:
        recipe(find(options.model), options.task)
        settings_of(find(options.model), options.settings)
    if options.draft:
        drafter = find(options.draft)
        recipe(drafter, options.task)
        if options.model != routing.AUTO and not routing.looks_at(find(options.model), drafter):
            known = ", ".join(find(options.model).options) or "—"
            raise UnknownOption(model=options.model, option=f"draft={drafter.key}", known=known)


def usable(draft: Reading) -> bool:
    """Whether there is something to show to the second model, or to stand for it."""
    return draft.reply is not None and draft.verdict in _WORTH and bool(draft.text.strip())


def caveat(draft: Reading) -> Notice:
    """Why the second model had to read alone."""
    reason = draft.failure.code if draft.failure else draft.verdict.value
    return Notice("draft_absent", {"model": draft.asked, "reason": reason})


def attempts(draft: Reading) -> tuple[Attempt, ...]:
    """What was tried for a draft, as part of what was tried for the page."""
    return tuple(
        replace(one, stage=Stage.DRAFT, reason="draft" if one.reason == routing.CHOSEN else one.reason)
        for one in draft.attempts
    )
