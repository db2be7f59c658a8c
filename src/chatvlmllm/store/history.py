"""Finding jobs again by the names of their files."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatvlmllm.store.database import Database

#: Names of a job's files that a list shows.
_NAMES = 5


def search(database: "Database", owner: str, name: str, most: int, before: float | None = None) -> list[dict[str, Any]]:
    """An owner's jobs that have a file whose name contains `name`, the newest first."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import FILES, JOBS

    wanted = select(JOBS).where(JOBS.c.owner == owner).order_by(JOBS.c.created.desc())
    if before is not None:
        wanted = wanted.where(JOBS.c.created < before)
    found: list[dict[str, Any]] = []
    sought = name.casefold()
    with database.read() as connection:
        for row in connection.execute(wanted):
            files = connection.execute(
                select(FILES.c.name, FILES.c.pages).where(FILES.c.job == row.id).order_by(FILES.c.position)
            ).all()
            # Not by LIKE: SQLite folds the case of Latin letters only.
            if sought and not any(sought in file.name.casefold() for file in files):
                continue
            found.append(_entry(row, files))
            if len(found) == most:
                break
    return found


def _entry(row: Any, files: Any) -> dict[str, Any]:
    options = json.loads(row.options)
    return {
        "id": row.id,
        "state": row.state,
        "created": row.created,
        "ended": row.ended,
        "model": options["model"],
        "task": options["task"],
        "files": len(files),
        "pages": sum(file.pages for file in files),
        "names": [file.name for file in files[:_NAMES]],
    }
