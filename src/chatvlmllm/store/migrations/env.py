"""What Alembic runs before the steps: the connection is the caller's, and so is its transaction."""

from alembic import context

from chatvlmllm.store.tables import METADATA

# Both databases can undo a change of their tables, so that a step is whole or was never taken.
context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
