"""What people put right, kept per file of a job; it goes when the job does."""

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from chatvlmllm.corrections import Corrections

if TYPE_CHECKING:
    from chatvlmllm.store.database import Database
    from chatvlmllm.store.nouns import JobFile


def get(database: "Database", file: "JobFile") -> Corrections:
    """What was put right in a file; nothing, if nobody did."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import CORRECTIONS

    with database.read() as connection:
        content = connection.scalar(select(CORRECTIONS.c.content).where(CORRECTIONS.c.file == file.id))
    return Corrections(**json.loads(content)) if content else Corrections()


def put(database: "Database", file: "JobFile", corrections: Corrections) -> None:
    """Keep this instead of what was kept before."""
    from chatvlmllm.store.pages import insert
    from chatvlmllm.store.tables import CORRECTIONS

    content = json.dumps(asdict(corrections), ensure_ascii=False)
    values = {"content": content, "changed": time.time()}
    with database.write() as connection:
        new = insert(connection, CORRECTIONS).values(file=file.id, **values)
        connection.execute(new.on_conflict_do_update(index_elements=["file"], set_=values))
