"""The tables. A change here needs a migration beside it (`migrations/versions`); a test compares the two.

Times are seconds since 1970, digests SHA-256 in hexadecimal. Page results know nothing of jobs: a job refers to them,
so that two jobs about the same page share one.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

METADATA = MetaData(naming_convention=_NAMES)

_DIGEST = String(64)
#: SQLite gives out numbers by itself only for a column of exactly this type.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

#: A file that was read, by its content. Its names are the jobs' own; `kept` tells that the original is in the folder.
DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("digest", _DIGEST, primary_key=True),
    Column("media_type", String(100), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("created", Double, nullable=False),
)

#: A way to read a page: everything that its result depends on besides the page (`keys.Way`), as JSON.
WAYS = Table(
    "ways",
    METADATA,
    Column("digest", _DIGEST, primary_key=True),
    Column("content", Text, nullable=False),
)

#: A page's reading, as compressed JSON. Only a `lasting` one answers for the page the next time it is asked for.
PAGES = Table(
    "pages",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("document", _DIGEST, nullable=False),
    Column("page", Integer, nullable=False),
    Column("way", _DIGEST, ForeignKey("ways.digest"), nullable=False),
    Column("lasting", Boolean, nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("reading", LargeBinary, nullable=False),
    Column("created", Double, nullable=False),
)

#: At most one lasting result per page and way, whoever writes and however many at once.
ONE_LASTING = Index(
    "uq_pages_lasting",
    PAGES.c.document,
    PAGES.c.page,
    PAGES.c.way,
    unique=True,
    sqlite_where=PAGES.c.lasting.is_(True),
    postgresql_where=PAGES.c.lasting.is_(True),
)

#: `awaited` marks a job whose client waits on the line. `queued` is when it last went to the end of the queue, `taken`
#: when it was last taken up, `starts` how often since its last finished page, `events` how many there are. The
#: `options` and the `failure` are JSON.
JOBS = Table(
    "jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("state", String(12), nullable=False),
    Column("options", Text, nullable=False),
    Column("failure", Text),
    Column("priority", Integer, nullable=False),
    Column("awaited", Boolean, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("queued", Double, nullable=False),
    Column("taken", Double),
    Column("started", Double),
    Column("ended", Double),
    Index(None, "state", "queued"),
    Index(None, "owner", "created"),
)

#: A file of a job: `numbers` are the pages wanted (JSON), `failure` why there are none (JSON).
FILES = Table(
    "files",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("job", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(300), nullable=False),
    Column("document", _DIGEST, ForeignKey("documents.digest"), index=True),
    Column("numbers", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("notices", Text, nullable=False),
    Column("failure", Text),
    UniqueConstraint("job", "position"),
)

#: A finished page of a job. The primary key is what makes it "exactly once". `cached` results were read before.
JOB_PAGES = Table(
    "job_pages",
    METADATA,
    Column("file", _NUMBER, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("result", _NUMBER, ForeignKey("pages.id"), nullable=False, index=True),
    Column("cached", Boolean, nullable=False),
    Column("ended", Double, nullable=False),
)

#: What happened to a job, numbered from 1 without gaps.
EVENTS = Table(
    "events",
    METADATA,
    Column("job", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("at", Double, nullable=False),
)

#: What people put right in a file of a job, as JSON.
CORRECTIONS = Table(
    "corrections",
    METADATA,
    Column("file", _NUMBER, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
    Column("changed", Double, nullable=False),
)

#: Conversations; `messages` is JSON.
CHATS = Table(
    "chats",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    Column("messages", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Index(None, "owner", "changed"),
)

#: Pictures that a conversation is about, as JPEG, numbered from 1.
CHAT_PICTURES = Table(
    "chat_pictures",
    METADATA,
    Column("chat", String(32), ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(300), nullable=False),
    Column("picture", LargeBinary, nullable=False),
)
