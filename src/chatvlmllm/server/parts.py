"""What a client put into its messages, as text and opened documents. Blocks; runs in a thread."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from contextlib import ExitStack

from chatvlmllm.document import Document, open_document
from chatvlmllm.document.sniff import identify
from chatvlmllm.errors import InvalidRequest
from chatvlmllm.server.fetch import fetch
from chatvlmllm.server.runner import Runner
from chatvlmllm.server.talk import Role, Said
from chatvlmllm.server.wire import FilePart, ImagePart, Message, Part, TextPart
from chatvlmllm.server.wishes import label

_PLAIN = ("image/png", "image/jpeg")

#: OpenAI renamed the role; templates know the old name.
_ROLES: dict[str, Role] = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}


def opened(messages: Sequence[Message], runner: Runner, held: ExitStack) -> tuple[Said, ...]:
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
            _document(part, f"{where}.content.{index}", runner, held)
            for index, part in enumerate(parts)
            if not isinstance(part, TextPart)
        ]
        if documents and message.role != "user":
            raise InvalidRequest(where=where, problem=f"a message of {message.role} holds text only")
        said.append(Said(_ROLES[message.role], text, tuple(documents)))
    if said[-1].role != "user":
        raise InvalidRequest(where="messages", problem="the last message must be the user's")
    return tuple(said)


def _document(part: ImagePart | FilePart, where: str, runner: Runner, held: ExitStack) -> Document:
    """A plain picture is opened here, anything with more to go wrong in a child process."""
    settings = runner.own.host.settings
    name = label(part.file.filename) if isinstance(part, FilePart) else "picture"
    source = part.file.file_data if isinstance(part, FilePart) else part.image_url.url
    content = fetch(source, settings) if source.startswith(("http:", "https:")) else decoded(source, where)
    if identify(content[:1024]) in _PLAIN:
        return held.enter_context(open_document(content, name, settings.limits))
    path = runner.own.originals.arriving / secrets.token_hex(16)
    held.callback(path.unlink, missing_ok=True)
    path.write_bytes(content)
    return held.enter_context(runner.own.chambers.open(path, name))


def decoded(source: str, where: str) -> bytes:
    """The bytes of a data URI, or of plain base64."""
    head, comma, rest = source.partition(",") if source.startswith("data:") else ("", "", source)
    if comma and not head.endswith(";base64"):
        raise InvalidRequest(where=where, problem="a data: URI must be base64")
    try:
        return base64.b64decode(rest, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(where=where, problem="this is no base64") from error
