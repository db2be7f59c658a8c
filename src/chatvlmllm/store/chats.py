"""Conversations with their pictures, each its owner's; a chat of somebody else does not exist for him."""

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatvlmllm.errors import UnknownChat

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from chatvlmllm.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A conversation: `messages` are JSON objects in their order, `pictures` names by number. Times are since 1970."""

    id: str
    title: str
    created: float
    changed: float
    messages: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[int, str] = field(default_factory=dict)


def add(database: "Database", owner: str, title: str) -> Chat:
    """A new, empty chat."""
    from chatvlmllm.store.tables import CHATS

    now = time.time()
    values = {"id": secrets.token_hex(16), "owner": owner, "title": title, "created": now, "changed": now}
    with database.write() as connection:
        connection.execute(CHATS.insert().values(**values, messages="[]"))
    return Chat(id=values["id"], title=title, created=now, changed=now)  # type: ignore[arg-type]


def newest(database: "Database", owner: str, most: int) -> list[Chat]:
    """An owner's chats without their messages, the one changed last first."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import CHATS

    wanted = select(CHATS).where(CHATS.c.owner == owner).order_by(CHATS.c.changed.desc()).limit(most)
    with database.read() as connection:
        rows = connection.execute(wanted).all()
    return [Chat(id=row.id, title=row.title, created=row.created, changed=row.changed) for row in rows]


def get(database: "Database", owner: str, chat: str) -> Chat:
    """A chat with everything but the bytes of its pictures; raises UnknownChat."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import CHAT_PICTURES

    with database.read() as connection:
        row = _row(connection, owner, chat)
        named = select(CHAT_PICTURES.c.number, CHAT_PICTURES.c.name).where(CHAT_PICTURES.c.chat == chat)
        pictures = {one.number: one.name for one in connection.execute(named.order_by(CHAT_PICTURES.c.number))}
    return Chat(
        id=row.id,
        title=row.title,
        created=row.created,
        changed=row.changed,
        messages=json.loads(row.messages),
        pictures=pictures,
    )


def put(database: "Database", owner: str, chat: str, title: str, messages: list[dict[str, Any]]) -> None:
    """Keep a chat's title and messages instead of those before; raises UnknownChat."""
    from chatvlmllm.store.tables import CHATS

    values = {"title": title, "messages": json.dumps(messages, ensure_ascii=False), "changed": time.time()}
    with database.write() as connection:
        _row(connection, owner, chat)
        connection.execute(CHATS.update().where(CHATS.c.id == chat).values(values))


def add_picture(database: "Database", owner: str, chat: str, name: str, picture: bytes) -> int:
    """Add a picture (JPEG) to a chat; its number, from 1. Raises UnknownChat."""
    from sqlalchemy import func, select

    from chatvlmllm.store.tables import CHAT_PICTURES, CHATS

    with database.write() as connection:
        _row(connection, owner, chat)
        # Holds the chat's row, so that two pictures at once get two numbers.
        connection.execute(CHATS.update().where(CHATS.c.id == chat).values(changed=time.time()))
        most = connection.scalar(select(func.max(CHAT_PICTURES.c.number)).where(CHAT_PICTURES.c.chat == chat))
        number = int(most or 0) + 1
        values = {"chat": chat, "number": number, "name": name, "picture": picture}
        connection.execute(CHAT_PICTURES.insert().values(values))
    return number


def picture(database: "Database", owner: str, chat: str, number: int) -> bytes:
    """The bytes of a chat's picture; raises UnknownChat."""
    from sqlalchemy import select

    from chatvlmllm.store.tables import CHAT_PICTURES

    wanted = select(CHAT_PICTURES.c.picture).where(CHAT_PICTURES.c.chat == chat, CHAT_PICTURES.c.number == number)
    with database.read() as connection:
        _row(connection, owner, chat)
        found: bytes | None = connection.scalar(wanted)
    if found is None:
        raise UnknownChat(chat=f"{chat}/{number}")
    return found


def delete(database: "Database", owner: str, chat: str) -> None:
    """Delete a chat with its pictures; raises UnknownChat."""
    from chatvlmllm.store.tables import CHATS

    with database.write() as connection:
        _row(connection, owner, chat)
        connection.execute(CHATS.delete().where(CHATS.c.id == chat))
    database.forget_deleted()


def _row(connection: "Connection", owner: str, chat: str) -> Any:
    from sqlalchemy import select

    from chatvlmllm.store.tables import CHATS

    row = connection.execute(select(CHATS).where(CHATS.c.id == chat, CHATS.c.owner == owner)).one_or_none()
    if row is None:
        raise UnknownChat(chat=chat)
    return row
