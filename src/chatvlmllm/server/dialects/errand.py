"""One errand of a dialect: files that arrived are read as a job, and its result is there when the answer is written."""

import secrets
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from chatvlmllm import export, prepare, routing
from chatvlmllm.batch.plan import Range
from chatvlmllm.errors import JobUnfinished
from chatvlmllm.exchange import Task
from chatvlmllm.export import Style
from chatvlmllm.models import find
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Options
from chatvlmllm.server import edge, jobs, results
from chatvlmllm.server.intake import submit
from chatvlmllm.server.shared import Shared
from chatvlmllm.server.wishes import Arrived, gone_afterwards, label
from chatvlmllm.store import jobs as stored
from chatvlmllm.store.nouns import Job, JobFile, Order, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is to be read for whom, and how."""

    owner: str
    options: Options
    files: tuple[Arrived, ...]
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A job that has ended, with its files."""

    shared: Shared
    job: Job
    files: list[JobFile]
    language: str

    @property
    def style(self) -> Style:
        return Style(self.language, self.shared.settings.csv_delimiter)

    def text(self, file: JobFile, name: str) -> str:
        """One file in one of the text formats."""
        format = export.FORMATS[name]
        made = results.pieces(self.shared.runner.own, self.job, file, format, self.style)
        return b"".join(made).decode(format.encoding)

    def readings(self, file: JobFile) -> Iterator[Reading]:
        """Its pages in order."""
        return stored.readings(self.shared.runner.own.database, file)

    def page(self, file: JobFile, reading: Reading) -> str:
        """One page as Markdown."""
        run = results.run_of(self.shared.runner.own.database, self.job, file)
        made = export.export(run, [reading], export.FORMATS["md"], self.style)
        return b"".join(made).decode().strip()

    def archive(self, name: str) -> Iterator[bytes]:
        """Every file, as an archive."""
        return results.archive(self.shared.runner.own, self.job, self.files, export.FORMATS[name], self.style)

    @property
    def doubtful(self) -> list[tuple[Reading, str]]:
        """Pages that are not to be believed as they stand, with their verdict."""
        fine = (Verdict.OK, Verdict.BLANK)
        pages = (reading for file in self.files for reading in self.readings(file))
        return [(reading, reading.verdict) for reading in pages if reading.verdict not in fine]


def options(shared: Shared, model: str, languages: tuple[str, ...] = ()) -> Options:
    """How to read: as Markdown where the named model has a recipe for it; raises UnknownModel, TaskNotSupported."""
    settings = shared.settings
    chosen = model or settings.model
    task = Task.TEXT
    if chosen != routing.AUTO:
        found = find(chosen)
        task = Task.MARKDOWN if Task.MARKDOWN in found.recipes else Task.TEXT
        prepare.recipe(found, task)
    return Options(chosen, task, languages or tuple(settings.languages.split("+")))


def arrived(shared: Shared, name: str, content: bytes | BinaryIO) -> Arrived:
    """A file of a request, on disk; blocks."""
    path = shared.runner.own.originals.arriving / secrets.token_hex(16)
    with path.open("xb") as copy:
        if isinstance(content, bytes):
            copy.write(content)
        else:
            while piece := content.read(1 << 20):
                copy.write(piece)
    return Arrived(label(name), path)


async def queued(shared: Shared, errand: Errand, *, awaited: bool) -> str:
    """The id of the job; raises QueueFull and whatever keeps every file from being opened."""
    with gone_afterwards(errand.files):
        await run_in_threadpool(stored.refuse_full, shared.runner.own.database, shared.settings.jobs.queue)
        order = Order(owner=errand.owner, options=errand.options, files=(), awaited=awaited)
        ranges = [errand.ranges] * len(errand.files)
        return await run_in_threadpool(submit, shared.runner, order, errand.files, ranges)


@asynccontextmanager
async def done(request: Request, shared: Shared, errand: Errand) -> AsyncIterator[Done]:
    """The errand, done; when the client leaves it is cancelled. Raises why nothing was read, where nothing was."""
    job = await queued(shared, errand, awaited=True)
    stop = threading.Event()
    try:
        await edge.finished(request, lambda: jobs.wait(shared.runner, job, errand.owner, stop), stop)
        yield await run_in_threadpool(ended, request, shared, job, errand.owner)
    finally:
        if shared.settings.store.keep == "nothing":
            await run_in_threadpool(jobs.forget, shared.runner, job)


def ended(request: Request, shared: Shared, job: str, owner: str) -> Done:
    """A job that has ended; raises UnknownJob, JobUnfinished, and why nothing was read."""
    database = shared.runner.own.database
    found = stored.get(database, job, owner)
    if found.state is not State.FINISHED and found.failure is None:
        raise JobUnfinished(job=job, state=found.state.value)
    files: Sequence[JobFile] = stored.files(database, job)
    if len(files) == 1:
        results.refuse_nothing(database, found, files[0])
    return Done(shared, found, list(files), edge.language(request.headers))
