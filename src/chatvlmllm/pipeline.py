"""The pipeline: pages in, readings out, in page order and never one fewer.

A page that cannot be read becomes a reading whose verdict is `failed`; the other pages go on. Nothing here knows a
model by name.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm import ladder, routing
from chatvlmllm.decode import Decoded
from chatvlmllm.decode.loops import find_loop
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.engines import Engine
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError, EmptyReply
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Size
from chatvlmllm.ladder import Answer, Step, Try, failure
from chatvlmllm.models import find
from chatvlmllm.prepare import caveats, prepare, recipe
from chatvlmllm.reading import Notice, Reading, Verdict
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


@dataclass(frozen=True, slots=True)
class Watch:
    """How a caller follows the work: `heard` gets every piece of text as it is said, `stop` ends what is going on."""

    heard: Callable[[Page, str], None] | None = None
    stop: threading.Event = field(default_factory=threading.Event)


def read_pages(
    pages: Iterable[Page], options: Options, host: Host, watch: Watch | None = None
) -> Iterator[tuple[Page, Reading]]:
    """Pages, of one document or many, with their readings, in the given order; several are read at once.

    Closing the iterator ends the generations that are going on.
    """
    watch = watch or Watch()
    workers = host.width(options.model)
    waiting: deque[tuple[Page, Future[Reading]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="page")
    try:
        for page in pages:
            waiting.append((page, pool.submit(read_page, page, options, host, watch)))
            # Only this many pages are in memory at once, however long the document is.
            if len(waiting) > workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    finally:
        watch.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[Page, Future[Reading]]]) -> tuple[Page, Reading]:
    page, future = waiting.popleft()
    return page, future.result()


def read_page(page: Page, options: Options, host: Host, watch: Watch | None = None) -> Reading:
    """Try the candidates one after the other; the first that answers wins, and every try is recorded."""
    started, watch = time.perf_counter(), watch or Watch()
    size: Size = Size(1, 1)
    notices: tuple[Notice, ...] = ()
    try:
        size, notices = page.size, page.notices
        chain, caveats = routing.candidates(page, options, routing.machine(host), routing.table(host.settings.data))
        notices = (*notices, *caveats)
    except ChatVLMLLMError as broken:
        walked = ladder.Walk(error=broken)
    else:
        rungs = ladder.steps(chain, cpu=host.settings.gpu.cpu_fallback and options.fallback)
        walked = ladder.walk(rungs, Asking(page, options, host, watch).take, lambda: not watch.stop.is_set())
    reading = Reading(
        page=page.number,
        size=size,
        verdict=Verdict.FAILED,
        asked=options.model,
        notices=(*notices, *walked.notices),
        attempts=tuple(walked.attempts),
        seconds={"total": time.perf_counter() - started},
    )
    if walked.answer is None or walked.step is None:
        return replace(reading, failure=failure(walked.error) if walked.error else None)
    reply, decoded = walked.answer.reply, walked.answer.decoded
    return replace(
        reading,
        verdict=_verdict(reply, decoded, fell_back=walked.step.fell_back),
        answered=reply.model,
        blocks=decoded.blocks,
        notices=(*reading.notices, *walked.answer.notices, *decoded.notices, *_silence(decoded)),
        reply=reply,
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """One page that is being asked about."""

    page: Page
    options: Options
    host: Host
    watch: Watch

    def take(self, step: Step, noted: Try) -> Answer:
        """Ask one model in one way; what loops is understood without its loop."""
        host, model = self.host, step.model
        noted.engine = host.engine_of(model, cpu=step.cpu)
        options = self.options if model.key == self.options.model else replace(self.options, settings={})
        seconds, context = host.settings.limits.page_seconds, host.context(model)
        request = prepare(self.page, model, options, seconds, context, step.scale)
        with host.ensure(model, cpu=step.cpu, alone=step.alone) as engine:
            noted.engine, noted.entered = engine.name, True
            reply = self._listen(engine, request)
        decoded = recipe(model, options.task).decode(_without_loop(reply), request)
        notices = caveats(model, request)
        if step.scale < 1:
            notices = (*notices, Notice("image_reduced", {"percent": round(100 * step.scale)}))
        return Answer(reply, decoded, notices)

    def _listen(self, engine: Engine, request: Request) -> Reply:
        """The engine's reply; past the deadline the generation is closed and what was said so far is kept."""
        started, said, stop = time.perf_counter(), [], Stop.TIMEOUT
        stream = engine.stream(request)
        with closing(stream):  # type: ignore[type-var]
            for item in stream:
                if isinstance(item, Reply):
                    return item
                said.append(item.text)
                if self.watch.heard is not None:
                    self.watch.heard(self.page, item.text)
                if self.watch.stop.is_set():
                    stop = Stop.CANCELLED
                    break
                if time.perf_counter() - started > request.limits.seconds:
                    break
        if not said:
            raise EmptyReply(model=request.model)
        return Reply(
            text="".join(said),
            stop=stop,
            model=request.model,
            engine=engine.name,
            device=engine.device,
            seconds={"generate": time.perf_counter() - started},
        )


def _without_loop(reply: Reply) -> Reply:
    """The reply up to its loop, the repeated unit said once; the reply itself stays as it is."""
    if reply.stop is not Stop.LOOP:
        return reply
    loop = find_loop(reply.text)
    return replace(reply, text=reply.text[: loop.keep]) if loop else reply


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
