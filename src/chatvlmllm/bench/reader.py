"""Subjects at work: each in a process of its own, so that its memory is its own and its death ends nothing else.

`Reader` starts the process of one of our models and asks it page by page; `call` runs an outside program once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from chatvlmllm import pipeline
from chatvlmllm.asking import Watch
from chatvlmllm.bench.answer import Answer, of_reading, record
from chatvlmllm.bench.footprint import Footprint
from chatvlmllm.document import open_document
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError, EngineCrashed
from chatvlmllm.run import Options

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from chatvlmllm.bench.subjects import Program, Subject
    from chatvlmllm.config import Settings
    from chatvlmllm.document import Page


@dataclass(frozen=True)
class Order:
    """One page for a subject: `place` is case, subject, version, digest; `form` the type of paper to find fields of."""

    place: tuple[str, str, str, str]
    file: Path
    form: str = ""


class Reader:
    """One of our models in a process of its own; `load_seconds` is how long it took until it could answer."""

    def __init__(self, subject: Subject, languages: tuple[str, ...], settings: Settings) -> None:
        assert subject.model is not None
        self._key = subject.key
        options = Options(subject.model.key, subject.task, languages, fallback=False)
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, options, settings))
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.footprint = Footprint(self._process.pid)
        try:
            self.load_seconds: float = self._ask(None)
        except BaseException:
            self.close()
            raise

    def read(self, order: Order) -> Answer:
        """Read one page; raises EngineCrashed when the process died over it."""
        self.footprint.reset()
        before = self.footprint.processor_seconds()
        found: Answer = self._ask(order)
        spent = self.footprint.processor_seconds() - before
        return replace(found, memory=self.footprint.peaks(), seconds={**found.seconds, "processor": spent})

    def pages_per_minute(self, files: list[Path]) -> float:
        """How many pages a minute it reads when it may read several at once."""
        seconds: float = self._ask(files)
        return 60 * len(files) / seconds

    def _ask(self, what: Any) -> Any:
        try:
            if what is not None:
                self._line.send(what)
            said = self._line.recv()
        except (EOFError, OSError) as error:
            self._process.join(5)
            status = self._process.exitcode
            raise EngineCrashed(model=self._key, status=status, reason=f"exit status {status}") from error
        if isinstance(said, ChatVLMLLMError):
            raise said
        return said

    def close(self) -> None:
        """End the process; it closes its engines first."""
        self._line.close()
        self._process.join(30)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.footprint.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve(line: Connection, options: Options, settings: Settings) -> None:
    """The child: load the model, then answer until the other end is closed."""
    from chatvlmllm import models

    # Ctrl-C reaches every process of the terminal; the parent decides what it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    started = time.perf_counter()
    try:
        with Host(settings) as host:
            host.load(models.find(options.model))
            line.send(time.perf_counter() - started)
            for what in _wishes(line):
                line.send(_throughput(what, options, host) if isinstance(what, list) else _read(what, options, host))
    except ChatVLMLLMError as error:
        line.send(error)


def _wishes(line: Connection) -> Iterator[Any]:
    while True:
        try:
            yield line.recv()
        except EOFError:
            return


def _read(order: Order, options: Options, host: Host) -> Answer:
    started, first = time.perf_counter(), list[float]()

    def heard(_page: Page, _piece: str) -> None:
        if not first:
            first.append(time.perf_counter() - started)

    with open_document(order.file, limits=host.settings.limits) as document:
        page, reading = next(iter(pipeline.read_pages(document.pages([1]), options, host, Watch(heard))))
        answer = of_reading(reading, order.place)
        seconds = {**answer.seconds, "total": time.perf_counter() - started}
        if first:
            seconds["first_token"] = first[0]
        if order.form:
            before = time.perf_counter()
            answer = replace(answer, fields=_fields(order.form, page, reading, options, host))
            seconds["fields"] = time.perf_counter() - before
    return replace(answer, seconds=seconds)


def _fields(form: str, page: Page, reading: Any, options: Options, host: Host) -> Any:
    from chatvlmllm import forms
    from chatvlmllm.fields import looker

    look = looker({page.number: (page, reading)}, options, host)
    return record(forms.extract([reading], form, forms.Aids(look=look)))


def _throughput(files: list[Path], options: Options, host: Host) -> float:
    started = time.perf_counter()
    documents = [open_document(file, limits=host.settings.limits) for file in files]
    pages = (page for document in documents for page in document.pages([1]))
    for _ in pipeline.read_pages(pages, options, host):
        pass
    for document in documents:
        document.close()
    return time.perf_counter() - started


def call(program: Program, order: Order, languages: tuple[str, ...]) -> Answer:
    """The answer of an outside program; what it says when it fails is the failure."""
    case, subject, version, page = order.place
    with tempfile.TemporaryDirectory(prefix="chatvlmllm-bench-") as scrap:
        text = Path(scrap) / "text.txt"
        words = {
            "page": order.file,
            "languages": "+".join(languages),
            "dpi": _dpi(order.file),
            "text": text,
            "scrap": Path(scrap) / "scrap.pdf",
        }
        command = [part.format_map(words) for part in program.command]
        started, spent = time.perf_counter(), _of_children()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 our own table
        with Footprint(process.pid) as footprint:
            out, err = process.communicate()
        seconds, failed = time.perf_counter() - started, process.returncode != 0
        said = (text.read_bytes() if text.exists() else out).decode("utf-8", "replace")
    last = err.decode("utf-8", "replace").strip().splitlines()[-1:]
    return Answer(
        case=case,
        subject=subject,
        version=version,
        page=page,
        text="" if failed else said.replace("\f", "\n").strip("\n"),
        verdict="failed" if failed else "ok",
        raw=(said,),
        engine=program.key,
        device="cpu",
        failure=(f"exit_{process.returncode}", " ".join(last)) if failed else None,
        seconds={"total": seconds, "processor": _of_children() - spent},
        memory=footprint.peaks(),
    )


def _of_children() -> float:
    """Processor time of all ended processes that this one started."""
    times = os.times()
    return times.children_user + times.children_system


def calls_per_minute(program: Program, orders: list[Order], languages: tuple[str, ...]) -> float:
    """How many pages a minute a program reads, one call per processor core at once."""
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda order: call(program, order, languages), orders))
    return 60 * len(orders) / (time.perf_counter() - started)


def _dpi(file: Path) -> int:
    """The resolution that a picture says it has; 200 when it says none or an impossible one."""
    from PIL import Image

    with Image.open(file) as image:
        said = round(float(image.info.get("dpi", (0, 0))[0]))
    return said if 50 <= said <= 1200 else 200
