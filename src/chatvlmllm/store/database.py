"""The database: SQLite in write-ahead mode beside the data, PostgreSQL by URL, or memory when nothing may be kept.

    with Database.of(settings) as database:
        with database.write() as connection:
            connection.execute(…)

Migrations run by themselves when it is opened. Of PostgreSQL, a transaction is one of READ COMMITTED; rows that a
decision rests on are locked by who decides.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from chatvlmllm.errors import MissingExtra, StoreUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from chatvlmllm.config import Settings

#: How long a writer waits for another one, in seconds.
_PATIENCE = 60.0

#: An advisory lock of PostgreSQL under which one process migrates.
_MIGRATING = 0x63766C6D


class Database:
    """An opened, migrated database; safe to use from many threads, and by many processes at once."""

    def __init__(self, url: str) -> None:
        """Open `url` as SQLAlchemy writes it; `sqlite://` is memory. Raises StoreUnusable or MissingExtra."""
        try:
            import sqlalchemy as sql
        except ImportError as error:
            raise MissingExtra(feature="SQLAlchemy", command="pip install 'chatvlmllm[server]'") from error
        self.url = url
        self._one = threading.RLock() if url == "sqlite://" else None
        try:
            self._engine = _engine(sql.make_url(url))
            self._migrate()
        except (sql.exc.SQLAlchemyError, ModuleNotFoundError, OSError) as error:
            raise StoreUnusable(store=_shown(url), reason=_reason(error)) from error

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """The one that the settings name."""
        return cls(url_of(settings))

    @property
    def sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator["Connection"]:
        """A connection that sees one state and changes nothing; raises StoreUnusable."""
        with self._named(), self._alone(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator["Connection"]:
        """A connection whose changes are kept together when the block ends, or not at all; raises StoreUnusable."""
        with (
            self._named(),
            self._alone(),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _named(self) -> Iterator[None]:
        """A database that is away or full is our own error."""
        from sqlalchemy.exc import InterfaceError, OperationalError

        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise StoreUnusable(store=_shown(self.url), reason=_reason(error)) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Memory is one connection, and one thread at a time has it."""
        if self._one is None:
            yield
            return
        with self._one:
            yield

    def connect(self) -> "Connection":
        """A connection of the caller's own, to be closed by it."""
        return self._engine.connect()

    def forget_deleted(self) -> None:
        """Let nothing that was deleted linger in SQLite's journal."""
        if self.sqlite and self._one is None:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _migrate(self) -> None:
        from chatvlmllm.store.migrations import upgrade

        with self.write() as connection:
            if not self.sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
            upgrade(connection, _shown(self.url))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def url_of(settings: "Settings") -> str:
    """Where the database of these settings is; its folder is made."""
    if settings.store.keep == "nothing":
        return "sqlite://"
    if settings.store.url:
        return settings.store.url.replace("postgres://", "postgresql://", 1)
    return "sqlite:///" + str(folder_of(settings) / "store.sqlite3")


def folder_of(settings: "Settings") -> Path:
    """The data folder, made if need be; raises StoreUnusable."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(store=settings.data, reason=error.strerror or error) from error
    return settings.data


def _engine(url: Any) -> "Engine":
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    if not url.drivername.startswith("sqlite"):
        url = url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    arguments = {"timeout": _PATIENCE, "check_same_thread": False}
    if url.database:
        # What is stored is nobody else's business.
        os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))
        engine = create_engine(url, connect_args=arguments, pool_size=10, max_overflow=20)
    else:
        engine = create_engine(url, connect_args=arguments, poolclass=StaticPool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    """SQLite as it should be: one journal for readers and writers, real foreign keys, deleted bytes overwritten."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: "Connection") -> None:
    """A writer takes its lock at once: one that asks for it in the middle could be refused however long it waits."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _shown(url: str) -> str:
    """The URL without its password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "store.url"


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
