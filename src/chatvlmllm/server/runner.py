"""Jobs are read here: lanes take them from the store, one job each, and store every page the moment it is read.

Nothing about a job is only in memory. A runner that finds jobs "running" that nobody runs puts them back, and a job
that is taken again goes on after its stored pages; that is all there is to surviving a `kill -9`.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

from chatvlmllm import drafts
from chatvlmllm.asking import Watch
from chatvlmllm.document import Document, Page
from chatvlmllm.drafts import Drafts
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError, InternalError, JobAbandoned, StoreUnusable
from chatvlmllm.exchange import Request
from chatvlmllm.geometry import Size
from chatvlmllm.ladder import failure
from chatvlmllm.pipeline import draft_pages, read_pages
from chatvlmllm.reading import Failure, Reading, Verdict
from chatvlmllm.server.aloud import Aloud, Place, Saying
from chatvlmllm.server.apart import Chambers
from chatvlmllm.server.bell import Bell
from chatvlmllm.server.metrics import Looked, Metrics
from chatvlmllm.store import jobs, keys, queue, sweep
from chatvlmllm.store.database import Database
from chatvlmllm.store.keys import Key, Way
from chatvlmllm.store.nouns import Job, JobFile, State
from chatvlmllm.store.originals import Originals
from chatvlmllm.store.pages import Pages
from chatvlmllm.store.sole import Sole

_log = logging.getLogger(__name__)

#: A job that ended the server so often without a page in between is not taken up again.
_STARTS = 3
#: Seconds after which a job lets those of other owners go first.
_TURN = 20.0
#: How often the store is looked at for what another process did, and for jobs that nobody runs, in seconds.
_LOOK = 1.0
#: How often old jobs are deleted, in seconds.
_SWEEP = 600.0
#: Where nothing is kept, the results of a job can be had for so long, in seconds.
_PASSING = 3600.0


@dataclass(frozen=True, slots=True)
class Belongings:
    """What jobs are made of."""

    database: Database
    originals: Originals
    chambers: Chambers
    host: Host
    metrics: Metrics


@dataclass(slots=True)
class _Open:
    """A document while its pages are read."""

    file: JobFile
    document: Document
    left: int


class Runner:
    """`news` rings at everything that happens to any job; `work` when there may be a job to take."""

    def __init__(self, own: Belongings) -> None:
        self.own = self._own = own
        self.news, self.work = Bell(), Bell()
        self._settings = own.host.settings
        self._running: dict[str, Job] = {}
        self._watches: dict[str, Watch] = {}
        self._aloud: dict[str, Aloud] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._sole = Sole(own.database)
        lanes = self._settings.jobs.parallel
        self._threads = [threading.Thread(target=self._lane, name=f"lane-{number}") for number in range(lanes)]
        self._threads.append(threading.Thread(target=self._oversee, name="overseer"))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def added(self) -> None:
        """A job was added."""
        self.work.ring()
        self.news.ring()

    def ended(self, job: str) -> None:
        """A job was cancelled or deleted: what is going on for it ends now."""
        watch = self._watches.get(job)
        if watch is not None:
            watch.stop.set()
        self.news.ring()

    def saying(self, job: str) -> list[Saying]:
        """What models say about the job's pages just now; nothing where another process reads them."""
        aloud = self._aloud.get(job)
        return aloud.now() if aloud is not None else []

    def close(self) -> None:
        """Let the pages under way come to their end, for a while; jobs that are not done wait for the next start."""
        self._ending.set()
        self.work.ring()
        until = time.monotonic() + self._settings.server.grace_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        for watch in list(self._watches.values()):
            watch.stop.set()
        for thread in self._threads:
            thread.join()
        self._sole.close()
        self.news.ring()
        self._own.chambers.close()
        self._own.database.close()

    def _lane(self) -> None:
        while not self._ending.is_set():
            heard = self.work.rings
            try:
                taken = self._take()
            except StoreUnusable as error:
                _log.warning("%s", error)
                self._ending.wait(_LOOK)
                continue
            if taken is None:
                self.work.wait(heard, 60.0)
            else:
                self._run(*taken)

    def _take(self) -> tuple[Job, int, Watch] | None:
        with self._lock:
            if self._ending.is_set() or not self._sole.held:
                return None
            taken = queue.take(self._own.database, self._running, self._settings.jobs.parallel)
            if taken is None:
                return None
            job, starts = taken
            watch = Watch()
            self._running[job.id], self._watches[job.id] = job, watch
        self.news.ring()
        return job, starts, watch

    def _run(self, job: Job, starts: int, watch: Watch) -> None:
        """One job, as far as it comes now; whatever happens, the lane goes on."""
        try:
            if starts > _STARTS:
                raise JobAbandoned(times=starts - 1)
            reader = _Reader(job, self._own, self._ending, self.news, watch)
            self._aloud[job.id] = reader.aloud
            self._finish(job, *reader.read())
        except StoreUnusable as error:
            # Still "running" there: the overseer puts it back when the store can be used.
            _log.warning("job %s was left: %s", job.id, error)
            self._ending.wait(_LOOK)
        except ChatVLMLLMError as error:
            self._fail(job, failure(error))
        except Exception:  # noqa: BLE001 the edge of a thread: a mistake of ours costs one job
            _log.exception("job %s", job.id)
            self._fail(job, failure(InternalError(request=job.id)))
        finally:
            with self._lock:
                del self._running[job.id], self._watches[job.id]
                self._aloud.pop(job.id, None)
            self.work.ring()
            self.news.ring()

    def _finish(self, job: Job, done: bool, failed: Failure | None) -> None:
        if not done:
            queue.put_back(self._own.database, job.id)
            return
        queue.end(self._own.database, job.id, State.FAILED if failed else State.FINISHED, failed)
        self._drop()

    def _fail(self, job: Job, why: Failure) -> None:
        with suppress(StoreUnusable):
            queue.end(self._own.database, job.id, State.FAILED, why)
            self._drop()

    def _drop(self) -> None:
        if self._settings.store.keep == "results":
            sweep.drop_originals(self._own.database, self._own.originals)

    def _oversee(self) -> None:
        """See what other processes did, put back what nobody runs, delete what is old."""
        swept = -_SWEEP
        while not self._ending.is_set():
            try:
                self._look()
                if self._sole.held and time.monotonic() - swept > _SWEEP:
                    swept = time.monotonic()
                    self._sweep()
            except StoreUnusable as error:
                _log.warning("%s", error)
            self._ending.wait(_LOOK)

    def _look(self) -> None:
        with self._lock:
            if not self._sole.acquire():
                return
            waiting = queue.put_back_all(self._own.database, set(self._running))
        for job, watch in list(self._watches.items()):
            if jobs.state(self._own.database, job) is not State.RUNNING:
                watch.stop.set()
        if waiting:
            self.work.ring()

    def _sweep(self) -> None:
        chosen = self._settings.store
        seconds = _PASSING if chosen.keep == "nothing" else chosen.keep_days * 86400
        if seconds:
            sweep.delete_old(self._own.database, self._own.originals, seconds)
        self._drop()
        sweep.drop_strays(self._own.database, self._own.originals)


def gauges(runner: Runner) -> list[Looked]:
    """What is looked up at every scrape: how many jobs wait, and how many are under way."""

    def counted() -> list[tuple[tuple[str, ...], float]]:
        return [((state.value,), float(number)) for state, number in queue.lengths(runner.own.database).items()]

    return [("chatvlmllm_jobs", "Jobs that wait and jobs under way", ("state",), counted)]


def runner_of(host: Host, metrics: Metrics) -> Runner:
    """A running runner with the store of the host's settings; raises StoreUnusable, StoreTooNew or MissingExtra."""
    settings = host.settings
    runner = Runner(Belongings(Database.of(settings), Originals(settings), Chambers(settings), host, metrics))
    runner.start()
    return runner


class _Reader:
    """One job under way, and the shelf of its drafts where its pages are read in two stages."""

    def __init__(self, job: Job, own: Belongings, ending: threading.Event, news: Bell, watch: Watch) -> None:
        self._job, self._own, self._ending, self._news = job, own, ending, news
        self._stop = watch.stop
        self.aloud = Aloud()
        self._watch = Watch(self._heard, self._finished, self._asked, stop=watch.stop)
        self._open: dict[int, _Open] = {}
        self._until = time.monotonic() + _TURN
        self._left = False
        self._way: Way = keys.way(job.options, own.host)
        first = drafts.order(job.options, own.host)
        self._drafted = keys.way(first, own.host) if first else None
        self._passing = Drafts()

    def read(self) -> tuple[bool, Failure | None]:
        """Read what is missing: whether all is done, and why the job failed if no file of it could be opened."""
        files = jobs.files(self._own.database, self._job.id)
        for file in files:
            queue.adopt(self._own.database, self._job.id, file, self._way)
        self._news.ring()
        options, host = self._job.options, self._own.host
        try:
            if self._drafted is not None:
                with closing(draft_pages(self._pages(files), options, host, self, self._watch)) as pages:  # type: ignore[type-var]
                    for page in pages:
                        self._past(page)
            # The second model is not brought in for a job that leaves before the first one is through.
            if not self._left:
                with closing(read_pages(self._pages(files), options, host, self._watch, self)) as readings:  # type: ignore[type-var]
                    for _ in readings:
                        continue
        finally:
            for opened in self._open.values():
                opened.document.close()
        failed = [file.failure for file in files if file.failure]
        done = all(queue.finished_pages(self._own.database, file).issuperset(file.numbers) for file in files)
        return done, failed[0] if len(failed) == len(files) else None

    def _pages(self, files: list[JobFile]) -> Iterator[Page]:
        for file in files:
            done = queue.finished_pages(self._own.database, file)
            missing = [page for page in file.numbers if page not in done]
            opened = self._opened(file, missing) if missing else None
            if opened is None:
                continue
            for page in opened.document.pages(missing):
                self._left = self._must_leave()
                if self._left:
                    return
                yield page

    def _must_leave(self) -> bool:
        """Whether to stop between two pages: the server ends, or others have waited long enough."""
        if self._ending.is_set() or self._stop.is_set():
            return True
        if time.monotonic() < self._until or self._job.awaited:
            return False
        self._until = time.monotonic() + 1.0
        return queue.others_wait(self._own.database, self._job.owner)

    def _opened(self, file: JobFile, missing: list[int]) -> _Open | None:
        """The file, open; one that cannot be opened any more costs its own pages only."""
        assert file.document is not None
        try:
            document = self._own.chambers.open(self._own.originals.path(file.document), file.name)
        except ChatVLMLLMError as error:
            for page in missing:
                self._store(file, _unread(page, self._job, failure(error)))
            return None
        opened = _Open(file, document, len(missing))
        self._open[id(document)] = opened
        return opened

    def _place(self, page: Page) -> Place:
        return self._open[id(page.document)].file.position, page.number

    def _asked(self, page: Page, request: Request) -> None:
        self.aloud.begin(self._place(page), request)

    def _heard(self, page: Page, text: str) -> None:
        self.aloud.hear(self._place(page), text)

    def _finished(self, page: Page, reading: Reading) -> None:
        """Called from the thread that read the page."""
        if not self._stop.is_set():
            self._store(self._open[id(page.document)].file, reading)
        self._past(page)

    def _past(self, page: Page) -> None:
        """A page needs its document no more."""
        opened = self._open[id(page.document)]
        self.aloud.end(self._place(page))
        opened.left -= 1
        if opened.left == 0:
            page.document.close()

    def find(self, page: Page) -> Reading | None:
        """What the first of two stages made of a page: the reader is the shelf of its drafts."""
        if self._drafted is None:
            return None
        stored = Pages(self._own.database).get(Key(page.document.sha256, page.number, self._drafted))
        return stored or self._passing.find(page)

    def keep(self, page: Page, draft: Reading) -> None:
        """Store a draft, for the next start to find; one that says nothing about the page passes with this one."""
        assert self._drafted is not None
        if not keys.lasting(draft):
            self._passing.keep(page, draft)
            return
        file, key = self._open[id(page.document)].file, Key(page.document.sha256, page.number, self._drafted)
        queue.keep_draft(self._own.database, self._job.id, file, key, draft)
        self._news.ring()

    def _store(self, file: JobFile, reading: Reading) -> None:
        assert file.document is not None
        key = Key(file.document, reading.page, self._way)
        if queue.finish_page(self._own.database, self._job.id, file, key, reading):
            self._own.metrics.page(reading)
        else:
            self._stop.set()
        self._news.ring()


def _unread(page: int, job: Job, why: Failure) -> Reading:
    return Reading(page=page, size=Size(1, 1), verdict=Verdict.FAILED, asked=job.options.model, failure=why)
