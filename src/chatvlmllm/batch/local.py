"""Many files on this machine: pages of all of them share one pool, results come back file by file, in order."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chatvlmllm import drafts
from chatvlmllm.batch.plan import Order, select
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.drafts import Drafts
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.ladder import failure
from chatvlmllm.pipeline import draft_pages, read_pages
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Run, begin, finish, overall, refuse
from chatvlmllm.store import Spool


@dataclass
class _Job:
    """A file on its way through the pool."""

    run: Run
    pages: int
    spool: Spool = field(default_factory=Spool)
    verdicts: list[Verdict] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)


#: Called after each page with the file's run so far and the page's reading; with None after opening a file.
Watcher = Callable[[Run, int, Reading | None], None]


def read_files(order: Order, host: Host, watch: Watcher) -> Iterator[tuple[int, Run, Spool]]:
    """Every file's index in the order, its finished run and its readings; the spool lives until the next step."""
    jobs: list[_Job] = []

    def pages() -> Iterator[Page]:
        for file in order.files:
            job, document, numbers = _open(file, order, host)
            jobs.append(job)
            watch(job.run, job.pages, None)
            if document is not None:
                yield from document.pages(numbers)

    done, shelf = 0, _drafts(order, host)
    for page, reading in read_pages(pages(), order.options, host, shelf=shelf):
        while _complete(jobs[done]):
            yield done, *_finished(jobs[done])
            done += 1
        job = jobs[done]
        job.spool.append(reading)
        job.verdicts.append(reading.verdict)
        watch(job.run, job.pages, reading)
        if _complete(job):
            page.document.close()
            yield done, *_finished(job)
            done += 1
    for index in range(done, len(jobs)):
        yield index, *_finished(jobs[index])


def _drafts(order: Order, host: Host) -> Drafts | None:
    """The first of two stages for the pages of all files, one file after the other; None where there is one stage."""
    if drafts.order(order.options, host) is None:
        return None
    shelf, opened = Drafts(), deque[Document]()

    def pages() -> Iterator[Page]:
        for file in order.files:
            # What cannot be opened is told by the second stage.
            with suppress(ChatVLMLLMError):
                document, numbers = _document(file, order, host)
                opened.append(document)
                yield from document.pages(numbers)

    try:
        for page in draft_pages(pages(), order.options, host, shelf):
            while opened[0] is not page.document:
                opened.popleft().close()
    finally:
        for document in opened:
            document.close()
    return shelf


def _open(file: Path, order: Order, host: Host) -> tuple[_Job, Document | None, list[int]]:
    try:
        document, numbers = _document(file, order, host)
    except ChatVLMLLMError as error:
        return _Job(refuse(str(file), order.options, failure(error)), 0), None, []
    return _Job(begin(document, order.options), len(numbers)), document, numbers


def _document(file: Path, order: Order, host: Host) -> tuple[Document, list[int]]:
    """The file, open, and the numbers of its wanted pages."""
    document = open_document(file, limits=host.settings.limits)
    try:
        return document, select(order.ranges, document.name, len(document))
    except ChatVLMLLMError:
        document.close()
        raise


def _complete(job: _Job) -> bool:
    return len(job.verdicts) >= job.pages


def _finished(job: _Job) -> tuple[Run, Spool]:
    verdict = Verdict.FAILED if job.run.failure else overall(job.verdicts)
    return finish(job.run, verdict, time.perf_counter() - job.started), job.spool
