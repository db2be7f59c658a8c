"""How an older database becomes a current one: Alembic's steps, run on the connection that opens the database."""

from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.errors import StoreTooNew

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


def upgrade(connection: "Connection", shown: str) -> None:
    """Bring the database to the newest form within the connection's transaction; raises StoreTooNew."""
    from alembic import command
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    settings = config()
    current = MigrationContext.configure(connection).get_current_revision()
    if current == ScriptDirectory.from_config(settings).get_current_head():
        return
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise StoreTooNew(store=shown, revision=current) from error


def config() -> "Config":
    """Alembic's own settings: where the steps are."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings
