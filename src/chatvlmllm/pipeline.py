"""The pipeline: pages in, readings out, in page order and never one fewer.

A page that cannot be read becomes a reading whose verdict is `failed`; the other pages go on. Nothing here knows a
model by name.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chatvlmllm import drafts, hearing, ladder, routing
from chatvlmllm.asking import Asking, Watch
from chatvlmllm.decode import Decoded
from chatvlmllm.decode.loops import find_loop
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.drafts import Shelf
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Reply, Task
from chatvlmllm.geometry import Size
from chatvlmllm.ladder import Answer, Walk, failure
from chatvlmllm.models import find
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import recipe
from chatvlmllm.reading import Block, Evidence, Notice, Reading, Stage, Verdict, text_of
from chatvlmllm.routing import Candidate
from chatvlmllm.run import Hear, Options
from chatvlmllm.trust.blank import measure
from chatvlmllm.trust.confidence import calibrated, curve
from chatvlmllm.trust.scripts import suspicious
from chatvlmllm.trust.verdict import Course, decide

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

_T = TypeVar("_T")


def recognize(  # noqa: PLR0913 the public face: every option has a default
    source: str | Path | bytes | Document,
    model: str = routing.AUTO,
    *,
    task: str = Task.TEXT,
    languages: str = "rus+eng",
    pages: Iterable[int] | None = None,
    witness: str = Hear.AUTO,
    draft: str = "",
    settings: "Settings | None" = None,
) -> Iterator[Reading]:
    """Read a document page by page; closing the iterator stops the work.

    `pages` are page numbers from 1; `witness` is auto, on or off (see `run.Hear`); `draft` is a model that reads every
    page before (see `run.Options`). Raises an `InputError` for a file
    that cannot be opened and for an unknown model or task; a single bad page yields a reading with verdict `failed`
    instead.
    """
    if settings is None:
        from chatvlmllm.config import load

        settings = load()
    options = Options(model, Task(task), tuple(languages.split("+")), witness=Hear(witness), draft=draft)
    drafts.check(options)
    document = source if isinstance(source, Document) else open_document(source, limits=settings.limits)
    try:
        with Host(settings) as host:
            for _, reading in read_pages(document.pages(pages), options, host):
                yield reading
    finally:
        if document is not source:
            document.close()


def read_pages(
    pages: Iterable[Page], options: Options, host: Host, watch: Watch | None = None, shelf: Shelf | None = None
) -> Iterator[tuple[Page, Reading]]:
    """Pages, of one document or many, with their readings, in the given order; several are read at once.

    Closing the iterator ends the generations that are going on. Where pages are read in two stages and there is no
    `shelf` with drafts of them, all are drafted first; their documents must stay open meanwhile.
    """
    watch = watch or Watch()
    if shelf is None and drafts.order(options, host) is not None:
        shelf, pages = drafts.Drafts(), list(pages)
        for _ in draft_pages(pages, options, host, shelf, watch):
            continue

    def read(page: Page, aside: Executor) -> Reading:
        draft = shelf.find(page) if shelf is not None else None
        reading = read_page(page, options, host, watch, aside, draft)
        if watch.finished is not None:
            watch.finished(page, reading)
        return reading

    with closing(_at_once(pages, read, host.width(options.model), watch)) as readings:  # type: ignore[type-var]
        yield from readings


def draft_pages(
    pages: Iterable[Page], options: Options, host: Host, shelf: Shelf, watch: Watch | None = None
) -> Iterator[Page]:
    """The first of two stages: the pages, in order, each when its draft is on the shelf, or when it needs none."""
    watch, alone = watch or Watch(), drafts.order(options, host)
    if alone is None:
        yield from pages
        return
    unfinished = replace(watch, finished=None)

    def read(page: Page, aside: Executor) -> None:
        if routing.carries_text(page, options) or shelf.find(page) is not None:
            return
        draft = read_page(page, alone, host, unfinished, aside)
        if not watch.stop.is_set():
            shelf.keep(page, draft)

    with closing(_at_once(pages, read, host.width(alone.model), watch)) as done:  # type: ignore[type-var]
        for page, _ in done:
            yield page


def _at_once(
    pages: Iterable[Page], read: Callable[[Page, Executor], _T], workers: int, watch: Watch
) -> Iterator[tuple[Page, _T]]:
    """Pages with what `read` makes of them, in order, several at once; what is left when nobody listens is stopped."""
    waiting: deque[tuple[Page, Future[_T]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="page")
    # A witness is asked while a page waits for its model, so there are never more of them than pages being read.
    aside = ThreadPoolExecutor(workers, thread_name_prefix="page-witness")
    try:
        for page in pages:
            waiting.append((page, pool.submit(read, page, aside)))
            # Only this many pages are in memory at once, however long the document is.
            if len(waiting) > workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    except BaseException:
        watch.stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        aside.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[Page, Future[_T]]]) -> tuple[Page, _T]:
    page, future = waiting.popleft()
    return page, future.result()


def read_page(
    page: Page,
    options: Options,
    host: Host,
    watch: Watch | None = None,
    aside: Executor | None = None,
    draft: Reading | None = None,
) -> Reading:
    """Try the candidates one after the other; the first that answers wins, and every try is recorded.

    `aside` runs the second witness while the model reads. `draft` is what the first of two stages made of the page;
    where there are two and it is missing, the page is drafted here.
    """
    started = time.perf_counter()
    page = page.held()
    size: Size = Size(1, 1)
    notices: tuple[Notice, ...] = ()
    walked, outcome = Walk(), _Outcome(Verdict.FAILED)
    asking = Asking(page, options, host, watch or Watch(), aside)
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
        elif chain[0].draft is None:
            walked, outcome = _climb(chain, asking)
        else:
            walked, outcome = _in_two_stages(chain, asking, draft or _drafted(chain[0].draft, asking))
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
        draft=outcome.draft,
        failure=failure(walked.error) if outcome.verdict is Verdict.FAILED and walked.error else None,
        evidence=outcome.evidence,
        seconds={"total": time.perf_counter() - started, **outcome.seconds},
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a page: the part of its reading that depends on who answered."""

    verdict: Verdict
    replies: tuple[Reply, ...] = ()
    draft: Reply | None = None
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


def _climb(chain: list[Candidate], asking: Asking, stage: Stage = Stage.WHOLE) -> tuple[Walk, _Outcome]:
    """Ask until somebody answers, and judge the answer."""
    options, host = asking.options, asking.host
    rungs = ladder.steps(chain, cpu=host.settings.gpu.cpu_fallback and options.fallback, stage=stage)
    walked = ladder.walk(rungs, asking.take, lambda: not asking.watch.stop.is_set())
    if walked.answer is None or walked.step is None:
        return walked, _Outcome(Verdict.FAILED)
    # A reader that cannot invent needs no witness, even if a model that failed before it had called one.
    witness = asking.witness if hearing.wanted(walked.step.model, options) else None
    return walked, _judge(walked.answer, witness, fell_back=walked.step.fell_back)


def _drafted(drafter: Model, asking: Asking) -> Reading:
    """The first of two stages for one page."""
    alone = drafts.alone(drafter, asking.options)
    return read_page(asking.page, alone, asking.host, asking.watch, asking.aside)


def _in_two_stages(chain: list[Candidate], asking: Asking, draft: Reading) -> tuple[Walk, _Outcome]:
    """Ask the first candidate in view of the draft. Where one of the two stages fails the other one stands."""
    if not drafts.usable(draft):
        walked, outcome = _climb(chain, asking)
        walked.notices.insert(0, drafts.caveat(draft))
    else:
        caveats = _unheard(draft, asking)
        asking.draft = draft.text
        walked, outcome = _climb(chain[:1], asking, Stage.FINAL)
        if walked.answer is None and not asking.watch.stop.is_set():
            outcome = _standing(draft, asking)
            caveats = (*caveats, Notice("draft_stands", {"model": draft.asked, "second": chain[0].model.key}))
            draft = replace(draft, reply=None)
        walked.notices += caveats
    walked.attempts[:0] = drafts.attempts(draft)
    seconds = {**outcome.seconds, "draft": draft.seconds.get("total", 0.0)}
    return walked, replace(outcome, draft=draft.reply, seconds=seconds)


def _unheard(draft: Reading, asking: Asking) -> tuple[Notice, ...]:
    """Who wrote the draft cannot testify for a text that was made in view of it; that nobody does is a caveat."""
    witnesses = {model.key for model in routing.witnesses()}
    if draft.answered not in witnesses or asking.options.witness is Hear.OFF:
        return ()
    asking.options = replace(asking.options, witness=Hear.OFF)
    return (Notice("draft_by_witness", {"model": draft.asked}),)


def _standing(draft: Reading, asking: Asking) -> _Outcome:
    """The draft as the page's text, after the second model has failed."""
    assert draft.reply is not None
    witness = asking.witness if hearing.wanted(find(draft.reply.model), asking.options) else None
    answer = Answer(draft.reply, Decoded(draft.blocks), (), draft.further, whole=draft.verdict is Verdict.OK)
    # Its blocks carry their calibrated confidences already.
    return replace(_judge(answer, witness, fell_back=True), blocks=draft.blocks)


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
    notices = (*notices, *reasons)
    return _Outcome(verdict, (reply, *answer.further), None, blocks, evidence, notices, seconds)
