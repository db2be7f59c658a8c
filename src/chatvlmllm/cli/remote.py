"""`--server URL`: the same commands, read by a server. Its API key, if it wants one, stands in CHATVLMLLM_KEY."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.cli.speech import LANGUAGE

if TYPE_CHECKING:
    from chatvlmllm.batch.local import Watcher
    from chatvlmllm.batch.plan import Order
    from chatvlmllm.client import Client, Job
    from chatvlmllm.run import Run
    from chatvlmllm.store import Spool

#: Files that are sent ahead of the one whose result is awaited.
_AHEAD = 3


def connect(url: str) -> "Client":
    """A client that speaks the user's language."""
    from chatvlmllm.client import Client

    return Client(url, os.environ.get("CHATVLMLLM_KEY", ""), language=LANGUAGE)


def read_files(order: "Order", client: "Client", pages: str, watch: "Watcher") -> Iterator[tuple[int, "Run", "Spool"]]:
    """Every file's index in the order, its run and its readings; jobs that nobody waits for any more are cancelled."""
    waiting: deque[tuple[int, Job | Run]] = deque()
    todo = deque(enumerate(order.files))
    try:
        while todo or waiting:
            while todo and len(waiting) <= _AHEAD:
                index, file = todo.popleft()
                waiting.append((index, _sent(file, order, client, pages)))
            index, sent = waiting[0]
            yield index, *_read(sent, order, client, watch)
            waiting.popleft()
    finally:
        for _, left in waiting:
            _cancel(left, client)


def _sent(file: Path, order: "Order", client: "Client", pages: str) -> "Job | Run":
    """The file's job, or its run when it was refused."""
    from chatvlmllm.errors import InputError
    from chatvlmllm.ladder import failure
    from chatvlmllm.run import refuse

    try:
        return client.submit([file], order.options, pages=pages)
    except InputError as error:
        return refuse(str(file), order.options, failure(error))


def _read(sent: "Job | Run", order: "Order", client: "Client", watch: "Watcher") -> tuple["Run", "Spool"]:
    from chatvlmllm.errors import ChatVLMLLMError
    from chatvlmllm.ladder import failure
    from chatvlmllm.run import Run, refuse
    from chatvlmllm.store import Spool

    spool = Spool()
    if isinstance(sent, Run):
        watch(sent, 0, None)
        return sent, spool
    name = sent.files[0].name if sent.files else ""
    try:
        _follow(sent, name, order, client, watch)
        run = client.result(sent.id)
    except ChatVLMLLMError as error:
        return refuse(name, order.options, failure(error)), spool
    for reading in run.readings:
        spool.append(reading)
    return run, spool


def _follow(sent: "Job", name: str, order: "Order", client: "Client", watch: "Watcher") -> None:
    """Tell the progress, page by page, until the job has ended."""
    from chatvlmllm.geometry import Size
    from chatvlmllm.reading import Reading, Verdict
    from chatvlmllm.run import Run, Source, now

    run = Run(document=Source(name=name), options=order.options, environment={}, started=now())
    watch(run, sent.pages.total, None)
    for event in client.events(sent.id):
        if event.kind == "page":
            page, verdict = event.content["page"], Verdict(event.content["verdict"])
            watch(run, sent.pages.total, Reading(page=page, size=Size(1, 1), verdict=verdict, asked=sent.model))


def _cancel(left: "Job | Run", client: "Client") -> None:
    from contextlib import suppress

    from chatvlmllm.errors import ChatVLMLLMError
    from chatvlmllm.run import Run

    if not isinstance(left, Run):
        with suppress(ChatVLMLLMError):
            client.cancel(left.id)
