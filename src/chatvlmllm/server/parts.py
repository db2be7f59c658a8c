"""What a client put into its messages, as text and opened documents. Blocks; runs in a thread."""

import base64
import binascii
from collections.abc import Sequence
from contextlib import ExitStack

from chatvlmllm.config import Settings
from chatvlmllm.document import Document, open_document
from chatvlmllm.errors import InvalidRequest
from chatvlmllm.server.fetch import fetch
from chatvlmllm.server.talk import Role, Said
from chatvlmllm.server.wire import FilePart, ImagePart, Message, Part, TextPart

#: OpenAI renamed the role; templates know the old name.
_ROLES: dict[str, Role] = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}


def opened(messages: Sequence[Message], settings: Settings, held: ExitStack) -> tuple[Said, ...]:
    """The conversation with its documents, which are closed with `held`.

    Raises InvalidRequest, whatever opening a file raises, and whatever fetching an address raises.
    """
    said = []
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        parts: Sequence[Part] = message.content if isinstance(message.content, list) else ()
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        text = message.content if isinstance(message.content, str) else "\n".join(texts)
        documents = [
            held.enter_context(_document(part, f"{where}.content.{index}", settings))
            for index, part in enumerate(parts)
            if not isinstance(part, TextPart)
        ]
        if documents and message.role != "user":
            raise InvalidRequest(where=where, problem=f"a message of {message.role} holds text only")
        said.append(Said(_ROLES[message.role], text, tuple(documents)))
    if said[-1].role != "user":
        raise InvalidRequest(where="messages", problem="the last message must be the user's")
    return tuple(said)


def _document(part: ImagePart | FilePart, where: str, settings: Settings) -> Document:
    name = part.file.filename if isinstance(part, FilePart) else "picture"
    source = part.file.file_data if isinstance(part, FilePart) else part.image_url.url
    content = fetch(source, settings) if source.startswith(("http:", "https:")) else _decoded(source, where)
    return open_document(content, name, settings.limits)


def _decoded(source: str, where: str) -> bytes:
    """The bytes of a data URI, or of plain base64."""
    head, comma, rest = source.partition(",") if source.startswith("data:") else ("", "", source)
    if comma and not head.endswith(";base64"):
        raise InvalidRequest(where=where, problem="a data: URI must be base64")
    try:
        return base64.b64decode(rest, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(where=where, problem="this is no base64") from error
