"""Files that arrived become a job: each is opened apart, counted, and taken over by its content."""

from collections.abc import Sequence
from dataclasses import replace

from chatvlmllm.batch.plan import Range, select
from chatvlmllm.errors import ChatVLMLLMError, InputError, leaves
from chatvlmllm.ladder import failure
from chatvlmllm.reading import Failure
from chatvlmllm.server.runner import Runner
from chatvlmllm.server.wishes import Arrived
from chatvlmllm.store import jobs, sweep
from chatvlmllm.store.nouns import NewFile, Order


def submit(runner: Runner, order: Order, arrived: Sequence[Arrived], ranges: Sequence[Sequence[Range]]) -> str:
    """Queue the order with the files that arrived, the wanted pages of each, and return the job's id.

    A file that cannot be opened costs the others nothing: its error stands in the job. Raises the first error when no
    file can be opened, and QueueFull.
    """
    files, errors = [], []
    for one, wanted in zip(arrived, ranges, strict=True):
        try:
            files.append(_admit(runner, one, wanted))
        except InputError as error:
            errors.append(error)
            files.append(NewFile(name=one.name, failure=failure(error)))
    if len(errors) == len(files):
        raise errors[0]
    own = runner.own
    with own.originals.lock:
        try:
            for one, file in zip(arrived, files, strict=True):
                if file.document is not None:
                    own.originals.put(one.path, file.document)
            job = jobs.add(own.database, replace(order, files=tuple(files)), own.host.settings.jobs.queue)
        except ChatVLMLLMError:
            sweep.drop_strays(own.database, own.originals)
            raise
    runner.added()
    return job


def _admit(runner: Runner, arrived: Arrived, ranges: Sequence[Range]) -> NewFile:
    """A file as part of a job; raises what `open_document` raises, PageOutOfRange and UnsafeFile."""
    with runner.own.chambers.open(arrived.path, arrived.name) as document:
        numbers = select(ranges, document.name, len(document))
        return NewFile(
            name=arrived.name,
            document=document.sha256,
            media_type=document.media_type,
            bytes=document.bytes,
            pages=len(document),
            numbers=tuple(numbers),
            notices=document.notices,
        )


def error_of(why: Failure) -> ChatVLMLLMError:
    """A failure as the error that it was."""
    kind = next(leaf for leaf in leaves() if leaf.code == why.code)
    return kind(**why.details)
