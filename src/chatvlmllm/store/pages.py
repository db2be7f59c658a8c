"""Page results by what they depend on: the cache, the resume point and the history in one.

    with Database.of(settings) as database:
        pages = Pages(database)
        reading = pages.get(key) or pages.put(key, read())

Safe for many threads and processes: a result is stored whole or not at all, and of several writers of one key the
first wins.
"""

import time
import zlib
from typing import TYPE_CHECKING, Any

from chatvlmllm.reading import Reading
from chatvlmllm.run import reading_from_json, to_json
from chatvlmllm.store.keys import Key, Way, lasting

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from chatvlmllm.store.database import Database


class Pages:
    """The page results in a database."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def get(self, key: Key) -> Reading | None:
        """The lasting result for the page, if somebody has read it in this way."""
        from sqlalchemy import select

        from chatvlmllm.store.tables import PAGES

        with self._database.read() as connection:
            packed = connection.scalar(select(PAGES.c.reading).where(*_one(key)))
        return None if packed is None else unpack(packed)

    def put(self, key: Key, reading: Reading) -> Reading:
        """Store a result and return the one that counts: an earlier writer's, if there was one.

        A reading that is not lasting is returned as it is and not stored: nobody could ask for it.
        """
        if not lasting(reading):
            return reading
        with self._database.write() as connection:
            number = store(connection, key, reading)
            return load(connection, number)

    def keep(self, key: Key, reading: Reading) -> None:
        """Store a result whether it is lasting or not, for `latest`."""
        with self._database.write() as connection:
            store(connection, key, reading)

    def latest(self, key: Key) -> Reading | None:
        """The page's lasting result, or the newest of the others; None when nothing was stored."""
        from sqlalchemy import select

        from chatvlmllm.store.tables import PAGES

        wanted = (
            select(PAGES.c.reading)
            .where(PAGES.c.document == key.document, PAGES.c.page == key.page, PAGES.c.way == key.way.digest)
            .order_by(PAGES.c.lasting.desc(), PAGES.c.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            packed = connection.scalar(wanted)
        return None if packed is None else unpack(packed)

    def known(self, document: str, way: Way) -> frozenset[int]:
        """The page numbers of a document that need not be read again."""
        from sqlalchemy import select

        from chatvlmllm.store.tables import PAGES

        wanted = select(PAGES.c.page).where(
            PAGES.c.document == document, PAGES.c.way == way.digest, PAGES.c.lasting.is_(True)
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(wanted))

    def delete(self, document: str) -> int:
        """Delete the results of a document that no job refers to; how many they were."""
        from sqlalchemy import delete, exists

        from chatvlmllm.store.tables import JOB_PAGES, PAGES

        held = exists().where(JOB_PAGES.c.result == PAGES.c.id)
        with self._database.write() as connection:
            gone = connection.execute(delete(PAGES).where(PAGES.c.document == document, ~held)).rowcount
        self._database.forget_deleted()
        return gone


def store(connection: "Connection", key: Key, reading: Reading) -> int:
    """Store a result within a transaction; the number of its row, or of the row that was there before it."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import PAGES, WAYS

    connection.execute(
        insert(connection, WAYS).values(digest=key.way.digest, content=key.way.content).on_conflict_do_nothing()
    )
    values = {
        "document": key.document,
        "page": key.page,
        "way": key.way.digest,
        "lasting": lasting(reading),
        "verdict": reading.verdict.value,
        "reading": pack(reading),
        "created": time.time(),
    }
    new = insert(connection, PAGES).values(values).on_conflict_do_nothing().returning(PAGES.c.id)
    # Held, so that nobody deletes the row before our transaction refers to it; gone just now, it can be made.
    there = select(PAGES.c.id).where(*_one(key)).with_for_update(read=True, key_share=True)
    while (number := connection.scalar(new)) is None and (number := connection.scalar(there)) is None:
        continue
    assert isinstance(number, int)
    return number


def _one(key: Key) -> "tuple[ColumnElement[bool], ...]":
    """What the lasting result of a key is found by."""
    from chatvlmllm.store.tables import PAGES

    return (
        PAGES.c.document == key.document,
        PAGES.c.page == key.page,
        PAGES.c.way == key.way.digest,
        PAGES.c.lasting.is_(True),
    )


def load(connection: "Connection", number: int) -> Reading:
    """The result in the row with this number."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import PAGES

    packed = connection.execute(select(PAGES.c.reading).where(PAGES.c.id == number)).scalar_one()
    return unpack(packed)


def insert(connection: "Connection", table: Any) -> Any:
    """An INSERT that can be told what to do about a row that is already there."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def pack(reading: Reading) -> bytes:
    """A reading as it rests: a page with every word's box takes a tenth of its JSON."""
    return zlib.compress(to_json(reading).encode())


def unpack(packed: bytes) -> Reading:
    return reading_from_json(zlib.decompress(packed))
