"""How a batch goes on: a bar with pages a minute, the time left, swaps of models and verdicts; nothing in a pipe."""

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Self

from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.table import Table

from chatvlmllm import messages
from chatvlmllm.batch.events import Drafted, Event, Opened, Read, Refused, Written
from chatvlmllm.cli.speech import LANGUAGE, console, say

#: Speed is that of the last so many pages.
_RECENT = 200


class Live:
    """Follows the events of a batch. `read` pages were read by now, `open` documents have pages without a result."""

    def __init__(self, swaps: Callable[[], int]) -> None:
        self.started = time.monotonic()
        self.read = 0
        self._swaps = swaps
        self._documents = self._done = self._pages = self._seen = self._drafts = 0
        self._verdicts = Counter[str]()
        self._unfinished: set[str] = set()
        self._recent: deque[float] = deque([self.started], maxlen=_RECENT)
        self._screen = Screen(console=console(), auto_refresh=False, transient=True)
        self._shown = 0.0

    @property
    def open(self) -> int:
        return len(self._unfinished)

    def expect(self, documents: int) -> None:
        """So many documents more."""
        self._documents += documents

    def tell(self, event: Event) -> None:
        """Take an event in; failures are said at once."""
        if isinstance(event, Opened):
            self._pages += event.pages
            self._seen += event.known
        elif isinstance(event, Read):
            self._take(event)
        elif isinstance(event, Drafted):
            self._drafts += 1
        elif isinstance(event, Refused):
            self._done += 1
            self._say(event.item.name, event.failure.code, event.failure.details)
        elif isinstance(event, Written):
            self._done += 1
            (self._unfinished.add if event.open_pages else self._unfinished.discard)(event.item.name)
        self._draw()

    def _take(self, event: Read) -> None:
        self.read += 1
        self._seen += 1
        self._verdicts[event.verdict.value] += 1
        self._recent.append(time.monotonic())
        if event.failure is not None:
            where = say("recognize.page", name=messages.printable(event.name), page=event.page)
            self._say(where, event.failure.code, event.failure.details)

    @staticmethod
    def _say(where: str, code: str, details: "object") -> None:
        values = dict(details) if isinstance(details, dict) else {}
        what = messages.render(f"errors.{code}.what", LANGUAGE, values)
        console().print(f"{say('error')}: {messages.printable(where)}: {what}", style="red", markup=False)

    def speed(self) -> str:
        """Pages a minute, over the last ones."""
        passed = time.monotonic() - self._recent[0]
        count = len(self._recent) - 1
        return f"{60 * count / passed:.1f}" if count > 0 and passed > 0 else "—"

    def _left(self) -> str:
        """The time that is left if the other documents are like those done."""
        passed, done = time.monotonic() - self.started, self._done
        return self.clock(passed / done * (self._documents - done)) if done else "—"

    @staticmethod
    def clock(seconds: float) -> str:
        """Hours, minutes and seconds."""
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}"

    @staticmethod
    def verdict(name: str) -> str:
        return messages.render(f"export.verdict.{name}", LANGUAGE)

    def _draw(self) -> None:
        now = time.monotonic()
        if not console().is_terminal or now - self._shown < 0.2:
            return
        self._shown = now
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            ProgressBar(total=max(1, self._documents), completed=self._done, width=30),
            say("batch.progress", done=self._done, documents=self._documents, pages=self._seen),
            say("batch.pace", speed=self.speed(), left=self._left(), swaps=self._swaps()),
        )
        told = [say("batch.drafts", pages=self._drafts)] if self._drafts else []
        told += [f"{self.verdict(name)} {count}" for name, count in sorted(self._verdicts.items())]
        grid.add_row("", "  ".join(told), "")
        self._screen.update(grid, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        self._screen.stop()

    def __enter__(self) -> Self:
        if console().is_terminal:
            self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
