"""A batch from first to last: passes over its items until nothing is open, or until new ones arrive."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

from chatvlmllm import drafts
from chatvlmllm.asking import Watch
from chatvlmllm.batch.events import Drafted, Event, Read, Refused, Written
from chatvlmllm.batch.flow import Course, Flow
from chatvlmllm.batch.items import Item, LocalFile
from chatvlmllm.config import Limits
from chatvlmllm.document import Page
from chatvlmllm.engines.host import Host
from chatvlmllm.pipeline import read_page
from chatvlmllm.reading import Reading
from chatvlmllm.run import Options, to_json
from chatvlmllm.store.keys import Way, way

#: Seconds between two looks at a hot folder, and how long a file must not have changed.
LOOK, SETTLE = 0.5, 1.0


@dataclass
class LocalReader:
    """Reads on this machine, with the engines of `host`."""

    host: Host
    model: str
    draft: str = ""
    width: int = field(init=False)

    def __post_init__(self) -> None:
        # One more than can be read at once: its picture is decoded and measured while the others are read.
        self.width = max(self.host.width(key) for key in (self.model, self.draft or self.model)) + 1
        self._watch = Watch()
        # A witness is asked while a page waits for its model, so there are never more of them than pages being read.
        self._aside = ThreadPoolExecutor(self.width, thread_name_prefix="page-witness")
        self._ways: dict[str, Way] = {}
        self._drafting: dict[str, Options | None] = {}

    def read(self, page: Page, options: Options, draft: Reading | None = None) -> Reading:
        return read_page(page, options, self.host, self._watch, self._aside, draft)

    def way(self, options: Options) -> Way:
        asked = to_json(options)
        if asked not in self._ways:
            self._ways[asked] = way(options, self.host)
        return self._ways[asked]

    def drafting(self, options: Options) -> Options | None:
        asked = to_json(options)
        if asked not in self._drafting:
            self._drafting[asked] = drafts.order(options, self.host)
        return self._drafting[asked]

    def cancel(self) -> None:
        self._watch.stop.set()

    def close(self) -> None:
        self._aside.shutdown(wait=True, cancel_futures=True)


def _drafts(flow: Flow, items: list[Item], limits: Limits, *, again: bool) -> Generator[Event]:
    """The first of two stages for every document that has two, so that the models are swapped once for all of them."""
    left = [item for item in items if flow.reader.drafting(flow.of(item)) is not None]
    for course in (Course(again=again, drafts=True), Course(struck=True, drafts=True)):
        if not left or flow.stop.is_set():
            return
        found, left = left, []
        for event in flow.run(found, limits, course):
            if isinstance(event, Read):
                yield Drafted(event.name, event.page)
            elif isinstance(event, Written) and event.open_pages:
                left.append(event.item)


def work(flow: Flow, items: list[Item], limits: Limits, tries: int, *, again: bool = False) -> Generator[Event]:
    """Every item; then those with failed pages, up to `tries` times; at last, alone, pages that met a sudden end."""
    yield from _drafts(flow, items, limits, again=again)
    courses = chain([Course(again=again)], repeat(Course(), tries - 1), [Course(struck=True)])
    for course in courses:
        left: list[Item] = []
        for event in flow.run(items, limits, course):
            if isinstance(event, Written) and event.open_pages:
                left.append(event.item)
            if isinstance(event, Refused) and event.failure.code == "remote_failed":
                left.append(event.item)
            yield event
        items = left
        if not items or flow.stop.is_set():
            return


def arrivals(look: Callable[[], list[Item]], stop: threading.Event) -> Iterator[list[Item]]:
    """What is new or changed at each look at the inputs, once it has settled; ends when `stop` is set."""
    done: dict[str, tuple[int, int]] = {}
    seen: dict[str, tuple[int, int]] = {}
    while not stop.is_set():
        fresh = []
        for item in look():
            state = _state(item)
            if done.get(item.name) == state:
                continue
            if _settled(state, seen.get(item.name)):
                done[item.name] = state
                fresh.append(item)
            seen[item.name] = state
        if fresh:
            yield fresh
        stop.wait(LOOK)


def _state(item: Item) -> tuple[int, int]:
    """Size and time of change; what is not a local file counts as unchanging."""
    path = item.place.path if isinstance(item.place, LocalFile) else getattr(item.place, "archive", None)
    if not isinstance(path, Path):
        return 0, 0
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _settled(state: tuple[int, int], before: tuple[int, int] | None) -> bool:
    """Whether nobody writes the file any more: unchanged since the last look, and not changed just now."""
    old = time.time_ns() - state[1] > SETTLE * 1e9
    return state == before and old and state[0] >= 0
