"""Jobs as the runner sees them: taken, page by page finished, ended or put back. One process at a time runs jobs.

Every page is stored in one transaction with the job's reference to it and its event, so that whenever the process is
killed a page is either done or not begun.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from chatvlmllm.reading import Failure, Reading
from chatvlmllm.run import to_json
from chatvlmllm.store.jobs import job_of, tell
from chatvlmllm.store.keys import Key, Way
from chatvlmllm.store.nouns import Job, JobFile, State
from chatvlmllm.store.pages import insert, store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from chatvlmllm.store.database import Database


def put_back_all(database: "Database", under_way: Collection[str]) -> bool:
    """Put back every running job but those under way, and tell whether any job waits."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    wanted = select(JOBS.c.id, JOBS.c.state).where(JOBS.c.state.in_((State.QUEUED.value, State.RUNNING.value)))
    with database.read() as connection:
        rows = connection.execute(wanted).all()
    left = [row.id for row in rows if row.state == State.RUNNING.value and row.id not in under_way]
    if left:
        with database.write() as connection:
            for job in left:
                _move(connection, job, State.QUEUED)
    return len(rows) > len(under_way)


def take(database: "Database", running: Mapping[str, Job], lanes: int) -> tuple[Job, int] | None:
    """Claim the next job, and how often it was started since its last finished page; `running` are those under way.

    Jobs that somebody waits for come first; then those of the owner who has the fewest under way; of one owner those
    of higher priority, and then the one that waits longest. The last free lane is kept for the jobs waited for.
    """
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    busy = Counter(job.owner for job in running.values())
    spare = len(running) + 1 >= lanes > 1

    def rank(row: Any) -> tuple[Any, ...]:
        return (not row.awaited, busy[row.owner], -row.priority, row.queued)

    with database.write() as connection:
        queued = select(JOBS.c.id, JOBS.c.owner, JOBS.c.awaited, JOBS.c.priority, JOBS.c.queued)
        rows = connection.execute(queued.where(JOBS.c.state == State.QUEUED.value)).all()
        rows = [row for row in rows if row.awaited or not spare]
        if not rows:
            return None
        chosen, now = min(rows, key=rank).id, time.time()
        mine = JOBS.update().where(JOBS.c.id == chosen, JOBS.c.state == State.QUEUED.value)
        values = {"state": State.RUNNING.value, "taken": now, "starts": JOBS.c.starts + 1}
        row = connection.execute(mine.values(values).returning(JOBS)).one_or_none()
        if row is None:  # cancelled in this moment
            return None
        if row.started is None:
            connection.execute(JOBS.update().where(JOBS.c.id == chosen).values(started=now))
        tell(connection, chosen, "state", {"state": State.RUNNING.value})
        return job_of(row), row.starts


def lengths(database: "Database") -> dict[State, int]:
    """How many jobs wait, and how many are under way."""
    from sqlalchemy import func, select

    from chatvlmllm.store.tables import JOBS

    counted = select(JOBS.c.state, func.count()).group_by(JOBS.c.state)
    states = (State.QUEUED, State.RUNNING)
    with database.read() as connection:
        rows = connection.execute(counted.where(JOBS.c.state.in_([state.value for state in states]))).all()
    found = {State(row[0]): int(row[1]) for row in rows}
    return {state: found.get(state, 0) for state in states}


def others_wait(database: "Database", owner: str) -> bool:
    """Whether a job of somebody else is in the queue."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    other = select(JOBS.c.id).where(JOBS.c.state == State.QUEUED.value, JOBS.c.owner != owner).limit(1)
    with database.read() as connection:
        return connection.scalar(other) is not None


def finished_pages(database: "Database", file: JobFile) -> frozenset[int]:
    """The pages of a file that this job has."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOB_PAGES

    with database.read() as connection:
        return frozenset(connection.scalars(select(JOB_PAGES.c.page).where(JOB_PAGES.c.file == file.id)))


def adopt(database: "Database", job: str, file: JobFile, way: Way) -> None:
    """Give a job the results of pages that were read in the same way before."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOB_PAGES, PAGES

    done = finished_pages(database, file)
    missing = [page for page in file.numbers if page not in done]
    with database.write() as connection:
        if not _still(connection, job):
            return
        there = select(PAGES.c.page, PAGES.c.id, PAGES.c.verdict).where(
            PAGES.c.document == file.document, PAGES.c.way == way.digest, PAGES.c.lasting.is_(True)
        )
        rows = connection.execute(there.with_for_update(read=True, key_share=True))
        known = {row.page: row for row in rows}
        for page in missing:
            if page in known:
                values = {"file": file.id, "page": page, "result": known[page].id, "cached": True, "ended": time.time()}
                connection.execute(insert(connection, JOB_PAGES).values(values).on_conflict_do_nothing())
                _tell_page(connection, job, file, page, known[page].verdict, cached=True)


def finish_page(database: "Database", job: str, file: JobFile, key: Key, reading: Reading) -> bool:
    """Store a page that was read; False when the job is no longer running, and then nothing is stored."""
    from chatvlmllm.store.tables import JOB_PAGES

    with database.write() as connection:
        if not _still(connection, job, starts=0):
            return False
        result = store(connection, key, reading)
        values = {"file": file.id, "page": key.page, "result": result, "cached": False, "ended": time.time()}
        new = insert(connection, JOB_PAGES).values(values).on_conflict_do_nothing().returning(JOB_PAGES.c.page)
        if connection.scalar(new) is not None:
            _tell_page(connection, job, file, key.page, reading.verdict.value, cached=False)
    return True


def keep_draft(database: "Database", job: str, file: JobFile, key: Key, draft: Reading) -> None:
    """Store what the first of two stages read; nothing of a job that is no longer running."""
    with database.write() as connection:
        if _still(connection, job, starts=0):
            store(connection, key, draft)
            tell(connection, job, "draft", {"file": file.position, "page": key.page})


def _still(connection: "Connection", job: str, starts: int | None = None) -> bool:
    """Whether the job is running; locks its row, and sets its count of starts if told to."""
    from chatvlmllm.store.tables import JOBS

    mine = JOBS.update().where(JOBS.c.id == job, JOBS.c.state == State.RUNNING.value)
    return bool(connection.execute(mine.values(starts=JOBS.c.starts if starts is None else starts)).rowcount)


def _tell_page(connection: "Connection", job: str, file: JobFile, page: int, verdict: str, *, cached: bool) -> None:
    tell(connection, job, "page", {"file": file.position, "page": page, "verdict": verdict, "cached": cached})


def put_back(database: "Database", job: str) -> None:
    """Let a running job wait again, behind the others."""
    _leave(database, job, State.QUEUED, None)


def end(database: "Database", job: str, state: State, failure: Failure | None = None) -> None:
    """A running job has ended."""
    _leave(database, job, state, failure)


def _leave(database: "Database", job: str, state: State, failure: Failure | None) -> None:
    with database.write() as connection:
        _move(connection, job, state, failure)


def _move(connection: "Connection", job: str, state: State, failure: Failure | None = None) -> None:
    """From running to another state, and tell; nothing happens to a job that is not running any more."""
    from chatvlmllm.store.tables import JOBS

    values: dict[str, Any] = {"state": state.value, "failure": to_json(failure) if failure else None}
    values |= {"ended": time.time()} if state.ended else {"queued": time.time()}
    mine = JOBS.update().where(JOBS.c.id == job, JOBS.c.state == State.RUNNING.value)
    if connection.execute(mine.values(values)).rowcount:
        tell(connection, job, "state", {"state": state.value})
