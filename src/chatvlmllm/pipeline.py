"""The pipeline: pages in, readings out, in page order and never one fewer.

A page that cannot be read becomes a reading whose verdict is `failed`; the other pages go on. Nothing here knows a
model by name.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm import messages, routing
from chatvlmllm.decode import Decoded
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.engines import Engine
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError, EmptyReply
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Size
from chatvlmllm.models import find
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import caveats, prepare, recipe
from chatvlmllm.reading import Attempt, Failure, Notice, Reading, Verdict
from chatvlmllm.run import Options

if TYPE_CHECKING:
    from chatvlmllm.config import Settings


def recognize(
    source: str | Path | bytes | Document,
    model: str = routing.AUTO,
    *,
    task: str = Task.TEXT,
    languages: str = "rus+eng",
    pages: Iterable[int] | None = None,
    settings: "Settings | None" = None,
) -> Iterator[Reading]:
    """Read a document page by page; closing the iterator stops the work.

    `pages` are page numbers from 1. Raises an `InputError` for a file that cannot be opened and for an unknown model or
    task; a single bad page yields a reading with verdict `failed` instead.
    """
    if settings is None:
        from chatvlmllm.config import load

        settings = load()
    options = Options(model, Task(task), tuple(languages.split("+")))
    if model != routing.AUTO:
        recipe(find(model), options.task)
    document = source if isinstance(source, Document) else open_document(source, limits=settings.limits)
    try:
        with Host(settings) as host:
            for _, reading in read_pages(document.pages(pages), options, host):
                yield reading
    finally:
        if document is not source:
            document.close()


def read_pages(pages: Iterable[Page], options: Options, host: Host) -> Iterator[tuple[Page, Reading]]:
    """Pages, of one document or many, with their readings, in the given order; several are read at once."""
    workers = host.settings.workers or os.cpu_count() or 1
    waiting: deque[tuple[Page, Future[Reading]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="page")
    try:
        for page in pages:
            waiting.append((page, pool.submit(read_page, page, options, host)))
            # Only this many pages are in memory at once, however long the document is.
            if len(waiting) > workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[Page, Future[Reading]]]) -> tuple[Page, Reading]:
    page, future = waiting.popleft()
    return page, future.result()


def read_page(page: Page, options: Options, host: Host) -> Reading:
    """Try the candidates one after the other; the first that answers wins, and every try is recorded."""
    started = time.perf_counter()
    attempts: list[Attempt] = []
    size: Size = Size(1, 1)
    notices: tuple[Notice, ...] = ()
    error: ChatVLMLLMError | None = None
    try:
        size, notices = page.size, page.notices
        chain, caveats = routing.candidates(page, options.model, options.task)
        notices = (*notices, *caveats)
    except ChatVLMLLMError as broken:
        chain, error = [], broken
    for candidate in chain:
        begun = time.perf_counter()
        try:
            reply, decoded, scaled = _ask(page, candidate.model, options, host)
        except ChatVLMLLMError as refused:
            error = refused
            attempts.append(_attempt(candidate, None, refused, time.perf_counter() - begun))
            continue
        attempts.append(_attempt(candidate, reply, None, time.perf_counter() - begun))
        return Reading(
            page=page.number,
            size=size,
            verdict=_verdict(reply, decoded, fell_back=len(attempts) > 1),
            asked=options.model,
            answered=reply.model,
            blocks=decoded.blocks,
            notices=(*notices, *scaled, *decoded.notices, *_silence(decoded)),
            attempts=tuple(attempts),
            reply=reply,
            seconds={"total": time.perf_counter() - started},
        )
    return Reading(
        page=page.number,
        size=size,
        verdict=Verdict.FAILED,
        asked=options.model,
        notices=notices,
        attempts=tuple(attempts),
        failure=failure(error) if error else None,
        seconds={"total": time.perf_counter() - started},
    )


def _ask(page: Page, model: Model, options: Options, host: Host) -> tuple[Reply, Decoded, tuple[Notice, ...]]:
    settings = host.settings
    request = prepare(page, model, options, settings.limits.page_seconds, settings.of(model.key).context)
    with host.ensure(model) as engine:
        reply = _listen(engine, request)
    return reply, recipe(model, options.task).decode(reply, request), caveats(model, request)


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


def _verdict(reply: Reply, decoded: Decoded, *, fell_back: bool) -> Verdict:
    stopped = {
        Stop.LENGTH: Verdict.TRUNCATED,
        Stop.TIMEOUT: Verdict.TRUNCATED,
        Stop.CANCELLED: Verdict.TRUNCATED,
        Stop.LOOP: Verdict.LOOPED,
    }
    if reply.stop in stopped:
        return stopped[reply.stop]
    if fell_back:
        return Verdict.FELL_BACK
    return Verdict.OK if decoded.blocks else Verdict.BLANK


def _silence(decoded: Decoded) -> tuple[Notice, ...]:
    return () if decoded.blocks else (Notice("no_text_found"),)


def _attempt(
    candidate: routing.Candidate, reply: Reply | None, error: ChatVLMLLMError | None, seconds: float
) -> Attempt:
    return Attempt(
        model=candidate.model.key,
        engine=reply.engine if reply else next(iter(candidate.model.runtimes)),
        device=reply.device if reply else None,
        reason=candidate.reason,
        outcome=reply.stop if reply else "failed",
        seconds=seconds,
        failure=failure(error) if error else None,
    )


def failure(error: ChatVLMLLMError) -> Failure:
    """An error as part of a result."""
    details = {name: messages.printable(value) for name, value in error.details.items()}
    return Failure(error.code, error.message(), error.hint(), details)
