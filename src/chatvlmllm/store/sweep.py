"""Deleting: rows, results that no other job refers to, and originals. Deleted means gone."""

import time
from typing import TYPE_CHECKING

from chatvlmllm.errors import UnknownJob
from chatvlmllm.store.nouns import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from chatvlmllm.store.database import Database
    from chatvlmllm.store.originals import Originals

_ENDED = [state.value for state in State if state.ended]


def delete(database: "Database", originals: "Originals", job: str, owner: str | None = None) -> None:
    """Delete a job in any state; raises UnknownJob for one that is not the owner's."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import FILES, JOB_PAGES, JOBS

    with originals.lock, database.write() as connection:
        mine = JOBS.c.id == job if owner is None else (JOBS.c.id == job) & (JOBS.c.owner == owner)
        if connection.scalar(select(JOBS.c.id).where(mine).with_for_update()) is None:
            raise UnknownJob(job=job)
        own = select(FILES.c.id).where(FILES.c.job == job)
        results = set(connection.scalars(select(JOB_PAGES.c.result).where(JOB_PAGES.c.file.in_(own))))
        documents = set(connection.scalars(select(FILES.c.document).where(FILES.c.job == job))) - {None}
        connection.execute(JOBS.delete().where(JOBS.c.id == job))
        _delete_results(connection, results)
        for digest in _delete_documents(connection, documents):
            originals.delete(digest)
    database.forget_deleted()


def _delete_results(connection: "Connection", results: "Iterable[int]") -> None:
    from sqlalchemy import exists

    from chatvlmllm.store.tables import JOB_PAGES, PAGES

    held = exists().where(JOB_PAGES.c.result == PAGES.c.id)
    for number in results:
        connection.execute(PAGES.delete().where(PAGES.c.id == number, ~held))


def _delete_documents(connection: "Connection", documents: "Iterable[str]") -> list[str]:
    """Those that nothing refers to any more, with the drafts of their pages, which no job ever refers to."""
    from sqlalchemy import exists

    from chatvlmllm.store.tables import DOCUMENTS, FILES, JOB_PAGES, PAGES

    held = exists().where(FILES.c.document == DOCUMENTS.c.digest)
    gone = [
        digest
        for digest in documents
        if connection.execute(DOCUMENTS.delete().where(DOCUMENTS.c.digest == digest, ~held)).rowcount
    ]
    shown = exists().where(JOB_PAGES.c.result == PAGES.c.id)
    connection.execute(PAGES.delete().where(PAGES.c.document.in_(gone), ~shown))
    return gone


def delete_old(database: "Database", originals: "Originals", seconds: float) -> int:
    """Delete the jobs that ended so long ago; how many they were."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    old = select(JOBS.c.id).where(JOBS.c.state.in_(_ENDED), JOBS.c.ended < time.time() - seconds)
    with database.read() as connection:
        found = list(connection.scalars(old))
    for job in found:
        try:
            delete(database, originals, job)
        except UnknownJob:  # its owner was faster
            continue
    return len(found)


def drop_originals(database: "Database", originals: "Originals") -> None:
    """Remove the originals that no job needs that goes on."""
    from sqlalchemy import exists

    from chatvlmllm.store.tables import DOCUMENTS, FILES, JOBS

    needed = exists().where(
        FILES.c.document == DOCUMENTS.c.digest, FILES.c.job == JOBS.c.id, JOBS.c.state.notin_(_ENDED)
    )
    with originals.lock, database.write() as connection:
        dropped = DOCUMENTS.update().where(DOCUMENTS.c.kept.is_(True), ~needed)
        for digest in list(connection.scalars(dropped.values(kept=False).returning(DOCUMENTS.c.digest))):
            originals.delete(digest)


def drop_strays(database: "Database", originals: "Originals") -> None:
    """Remove originals that the store does not know: what a process left that ended between two steps."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import DOCUMENTS

    with originals.lock:
        there = originals.digests()
        with database.read() as connection:
            known = set(connection.scalars(select(DOCUMENTS.c.digest).where(DOCUMENTS.c.kept.is_(True))))
        for digest in there - known:
            originals.delete(digest)
