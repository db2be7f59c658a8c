"""The pipeline: pages in, readings out, in page order and never one fewer.

A page that cannot be read becomes a reading whose verdict is `failed`; the other pages go on. Nothing here knows a
model by name.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm import hearing, ladder, routing
from chatvlmllm.asking import Asking, Watch
from chatvlmllm.decode.loops import find_loop
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Reply, Task
from chatvlmllm.geometry import Size
from chatvlmllm.ladder import Answer, Walk, failure
from chatvlmllm.models import find
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import recipe
from chatvlmllm.reading import Block, Evidence, Notice, Reading, Verdict, text_of
from chatvlmllm.run import Hear, Options
from chatvlmllm.trust.blank import measure
from chatvlmllm.trust.confidence import calibrated, curve
from chatvlmllm.trust.scripts import suspicious
from chatvlmllm.trust.verdict import Course, decide

if TYPE_CHECKING:
    from chatvlmllm.config import Settings


def recognize(  # noqa: PLR0913 the public face: every option has a default
    source: str | Path | bytes | Document,
    model: str = routing.AUTO,
    *,
    task: str = Task.TEXT,
    languages: str = "rus+eng",
    pages: Iterable[int] | None = None,
    witness: str = Hear.AUTO,
    settings: "Settings | None" = None,
) -> Iterator[Reading]:
    """Read a document page by page; closing the iterator stops the work.

    `pages` are page numbers from 1; `witness` is auto, on or off (see `run.Hear`). Raises an `InputError` for a file
    that cannot be opened and for an unknown model or task; a single bad page yields a reading with verdict `failed`
    instead.
    """
    if settings is None:
        from chatvlmllm.config import load

        settings = load()
    options = Options(model, Task(task), tuple(languages.split("+")), witness=Hear(witness))
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
    # A witness is asked while a page waits for its model, so there are never more of them than pages being read.
    aside = ThreadPoolExecutor(workers, thread_name_prefix="page-witness")
    try:
        for page in pages:
            waiting.append((page, pool.submit(_read, page, options, host, watch, aside)))
            # Only this many pages are in memory at once, however long the document is.
            if len(waiting) > workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    finally:
        watch.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        aside.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[Page, Future[Reading]]]) -> tuple[Page, Reading]:
    page, future = waiting.popleft()
    return page, future.result()


def _read(page: Page, options: Options, host: Host, watch: Watch, aside: Executor) -> Reading:
    reading = read_page(page, options, host, watch, aside)
    if watch.finished is not None:
        watch.finished(page, reading)
    return reading


def read_page(
    page: Page, options: Options, host: Host, watch: Watch | None = None, aside: Executor | None = None
) -> Reading:
    """Try the candidates one after the other; the first that answers wins, and every try is recorded.

    `aside` runs the second witness while the model reads.
    """
    started = time.perf_counter()
    page = page.held()
    size: Size = Size(1, 1)
    notices: tuple[Notice, ...] = ()
    walked, outcome = Walk(), _Outcome(Verdict.FAILED)
    try:
        size, notices = page.size, page.notices
        chain, caveats = routing.candidates(page, options, routing.machine(host), routing.table(host.settings.data))
        notices = (*notices, *caveats)
        blank = _blank(page, chain[0].model, options)
    except ChatVLMLLMError as broken:
        walked.error = broken
    else:
        if blank is not None:
            outcome = _Outcome(Verdict.BLANK, evidence=blank, notices=blank.reasons)
        else:
            walked, outcome = _climb(chain, Asking(page, options, host, watch or Watch(), aside))
    return Reading(
        page=page.number,
        size=size,
        verdict=outcome.verdict,
        asked=options.model,
        answered=outcome.replies[0].model if outcome.replies else None,
        blocks=outcome.blocks,
        notices=(*notices, *walked.notices, *outcome.notices),
        attempts=tuple(walked.attempts),
        reply=outcome.replies[0] if outcome.replies else None,
        further=outcome.replies[1:],
        failure=failure(walked.error) if outcome.verdict is Verdict.FAILED and walked.error else None,
        evidence=outcome.evidence,
        seconds={"total": time.perf_counter() - started, **outcome.seconds},
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a page: the part of its reading that depends on who answered."""

    verdict: Verdict
    replies: tuple[Reply, ...] = ()
    blocks: tuple[Block, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    notices: tuple[Notice, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def _blank(page: Page, model: Model, options: Options) -> Evidence | None:
    """Why the page needs no model, if it does not: there is no ink on it. Questions are answered about any page."""
    if options.task is Task.CHAT or not recipe(model, options.task).needs_image:
        return None
    ink = measure(page.image())
    if not ink.blank:
        return None
    measures = {"ink_coverage": ink.coverage, "marks_in_row": float(ink.row), "drawings": float(ink.drawings)}
    return Evidence(reasons=(Notice("no_ink"),), measures=measures)


def _climb(chain: list[routing.Candidate], asking: Asking) -> tuple[Walk, _Outcome]:
    """Ask until somebody answers, and judge the answer."""
    options, host = asking.options, asking.host
    rungs = ladder.steps(chain, cpu=host.settings.gpu.cpu_fallback and options.fallback)
    walked = ladder.walk(rungs, asking.take, lambda: not asking.watch.stop.is_set())
    if walked.answer is None or walked.step is None:
        return walked, _Outcome(Verdict.FAILED)
    # A reader that cannot invent needs no witness, even if a model that failed before it had called one.
    witness = asking.witness if hearing.wanted(walked.step.model, options) else None
    return walked, _judge(walked.answer, witness, fell_back=walked.step.fell_back)


def _judge(answer: Answer, witness: hearing.Witness | None, *, fell_back: bool) -> _Outcome:
    """The verdict on an answer, with everything that speaks for and against it."""
    reply, decoded = answer.reply, answer.decoded
    text = text_of(decoded.blocks)
    evidence, notices, seconds = Evidence(), (*answer.notices, *decoded.notices), dict[str, float]()
    if witness is not None:
        evidence, absent, seconds["witness"] = hearing.hear(witness, text)
        notices = (*notices, *absent)
    doubts, repairs = suspicious(text)
    evidence = replace(
        evidence,
        doubts=tuple(sorted((*evidence.doubts, *doubts), key=lambda doubt: (doubt.start, doubt.end))),
        repairs=repairs,
        measures={**evidence.measures, "suspicious_words": len(doubts)},
    )
    course = Course(
        stop=reply.stop,
        text=text,
        loop=find_loop(reply.text),
        empty=not decoded.blocks,
        fell_back=fell_back,
        # Only a witness can tell that nothing is lost between the parts.
        mended=answer.whole and witness is not None and evidence.witness is not None,
    )
    verdict, reasons = decide(course, evidence)
    blocks, by = decoded.blocks, curve(reply.model)
    if by is not None:
        blocks = calibrated(blocks, by)
    evidence = replace(evidence, reasons=reasons, calibration=by.name if by else None)
    return _Outcome(verdict, (reply, *answer.further), blocks, evidence, (*notices, *reasons), seconds)
