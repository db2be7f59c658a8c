"""Jobs as their owners see them: added, looked at, cancelled, followed. What the runner does stands in `queue`.

Whoever asks names the owner; a job of somebody else does not exist for him.
"""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chatvlmllm.errors import QueueFull, UnknownDocument, UnknownJob
from chatvlmllm.reading import Failure, Notice, Reading, Verdict
from chatvlmllm.run import Options, parse, to_json
from chatvlmllm.store.nouns import Event, Job, JobFile, NewFile, Order, Progress, State
from chatvlmllm.store.pages import insert, unpack

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from chatvlmllm.store.database import Database

_OPEN = (State.QUEUED.value, State.RUNNING.value)


def add(database: "Database", order: Order, most: int) -> str:
    """Queue a job and return its id; raises QueueFull when `most` jobs are waiting already."""
    from chatvlmllm.store.tables import JOBS

    number, now = secrets.token_hex(16), time.time()
    with database.write() as connection:
        _refuse_full(connection, most)
        values = {
            "id": number,
            "owner": order.owner,
            "state": State.QUEUED.value,
            "options": to_json(order.options),
            "priority": order.priority,
            "awaited": order.awaited,
            "starts": 0,
            "events": 0,
            "created": now,
            "queued": now,
        }
        connection.execute(JOBS.insert().values(values))
        for position, file in enumerate(order.files):
            _add_file(connection, number, position, file)
        tell(connection, number, "state", {"state": State.QUEUED.value})
    return number


def _add_file(connection: "Connection", job: str, position: int, file: NewFile) -> None:
    from chatvlmllm.store.tables import DOCUMENTS, FILES

    if file.document is not None:
        values = {
            "digest": file.document,
            "media_type": file.media_type,
            "bytes": file.bytes,
            "pages": file.pages,
            "kept": True,
            "created": time.time(),
        }
        # An update, not nothing: it holds the row until our reference to it is written.
        new = insert(connection, DOCUMENTS).values(values)
        connection.execute(new.on_conflict_do_update(index_elements=["digest"], set_={"kept": True}))
    values = {
        "job": job,
        "position": position,
        "name": file.name[:300],
        "document": file.document,
        "numbers": json.dumps(file.numbers),
        "pages": len(file.numbers),
        "notices": json.dumps([[notice.code, dict(notice.details)] for notice in file.notices]),
        "failure": to_json(file.failure) if file.failure else None,
    }
    connection.execute(FILES.insert().values(values))


def tell(connection: "Connection", job: str, kind: str, content: dict[str, Any]) -> None:
    """Add an event to a job that exists; its row is locked until the transaction ends, so that numbers have no gaps."""
    from chatvlmllm.store.tables import EVENTS, JOBS

    raised = JOBS.update().where(JOBS.c.id == job).values(events=JOBS.c.events + 1).returning(JOBS.c.events)
    number = connection.execute(raised).scalar_one()
    values = {"job": job, "number": number, "kind": kind, "content": json.dumps(content), "at": time.time()}
    connection.execute(EVENTS.insert().values(values))


def refuse_full(database: "Database", most: int) -> None:
    """Raise QueueFull when `most` jobs are waiting already."""
    with database.read() as connection:
        _refuse_full(connection, most)


def _refuse_full(connection: "Connection", most: int) -> None:
    from sqlalchemy import func, select

    from chatvlmllm.store.tables import JOBS

    waiting = select(func.count()).select_from(JOBS).where(JOBS.c.state == State.QUEUED.value)
    if (connection.scalar(waiting) or 0) >= most:
        raise QueueFull(most=most)


def get(database: "Database", job: str, owner: str) -> Job:
    """A job with its progress; raises UnknownJob, also for somebody else's."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    with database.read() as connection:
        row = connection.execute(select(JOBS).where(JOBS.c.id == job, JOBS.c.owner == owner)).one_or_none()
        if row is None:
            raise UnknownJob(job=job)
        return _with_progress(connection, [row])[0]


def newest(database: "Database", owner: str, most: int = 50, before: float | None = None) -> list[Job]:
    """An owner's jobs, the newest first; `before` is the `created` of the last one of the page before."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    wanted = select(JOBS).where(JOBS.c.owner == owner).order_by(JOBS.c.created.desc()).limit(most)
    if before is not None:
        wanted = wanted.where(JOBS.c.created < before)
    with database.read() as connection:
        return _with_progress(connection, connection.execute(wanted).all())


def job_of(row: Any) -> Job:
    """A row of the table as a noun, without its progress."""
    return Job(
        id=row.id,
        owner=row.owner,
        state=State(row.state),
        options=parse(Options, row.options),
        priority=row.priority,
        awaited=row.awaited,
        created=row.created,
        started=row.started,
        ended=row.ended,
        failure=parse(Failure, row.failure) if row.failure else None,
    )


def _with_progress(connection: "Connection", rows: Sequence[Any]) -> list[Job]:
    from sqlalchemy import case, func, select

    from chatvlmllm.store.tables import FILES, JOB_PAGES, JOBS, PAGES

    wanted = [row.id for row in rows]
    totals = select(FILES.c.job, func.sum(FILES.c.pages)).where(FILES.c.job.in_(wanted)).group_by(FILES.c.job)
    total = {job: int(count) for job, count in connection.execute(totals)}
    own = case((JOB_PAGES.c.cached.is_(False) & (JOB_PAGES.c.ended >= JOBS.c.taken), 1), else_=0)
    counted = (
        select(
            FILES.c.job,
            PAGES.c.verdict,
            func.count().label("pages"),
            func.sum(case((JOB_PAGES.c.cached, 1), else_=0)).label("cached"),
            func.sum(own).label("own"),
            func.max(JOB_PAGES.c.ended).label("last"),
        )
        .join(JOB_PAGES, JOB_PAGES.c.file == FILES.c.id)
        .join(PAGES, PAGES.c.id == JOB_PAGES.c.result)
        .join(JOBS, JOBS.c.id == FILES.c.job)
        .where(FILES.c.job.in_(wanted))
        .group_by(FILES.c.job, PAGES.c.verdict)
    )
    counts: dict[str, list[Any]] = {}
    for count in connection.execute(counted):
        counts.setdefault(count.job, []).append(count)
    return [replace(job_of(row), progress=_progress(row, counts.get(row.id, []), total.get(row.id, 0))) for row in rows]


def _progress(row: Any, counts: Sequence[Any], total: int) -> Progress:
    done, own = sum(count.pages for count in counts), sum(int(count.own) for count in counts)
    each = None
    if own and row.taken is not None:
        each = max(0.0, max(count.last for count in counts) - row.taken) / own
    running = row.state == State.RUNNING.value
    return Progress(
        done=done,
        total=total,
        cached=sum(int(count.cached) for count in counts),
        verdicts={count.verdict: count.pages for count in counts},
        seconds_per_page=each,
        seconds_left=each * (total - done) if each is not None and running else None,
    )


def files(database: "Database", job: str) -> list[JobFile]:
    """The files of a job in order."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import DOCUMENTS, FILES

    columns = (FILES, DOCUMENTS.c.media_type, DOCUMENTS.c.bytes, DOCUMENTS.c.pages.label("all_pages"))
    wanted = select(*columns).outerjoin(DOCUMENTS, DOCUMENTS.c.digest == FILES.c.document)
    with database.read() as connection:
        rows = connection.execute(wanted.where(FILES.c.job == job).order_by(FILES.c.position)).all()
    return [
        JobFile(
            id=row.id,
            position=row.position,
            name=row.name,
            document=row.document,
            media_type=row.media_type or "",
            bytes=row.bytes or 0,
            pages=row.all_pages or 0,
            numbers=tuple(json.loads(row.numbers)),
            notices=tuple(Notice(code, details) for code, details in json.loads(row.notices)),
            failure=parse(Failure, row.failure) if row.failure else None,
        )
        for row in rows
    ]


def cancel(database: "Database", job: str, owner: str) -> bool:
    """Let a job end where it is; False when it had ended already. Raises UnknownJob."""
    from chatvlmllm.store.tables import JOBS

    get(database, job, owner)
    with database.write() as connection:
        ended = JOBS.update().where(JOBS.c.id == job, JOBS.c.state.in_(_OPEN))
        changed = connection.execute(ended.values(state=State.CANCELLED.value, ended=time.time())).rowcount
        if changed:
            tell(connection, job, "state", {"state": State.CANCELLED.value})
    return bool(changed)


def events(database: "Database", job: str, after: int = 0) -> list[Event]:
    """What happened to a job after the event with this number."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import EVENTS

    wanted = select(EVENTS).where(EVENTS.c.job == job, EVENTS.c.number > after).order_by(EVENTS.c.number).limit(1000)
    with database.read() as connection:
        return [Event(row.number, row.kind, row.content, row.at) for row in connection.execute(wanted)]


def state(database: "Database", job: str) -> State | None:
    """Where a job is; None when it was deleted."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOBS

    with database.read() as connection:
        found = connection.scalar(select(JOBS.c.state).where(JOBS.c.id == job))
    return State(found) if found is not None else None


def reading(database: "Database", file: JobFile, page: int) -> Reading | None:
    """One finished page of a file."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOB_PAGES, PAGES

    wanted = select(PAGES.c.reading).join(JOB_PAGES, JOB_PAGES.c.result == PAGES.c.id)
    with database.read() as connection:
        packed = connection.scalar(wanted.where(JOB_PAGES.c.file == file.id, JOB_PAGES.c.page == page))
    return None if packed is None else unpack(packed)


def readings(database: "Database", file: JobFile) -> Iterator[Reading]:
    """The finished pages of a file in the order in which they were asked for, one in memory at a time."""
    for page in file.numbers:
        found = reading(database, file, page)
        if found is not None:
            yield found


def verdicts(database: "Database", file: JobFile) -> list[Verdict]:
    """Those of the finished pages of a file."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import JOB_PAGES, PAGES

    wanted = select(PAGES.c.verdict).join(JOB_PAGES, JOB_PAGES.c.result == PAGES.c.id)
    with database.read() as connection:
        return [Verdict(found) for found in connection.scalars(wanted.where(JOB_PAGES.c.file == file.id))]


def name_of(database: "Database", owner: str, digest: str) -> str:
    """What an owner last called a document; raises UnknownDocument where no job of his has it."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import FILES, JOBS

    wanted = select(FILES.c.name).join(JOBS, JOBS.c.id == FILES.c.job)
    wanted = wanted.where(FILES.c.document == digest, JOBS.c.owner == owner).order_by(FILES.c.id.desc()).limit(1)
    with database.read() as connection:
        found = connection.scalar(wanted)
    if found is None:
        raise UnknownDocument
    return str(found)
