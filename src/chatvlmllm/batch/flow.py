"""Pages of many documents on their way: opened ahead, read at once by as many as can, written behind.

One thread opens documents, `Reader.width` threads read, one writes; queues between them are short, so that memory does
not grow with the batch. Every page is stored before it counts. What one page or document lacks costs no other.
"""

import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chatvlmllm.batch.events import Event, Opened, Read, Refused, Written
from chatvlmllm.batch.items import Item, LocalFile
from chatvlmllm.batch.ledger import FATAL, Ledger, mark
from chatvlmllm.batch.plan import parse_pages, select
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.errors import ChatVLMLLMError, PageFatal
from chatvlmllm.geometry import Size
from chatvlmllm.ladder import failure
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.routing import carries_text
from chatvlmllm.run import Options, Run, begin
from chatvlmllm.store.keys import Key, Way, lasting

if TYPE_CHECKING:
    from chatvlmllm.config import Limits


class Reader(Protocol):
    """Who reads pages: `width` of them are worth reading at once."""

    width: int

    def read(self, page: Page, options: Options, draft: Reading | None = None) -> Reading:
        """The page's reading; a page that cannot be read is a reading with verdict `failed`.

        `draft` is what the first of two stages made of it.
        """
        ...

    def drafting(self, options: Options) -> Options | None:
        """How the first of two stages reads; None where pages are read in one."""
        ...

    def way(self, options: Options) -> Way:
        """What the result of a page depends on besides the page."""
        ...

    def cancel(self) -> None:
        """Break off what is being read."""
        ...


@dataclass(eq=False)
class Job:
    """A document of the batch that is open. `numbers` are its wanted pages, `waiting` those without a result yet.

    `drafted` is the way in which the first of two stages reads it, if there are two.
    """

    item: Item
    run: Run
    document: Document
    way: Way
    numbers: tuple[int, ...]
    waiting: set[int]
    drafted: Way | None = None
    copy: Path | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def taken(self) -> float:
        """Seconds since it was opened."""
        return time.perf_counter() - self.started

    def at(self, number: int) -> str:
        """A page as it stands in the journal."""
        return mark(self.key(number))

    def key(self, number: int) -> Key:
        return Key(self.document.sha256, number, self.way)

    def close(self) -> None:
        self.document.close()
        if self.copy is not None:
            self.copy.unlink(missing_ok=True)


#: Writes a complete job's files and notes them; returns the document's verdict.
Write = Callable[[Job], Verdict]


@dataclass(frozen=True)
class Course:
    """How a pass goes: `again` reads failed pages once more, `struck` those that were being read at a sudden end.

    With `drafts` it is the first of two stages: it reads what the second needs, and writes nothing.
    """

    again: bool = False
    struck: bool = False
    drafts: bool = False


@dataclass
class Flow:
    """The pipeline. `stop` ends it after the pages that are being read; results of `cancelled` pages are not kept."""

    reader: Reader
    ledger: Ledger
    write: Write
    options: Options
    stop: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def of(self, item: Item) -> Options:
        """How the pages of an item are to be read."""
        return replace(self.options, kind=item.kind) if item.kind else self.options

    def run(self, items: Iterable[Item], limits: "Limits", course: Course = Course()) -> Iterator[Event]:
        """Work through `items`, telling what happens; closing the iterator ends the work."""
        with tempfile.TemporaryDirectory(prefix="chatvlmllm-", ignore_cleanup_errors=True) as folder:
            yield from _Pass(self, limits, course, Path(folder)).run(items)


_END = None


class _Pass:
    """One pass over items."""

    def __init__(self, flow: Flow, limits: "Limits", course: Course, folder: Path) -> None:
        self._flow, self._limits, self._course, self._folder = flow, limits, course, folder
        self._width = 1 if course.struck else flow.reader.width
        self._tasks: queue.Queue[tuple[Job, int] | None] = queue.Queue(2 * self._width)
        self._complete: queue.Queue[Job | None] = queue.Queue(4)
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._going: dict[tuple[str, int, str], list[tuple[Job, int]]] = {}
        self._jobs: set[Job] = set()
        self._over = threading.Event()

    def run(self, items: Iterable[Item]) -> Iterator[Event]:
        threads = [threading.Thread(target=self._guarded, args=(self._feed, items), name="batch-open")]
        threads += [
            threading.Thread(target=self._guarded, args=(self._read_all,), name=f"batch-read-{n}")
            for n in range(self._width)
        ]
        last = threading.Thread(target=self._guarded, args=(self._write_all,), name="batch-write")
        for thread in (*threads, last):
            thread.start()
        ending = threading.Thread(target=self._end, args=(threads, last), name="batch-end")
        ending.start()
        try:
            while (event := self._events.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        except (KeyboardInterrupt, GeneratorExit):
            self._flow.cancelled.set()
            self._flow.reader.cancel()
            raise
        finally:
            # Leaving early, by an error or by whoever listens, ends the pass: what is being read is finished first.
            self._over.set()
            ending.join()
            for job in self._jobs:
                job.close()

    def _end(self, threads: list[threading.Thread], last: threading.Thread) -> None:
        """After the feeder and the readers the writer, and after it the listener."""
        for thread in threads:
            thread.join()
        _put(self._complete, _END, threading.Event())
        last.join()
        self._events.put(None)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001 it is raised where the work was asked for
            self._over.set()
            self._events.put(error)
            if work == self._write_all:
                while self._complete.get() is not None:
                    continue

    @property
    def _stopped(self) -> bool:
        return self._over.is_set() or self._flow.stop.is_set()

    def _feed(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if self._stopped:
                    break
                self._take(item)
        finally:
            for _ in range(self._width):
                # Readers that have left need no word; the queue may be full of what nobody takes.
                while not self._stopped:
                    try:
                        self._tasks.put(_END, timeout=0.2)
                        break
                    except queue.Full:
                        continue

    def _take(self, item: Item) -> None:
        try:
            job = self._open(item)
        except ChatVLMLLMError as error:
            if not self._course.drafts:
                self._refuse(item, error)
            return
        todo = sorted(job.waiting)
        with self._lock:
            self._jobs.add(job)
        self._events.put(Opened(item.name, len(job.numbers), len(job.numbers) - len(todo)))
        todo = [number for number in todo if not self._postponed(job, number)]
        if not job.waiting or not todo:
            self._finish(job)
        for number in todo:
            if not _put(self._tasks, (job, number), self._flow.stop, self._over):
                return

    def _postponed(self, job: Job, number: int) -> bool:
        """Whether the page was being read at a sudden end and waits for the pass where it is alone."""
        return not self._course.struck and self._flow.ledger.strikes(job.key(number)) > 0

    def _refuse(self, item: Item, error: ChatVLMLLMError) -> None:
        told = failure(error)
        row = {"verdict": Verdict.FAILED.value, "failure": told.code, "message": told.message}
        self._flow.ledger.journal.write(
            {"event": "document", "name": item.name, "sha256": "", "pages": [], "files": [], "way": "", **row}
        )
        self._events.put(Refused(item, told))

    def _open(self, item: Item) -> Job:
        flow, limits = self._flow, self._limits
        options = flow.of(item)
        path = item.place.fetch(self._folder, int(limits.file_mb * 1_000_000))
        copy = None if isinstance(item.place, LocalFile) else path
        try:
            document = open_document(path, item.name, limits)
        except ChatVLMLLMError:
            if copy is not None:
                copy.unlink(missing_ok=True)
            raise
        try:
            ranges = parse_pages(item.pages) if item.pages else ()
            numbers = tuple(select(ranges, document.name, len(document)))
        except ChatVLMLLMError:
            document.close()
            raise
        way, first = flow.reader.way(options), flow.reader.drafting(options)
        waiting = set(numbers) - flow.ledger.settled(document.sha256, way, numbers, again=self._course.again)
        drafted = flow.reader.way(first) if first else None
        if not self._course.drafts or first is None or drafted is None:
            return Job(item, begin(document, options), document, way, numbers, waiting, drafted, copy)
        waiting -= flow.ledger.settled(document.sha256, drafted, waiting, again=self._course.again)
        waiting = {page.number for page in document.pages(sorted(waiting)) if not carries_text(page, options)}
        return Job(item, begin(document, first), document, drafted, tuple(sorted(waiting)), waiting, None, copy)

    def _read_all(self) -> None:
        while not self._stopped:
            try:
                task = self._tasks.get(timeout=0.2)
            except queue.Empty:
                continue
            if task is _END:
                return
            self._read(*task)

    def _read(self, job: Job, number: int) -> None:
        key = job.key(number)
        same = (key.document, key.page, key.way.digest)
        with self._lock:
            if same in self._going:
                # The same page under another name: one reading is enough for both.
                self._going[same].append((job, number))
                return
            self._going[same] = [(job, number)]
        reading = self._fatal(key) or self._fresh(job, number)
        with self._lock:
            jobs = self._going.pop(same)
        if reading is not None:
            for other, page in jobs:
                self._done(other, page, reading)

    def _fatal(self, key: Key) -> Reading | None:
        strikes = self._flow.ledger.strikes(key)
        if strikes < FATAL:
            return None
        told = failure(PageFatal(page=key.page, times=strikes))
        reading = Reading(
            page=key.page, size=Size(1, 1), verdict=Verdict.FAILED, asked=self._flow.options.model, failure=told
        )
        self._flow.ledger.keep(key, reading)
        return reading

    def _fresh(self, job: Job, number: int) -> Reading | None:
        """The page's reading, stored; None when it was broken off."""
        flow, key = self._flow, job.key(number)
        if number in flow.ledger.settled(key.document, key.way, [number], again=self._course.again):
            return flow.ledger.reading(key)
        flow.ledger.begin(key)
        page = next(job.document.pages([number]))
        draft = flow.ledger.latest(Key(key.document, number, job.drafted)) if job.drafted else None
        reading = flow.reader.read(page, job.run.options, draft)
        if flow.cancelled.is_set() and not lasting(reading):
            return None
        flow.ledger.keep(key, reading)
        return reading

    def _done(self, job: Job, number: int, reading: Reading) -> None:
        self._events.put(Read(job.item.name, number, reading.verdict, reading.failure))
        with self._lock:
            job.waiting.discard(number)
            left = [n for n in job.waiting if not self._postponed(job, n)]
        if not left:
            self._finish(job)

    def _finish(self, job: Job) -> None:
        _put(self._complete, job, threading.Event(), self._over)

    def _write_all(self) -> None:
        while (job := self._complete.get()) is not None:
            verdict = Verdict.FAILED if job.waiting or self._course.drafts else self._flow.write(job)
            flow, numbers = self._flow, set(job.numbers)
            done = flow.ledger.settled(job.document.sha256, job.way, job.numbers)
            with self._lock:
                self._jobs.discard(job)
            job.close()
            # A draft that failed is not tried again: the second stage reads alone.
            left = job.waiting if self._course.drafts else numbers - done
            self._events.put(Written(job.item, verdict, len(left)))


def _put(target: "queue.Queue[Any]", value: object, *stops: threading.Event) -> bool:
    """Put unless the work is over; False when it is."""
    while not any(stop.is_set() for stop in stops):
        try:
            target.put(value, timeout=0.2)
        except queue.Full:
            continue
        return True
    return False
