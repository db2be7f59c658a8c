"""What the workbench keeps: corrections of results, and conversations with their pictures."""

import sqlalchemy as sql
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sql.BigInteger().with_variant(sql.Integer, "sqlite")


def upgrade() -> None:
    """Three new tables."""
    op.create_table(
        "corrections",
        sql.Column("file", _NUMBER, nullable=False),
        sql.Column("content", sql.Text, nullable=False),
        sql.Column("changed", sql.Double, nullable=False),
        sql.PrimaryKeyConstraint("file", name="pk_corrections"),
        sql.ForeignKeyConstraint(["file"], ["files.id"], name="fk_corrections_file", ondelete="CASCADE"),
    )
    op.create_table(
        "chats",
        sql.Column("id", sql.String(32), nullable=False),
        sql.Column("owner", sql.String(200), nullable=False),
        sql.Column("title", sql.String(200), nullable=False),
        sql.Column("messages", sql.Text, nullable=False),
        sql.Column("created", sql.Double, nullable=False),
        sql.Column("changed", sql.Double, nullable=False),
        sql.PrimaryKeyConstraint("id", name="pk_chats"),
    )
    op.create_index("ix_chats_owner_changed", "chats", ["owner", "changed"])
    op.create_table(
        "chat_pictures",
        sql.Column("chat", sql.String(32), nullable=False),
        sql.Column("number", sql.Integer, nullable=False),
        sql.Column("name", sql.String(300), nullable=False),
        sql.Column("picture", sql.LargeBinary, nullable=False),
        sql.PrimaryKeyConstraint("chat", "number", name="pk_chat_pictures"),
        sql.ForeignKeyConstraint(["chat"], ["chats.id"], name="fk_chat_pictures_chat", ondelete="CASCADE"),
    )
