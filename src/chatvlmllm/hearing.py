"""Hearing the second witness: the embedded engine reads beside a generative model, and once more where they differ.

The first look starts before the model is asked and runs in another thread, on the CPU, so that it costs no time of a
model that takes longer than it. Closer looks happen only where there is a suspicion. A witness that cannot read is no
reason to lose the page: its absence is a notice.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Reply, Request, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import prepare_look, recipe
from chatvlmllm.reading import Evidence, Notice, Word
from chatvlmllm.run import Hear, Options
from chatvlmllm.trust.examine import examine
from chatvlmllm.trust.looks import Look

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Witness:
    """The models that testify about one page, what they need for that, and the first look on its way."""

    image: "Image"
    models: tuple[Model, ...]
    languages: tuple[str, ...]
    host: Host
    first: "Future[tuple[Word, ...]]"


def wanted(model: Model, options: Options) -> bool:
    """Does an answer of `model` need a witness? Readers that cannot invent are their own."""
    if options.witness is Hear.OFF or options.task is Task.CHAT:
        return False
    return model.generative


def call(image: "Image", models: tuple[Model, ...], options: Options, host: Host, aside: Executor) -> Witness:
    """Let the first witness begin to read the page in another thread."""
    look = first_look(Size(*image.size), options.languages)
    first = aside.submit(look_at, image, models, look, host)
    return Witness(image, models, options.languages, host, first)


def first_look(size: Size, languages: Sequence[str], reader: int = 0) -> Look:
    """The whole page."""
    return Look(whole(size), tuple(languages), layout="page", reader=reader)


def first_words(witness: Witness | None) -> tuple[Word, ...]:
    """What the witness read at first, once it has; nothing when there is none or it cannot read."""
    if witness is None:
        return ()
    try:
        return witness.first.result()
    except ChatVLMLLMError:
        return ()


def hear(witness: Witness, text: str) -> tuple[Evidence, tuple[Notice, ...], float]:
    """What the witness says about `text`, and the seconds that the page waited for it."""
    started = time.perf_counter()

    def ask(look: Look) -> Sequence[Word]:
        try:
            return look_at(witness.image, witness.models, look, witness.host)
        except ChatVLMLLMError:
            # One reader's program or data may be missing; the other looks decide.
            return ()

    try:
        words = witness.first.result()
    except ChatVLMLLMError as absent:
        notice = Notice("witness_absent", {"model": witness.models[0].key, "reason": absent.message()})
        return Evidence(), (notice,), time.perf_counter() - started
    evidence = examine(text, words, Size(*witness.image.size), witness.languages, ask)
    return replace(evidence, witness=witness.models[0].key, words=words), (), time.perf_counter() - started


def look_at(image: "Image", models: Sequence[Model], look: Look, host: Host) -> tuple[Word, ...]:
    """One look of one of the witnesses at a page: its words, in page pixels."""
    model = models[look.reader]
    request = prepare_look(image, model, look, host.settings.limits.page_seconds)
    decoded = recipe(model, Task.TEXT).decode(_reply(request, model, host), request)
    return tuple(word for block in decoded.blocks for line in block.lines for word in line.words)


def _reply(request: Request, model: Model, host: Host) -> Reply:
    with host.ensure(model) as engine:
        *_, last = engine.stream(request)
    assert isinstance(last, Reply)
    return last
