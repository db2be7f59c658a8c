"""Of many servers on one PostgreSQL, one runs the jobs, and another takes over when it is gone.

SQLite belongs to the one server of its data folder, which holds a lock on that.
"""

from typing import TYPE_CHECKING

from chatvlmllm.errors import StoreUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from chatvlmllm.store.database import Database

#: The advisory lock of whoever runs jobs.
_RUNNING = 0x63766C6E


class Sole:
    """The right to run jobs. PostgreSQL gives it to one connection and takes it back when that ends."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._connection: Connection | None = None
        self.held = False

    def acquire(self) -> bool:
        """Try to get the right, or make sure that it is still ours; raises StoreUnusable."""
        if self._database.sqlite:
            self.held = True
            return True
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if self._connection is None:
                self._connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
                self.held = False
            if self.held:
                self._connection.exec_driver_sql("SELECT 1")
            else:
                asked = self._connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_RUNNING})")
                self.held = bool(asked.scalar())
        except SQLAlchemyError as error:
            self.close()
            raise StoreUnusable(store="PostgreSQL", reason=str(error).splitlines()[0]) from error
        return self.held

    def close(self) -> None:
        """Give the right back."""
        self.held = False
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
