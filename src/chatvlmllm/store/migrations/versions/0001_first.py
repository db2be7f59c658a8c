"""The first form: documents, page results, jobs with their files, pages and events."""

import sqlalchemy as sql
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sql.BigInteger().with_variant(sql.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _results()
    _jobs()


def _results() -> None:
    op.create_table(
        "documents",
        sql.Column("digest", sql.String(64)),
        sql.Column("media_type", sql.String(100), nullable=False),
        sql.Column("bytes", sql.BigInteger, nullable=False),
        sql.Column("pages", sql.Integer, nullable=False),
        sql.Column("kept", sql.Boolean, nullable=False),
        sql.Column("created", sql.Double, nullable=False),
        sql.PrimaryKeyConstraint("digest", name="pk_documents"),
    )
    op.create_table(
        "ways",
        sql.Column("digest", sql.String(64)),
        sql.Column("content", sql.Text, nullable=False),
        sql.PrimaryKeyConstraint("digest", name="pk_ways"),
    )
    op.create_table(
        "pages",
        sql.Column("id", _NUMBER),
        sql.Column("document", sql.String(64), nullable=False),
        sql.Column("page", sql.Integer, nullable=False),
        sql.Column("way", sql.String(64), nullable=False),
        sql.Column("lasting", sql.Boolean, nullable=False),
        sql.Column("verdict", sql.String(20), nullable=False),
        sql.Column("reading", sql.LargeBinary, nullable=False),
        sql.Column("created", sql.Double, nullable=False),
        sql.PrimaryKeyConstraint("id", name="pk_pages"),
        sql.ForeignKeyConstraint(["way"], ["ways.digest"], name="fk_pages_way"),
    )
    op.create_index(
        "uq_pages_lasting",
        "pages",
        ["document", "page", "way"],
        unique=True,
        sqlite_where=sql.text("lasting IS 1"),
        postgresql_where=sql.text("lasting IS true"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sql.Column("id", sql.String(32)),
        sql.Column("owner", sql.String(200), nullable=False),
        sql.Column("state", sql.String(12), nullable=False),
        sql.Column("options", sql.Text, nullable=False),
        sql.Column("failure", sql.Text),
        sql.Column("priority", sql.Integer, nullable=False),
        sql.Column("awaited", sql.Boolean, nullable=False),
        sql.Column("starts", sql.Integer, nullable=False),
        sql.Column("events", sql.Integer, nullable=False),
        sql.Column("created", sql.Double, nullable=False),
        sql.Column("queued", sql.Double, nullable=False),
        sql.Column("taken", sql.Double),
        sql.Column("started", sql.Double),
        sql.Column("ended", sql.Double),
        sql.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_queued", "jobs", ["state", "queued"])
    op.create_index("ix_jobs_owner_created", "jobs", ["owner", "created"])
    op.create_table(
        "files",
        sql.Column("id", _NUMBER),
        sql.Column("job", sql.String(32), nullable=False),
        sql.Column("position", sql.Integer, nullable=False),
        sql.Column("name", sql.String(300), nullable=False),
        sql.Column("document", sql.String(64)),
        sql.Column("numbers", sql.Text, nullable=False),
        sql.Column("pages", sql.Integer, nullable=False),
        sql.Column("notices", sql.Text, nullable=False),
        sql.Column("failure", sql.Text),
        sql.PrimaryKeyConstraint("id", name="pk_files"),
        sql.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_files_job", ondelete="CASCADE"),
        sql.ForeignKeyConstraint(["document"], ["documents.digest"], name="fk_files_document"),
        sql.UniqueConstraint("job", "position", name="uq_files_job_position"),
    )
    op.create_index("ix_files_document", "files", ["document"])
    op.create_table(
        "job_pages",
        sql.Column("file", _NUMBER, nullable=False),
        sql.Column("page", sql.Integer, nullable=False),
        sql.Column("result", _NUMBER, nullable=False),
        sql.Column("cached", sql.Boolean, nullable=False),
        sql.Column("ended", sql.Double, nullable=False),
        sql.PrimaryKeyConstraint("file", "page", name="pk_job_pages"),
        sql.ForeignKeyConstraint(["file"], ["files.id"], name="fk_job_pages_file", ondelete="CASCADE"),
        sql.ForeignKeyConstraint(["result"], ["pages.id"], name="fk_job_pages_result"),
    )
    op.create_index("ix_job_pages_result", "job_pages", ["result"])
    op.create_table(
        "events",
        sql.Column("job", sql.String(32), nullable=False),
        sql.Column("number", sql.Integer, nullable=False),
        sql.Column("kind", sql.String(20), nullable=False),
        sql.Column("content", sql.Text, nullable=False),
        sql.Column("at", sql.Double, nullable=False),
        sql.PrimaryKeyConstraint("job", "number", name="pk_events"),
        sql.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_events_job", ondelete="CASCADE"),
    )
