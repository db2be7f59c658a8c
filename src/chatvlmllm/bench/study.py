"""`bench run`: every subject reads every case; what was read before is not read again."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.bench import reader
from chatvlmllm.bench.answer import Answer
from chatvlmllm.bench.cases import Case
from chatvlmllm.bench.reader import Order, Reader
from chatvlmllm.bench.store import About, Known, Study
from chatvlmllm.engines import gpu
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.run import environment, now

if TYPE_CHECKING:
    from chatvlmllm.bench.subjects import Subject
    from chatvlmllm.config import Settings


@dataclass(frozen=True)
class Plan:
    """What is wanted of a study: who reads, in which languages, how many pages tell the speed at full width."""

    subjects: tuple[Subject, ...]
    languages: tuple[str, ...] = ("rus", "eng")
    throughput: int = 0


#: Called with (subject, done, total, reused) after each page.
Watcher = Callable[[str, int, int, bool], None]


def study(cases: Sequence[Case], plan: Plan, folder: Path, settings: Settings, watch: Watcher) -> int:
    """Read what is missing into `folder`; returns how many pages were read anew.

    A model that cannot be loaded raises its error; a page that cannot be read is an answer whose verdict is `failed`.
    """
    study = Study(folder)
    known = [study.keep(case) for case in cases]
    study.note_environment(machine())
    return sum(_measure(study, known, subject, plan, settings, watch) for subject in plan.subjects)


def machine() -> dict[str, str]:
    """What speed depends on: versions, processor, cores, memory, GPUs."""
    total = gpu.memory().total if not gpu.gpus() else None
    found = {**environment(), "processor": _processor(), "cores": str(os.cpu_count() or 1)}
    if total:
        found["memory"] = f"{total / 2**30:.0f} GiB"
    cards = ", ".join(f"{card.name} {card.total / 2**30:.0f} GiB" for card in gpu.gpus())
    return {**found, "gpu": cards} if cards else found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _measure(study: Study, known: list[Known], subject: Subject, plan: Plan, settings: Settings, watch: Watcher) -> int:
    """One subject over all cases."""
    todo = []
    for number, case in enumerate(known, 1):
        order = Order((case.id, subject.key, subject.version, case.digest), study.page(case), case.truth.form)
        wish = f"{'+'.join(plan.languages)} {case.truth.form if case.truth.fields else ''} {subject.task}"
        path = study.answer_path(case, subject.key, subject.version, wish)
        if study.answer(path) is None:
            todo.append((replace(order, form=case.truth.form if case.truth.fields else ""), path))
        else:
            watch(subject.key, number - len(todo), len(known), True)
    about = study.subjects().get(subject.key)
    if todo or about is None or about.version != subject.version:
        measure = _by_program if subject.program else _by_model
        done = len(known) - len(todo)
        for answer, (_, path) in zip(measure(study, subject, plan, settings, todo), todo, strict=False):
            study.put(path, replace(answer, environment=machine(), read_at=now()))
            done += 1
            watch(subject.key, done, len(known), False)
    return len(todo)


Todo = list[tuple[Order, Path]]


def _by_program(study: Study, subject: Subject, plan: Plan, _settings: Settings, todo: Todo) -> Iterator[Answer]:
    assert subject.program is not None
    about = About(subject.key, subject.title, subject.version, False)
    # Before the first answer: a study that is broken off can be reported.
    _note(study, about)
    for order, _ in todo:
        yield reader.call(subject.program, order, plan.languages)
    some = [order for order, _ in todo][: plan.throughput]
    rate = reader.calls_per_minute(subject.program, some, plan.languages) if some else None
    _note(study, replace(about, pages_per_minute=rate, width=os.cpu_count() or 1))


def _by_model(study: Study, subject: Subject, plan: Plan, settings: Settings, todo: Todo) -> Iterator[Answer]:
    first = Reader(subject, plan.languages, settings)
    about = About(subject.key, subject.title, subject.version, True, first.load_seconds)
    running: Reader | None = first
    _note(study, about)
    try:
        for order, _ in todo:
            running = running or Reader(subject, plan.languages, settings)
            try:
                yield running.read(order)
            except ChatVLMLLMError as error:
                # The process is gone or cannot open the page; the others are read by a fresh one.
                running.close()
                running = None
                yield _failed(order, error)
        some = [order.file for order, _ in todo][: plan.throughput]
        if some and running is not None:
            width = settings.workers or os.cpu_count() or 1
            about = replace(about, pages_per_minute=running.pages_per_minute(some), width=width)
    finally:
        if running is not None:
            running.close()
    _note(study, about)


def _note(study: Study, about: About) -> None:
    """Keep what an earlier call measured and this one did not."""
    before = study.subjects().get(about.key)
    if about.pages_per_minute is None and before is not None and before.version == about.version:
        about = replace(about, pages_per_minute=before.pages_per_minute, width=before.width)
    study.note(about)


def _failed(order: Order, error: ChatVLMLLMError) -> Answer:
    case, subject, version, page = order.place
    return Answer(case, subject, version, page, "", "failed", failure=(error.code, error.message()))
