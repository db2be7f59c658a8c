"""Conversations that last: `/v1/chats`. Who answers them is `/v1/chat/completions`; here they are only kept."""

import io
import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chatvlmllm.batch.plan import select
from chatvlmllm.errors import InvalidRequest
from chatvlmllm.server.edge import PROBLEMS
from chatvlmllm.server.shared import Owner, Shared, SharedBy
from chatvlmllm.server.wishes import Arrived, Posted, Wishes, body_schema, gone_afterwards, received
from chatvlmllm.store import chats

router = APIRouter(tags=["chats"], responses=PROBLEMS)

ChatId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the chat's id")]

#: A kept picture is at most so large on its longer side, in pixels: no model of ours wants more.
_SIDE = 2600
_LETTERS = 2_000_000
_LISTED = 200


class ChatIn(BaseModel):
    """What is kept of a chat; messages are the client's own JSON objects."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field("", max_length=200)
    messages: list[dict[str, Any]] = Field(default_factory=list, max_length=2000)


class ChatOut(BaseModel):
    """A chat; `pictures` are names by number. Lists have no messages."""

    id: str
    object: str = "chat"
    title: str
    created: float
    changed: float
    messages: list[dict[str, Any]]
    pictures: dict[int, str]


class ChatsOut(BaseModel):
    object: str = "list"
    data: list[ChatOut]


class PicturesOut(BaseModel):
    """The numbers that the added pictures got."""

    numbers: list[int]


class ChatGone(BaseModel):
    id: str
    deleted: bool = True


def _shown(chat: chats.Chat) -> ChatOut:
    return ChatOut(**asdict(chat))


@router.post("/v1/chats", status_code=201)
def add(body: ChatIn, shared: SharedBy, owner: Owner) -> ChatOut:
    """A new chat."""
    database = shared.runner.own.database
    new = chats.add(database, owner, body.title)
    if body.messages:
        _keep(shared, owner, new.id, body)
    return _shown(chats.get(database, owner, new.id))


@router.get("/v1/chats")
def newest(shared: SharedBy, owner: Owner) -> ChatsOut:
    """Your chats, the one changed last first."""
    return ChatsOut(data=[_shown(one) for one in chats.newest(shared.runner.own.database, owner, _LISTED)])


@router.get("/v1/chats/{chat}")
def get(chat: ChatId, shared: SharedBy, owner: Owner) -> ChatOut:
    """A chat with its messages."""
    return _shown(chats.get(shared.runner.own.database, owner, chat))


@router.put("/v1/chats/{chat}")
def put(chat: ChatId, body: ChatIn, shared: SharedBy, owner: Owner) -> ChatOut:
    """Keep these messages instead of those before."""
    _keep(shared, owner, chat, body)
    return _shown(chats.get(shared.runner.own.database, owner, chat))


def _keep(shared: Shared, owner: str, chat: str, body: ChatIn) -> None:
    if len(json.dumps(body.messages)) > _LETTERS:
        raise InvalidRequest(where="messages", problem=f"at most {_LETTERS} characters")
    chats.put(shared.runner.own.database, owner, chat, body.title, body.messages)


@router.delete("/v1/chats/{chat}")
def delete(chat: ChatId, shared: SharedBy, owner: Owner) -> ChatGone:
    """Delete a chat with its pictures."""
    chats.delete(shared.runner.own.database, owner, chat)
    return ChatGone(id=chat)


@router.post("/v1/chats/{chat}/pictures", status_code=201, openapi_extra=body_schema(Posted, Wishes))
async def add_pictures(request: Request, chat: ChatId, shared: SharedBy, owner: Owner) -> PicturesOut:
    """Add pictures, or pages of PDFs (`pages` says which), to a chat."""
    await run_in_threadpool(chats.get, shared.runner.own.database, owner, chat)
    wishes, arrived = await received(request, shared.runner.own.originals.arriving)
    with gone_afterwards(arrived):
        numbers = await run_in_threadpool(_drawn, shared, owner, chat, wishes, arrived)
    return PicturesOut(numbers=numbers)


def _drawn(shared: Shared, owner: str, chat: str, wishes: Wishes, arrived: list[Arrived]) -> list[int]:
    own, most, numbers = shared.runner.own, shared.settings.server.chat_pages, []
    for one in arrived:
        with own.chambers.open(one.path, one.name) as document:
            wanted = select(wishes.ranges(), document.name, len(document))
            held = len(chats.get(own.database, owner, chat).pictures)
            if held + len(wanted) > most:
                raise InvalidRequest(where="pages", problem=f"at most {most} pictures and pages in a chat")
            for page in document.pages(wanted):
                name = one.name if len(document) == 1 else f"{one.name} · {page.number}"
                numbers.append(chats.add_picture(own.database, owner, chat, name, _jpeg(page.image())))
    return numbers


def _jpeg(image: Any) -> bytes:
    stream = io.BytesIO()
    image = image.copy()
    image.thumbnail((_SIDE, _SIDE))
    image.save(stream, "JPEG", quality=92)
    return stream.getvalue()


@router.get(
    "/v1/chats/{chat}/pictures/{number}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}}
)
def picture(chat: ChatId, number: Annotated[int, Path(ge=1, le=1_000_000)], shared: SharedBy, owner: Owner) -> Response:
    """A picture of a chat."""
    return Response(chats.picture(shared.runner.own.database, owner, chat, number), media_type="image/jpeg")
