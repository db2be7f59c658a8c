"""Asking a model about a page until it has said all of it: a broken answer is mended by reading the rest of the page.

Effects only; what to keep and where to go on is decided in `trust.repair`.
"""

import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatvlmllm import hearing
from chatvlmllm.decode import Decoded
from chatvlmllm.engines import Engine
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError, EmptyReply
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Box, Size
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import caveats, fit, prepare, recipe, room
from chatvlmllm.reading import Notice, Word
from chatvlmllm.run import Options
from chatvlmllm.trust import repair

if TYPE_CHECKING:
    from chatvlmllm.document import Page


@dataclass(frozen=True, slots=True)
class Answer:
    """Every reply to a page, the first one first, and the blocks made of them; `whole` if the last came to its end."""

    replies: tuple[Reply, ...]
    decoded: Decoded
    whole: bool


def ask(page: "Page", model: Model, options: Options, host: Host, witness: hearing.Witness | None) -> Answer:
    """The model's answer about the page, with the rest of the page asked for again where it broke off."""
    reply, decoded, kept = _part(page, model, options, host, None)
    answer = Answer((reply,), decoded, whole=not kept.broken)
    if not kept.broken or options.task is Task.CHAT or not recipe(model, options.task).needs_image:
        return answer
    words = hearing.first_words(witness)
    for _ in range(repair.MOST_ROUNDS):
        blocks = repair.good(answer.decoded.blocks)
        regions = repair.rest(blocks, words, page.size)
        if not regions:
            break
        further = _rest(page, model, options, host, _bands(answer, regions, words))
        if further is None:
            break
        answer = _joined(replace(answer, decoded=replace(answer.decoded, blocks=blocks)), further)
        if answer.whole:
            break
    return answer


def _bands(answer: Answer, regions: tuple[Box, ...], words: tuple[Word, ...]) -> tuple[Box, ...]:
    """Where a table broke the answer, the rest is read in bands of rows: less at once, less to lose the thread in."""
    last = answer.decoded.blocks[-1] if answer.decoded.blocks else None
    if last is None or last.table is None:
        return regions
    return tuple(band for region in regions for band in repair.bands(region, words))


def _rest(page: "Page", model: Model, options: Options, host: Host, regions: tuple[Box, ...]) -> Answer | None:
    """The answers about the regions, one after the other, up to one that breaks off too; None when none came."""
    found: Answer | None = None
    for region in regions:
        try:
            reply, decoded, kept = _part(page, model, options, host, region)
        except ChatVLMLLMError:
            # What the first reply said stays worth having; the page keeps its verdict.
            break
        part = Answer((reply,), decoded, whole=not kept.broken)
        found = part if found is None else _joined(found, part)
        if not found.whole:
            break
    return found


def _joined(first: Answer, second: Answer) -> Answer:
    parts = len(first.replies) + len(second.replies)
    notices = tuple(notice for notice in first.decoded.notices if notice.code != "parts_joined")
    blocks = repair.join(first.decoded.blocks, second.decoded.blocks)
    decoded = Decoded(blocks, (*notices, *second.decoded.notices, Notice("parts_joined", {"parts": parts})))
    return Answer((*first.replies, *second.replies), decoded, second.whole)


def _part(
    page: "Page", model: Model, options: Options, host: Host, region: Box | None
) -> tuple[Reply, Decoded, repair.Kept]:
    settings, context = host.settings, host.settings.of(model.key).context or model.context
    request = prepare(page, model, options, settings.limits.page_seconds, context)
    if region is not None:
        request = _cropped(request, page, model, region, context)
    with host.ensure(model) as engine:
        reply = _listen(engine, request)
    kept = repair.keep(reply)
    decoded = recipe(model, options.task).decode(kept.reply, request)
    scaled = caveats(model, request) if region is None else ()
    return reply, replace(decoded, notices=(*scaled, *decoded.notices)), kept


def _cropped(request: Request, page: "Page", model: Model, region: Box, context: int | None) -> Request:
    """The same question about a part of the page, at the size that the model wants of a picture of that shape."""
    edges = (round(region.x1), round(region.y1), round(region.x2), round(region.y2))
    image = page.image().crop(edges)
    wanted = fit(Size(*image.size), model, request.options, room(recipe(model, request.task), context))
    if (wanted.width, wanted.height) != image.size:
        image = image.resize((wanted.width, wanted.height), resample=3)
    return replace(request, region=Box(*edges), image=image)


def _listen(engine: Engine, request: Request) -> Reply:
    """The engine's reply; past the deadline the generation is closed and what was said so far is kept."""
    started, said = time.perf_counter(), []
    stream = engine.stream(request)
    with closing(stream):  # type: ignore[type-var]
        for item in stream:
            if isinstance(item, Reply):
                return item
            said.append(item.text)
            if time.perf_counter() - started > request.limits.seconds:
                break
    if not said:
        raise EmptyReply(model=request.model)
    seconds = {"generate": time.perf_counter() - started}
    return Reply(
        text="".join(said),
        stop=Stop.TIMEOUT,
        model=request.model,
        engine=engine.name,
        device=engine.device,
        seconds=seconds,
    )
