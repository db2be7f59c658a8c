"""Frames between a worker and its parent: two lengths, a JSON header, raw bytes.

Nothing is pickled, so neither side can be made to run anything by what it reads. Does not cover what the headers mean.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import IO, Any

from chatvlmllm.exchange import Limits, Manner, Request, Task, Turn
from chatvlmllm.geometry import Box, Size

_LENGTHS = struct.Struct(">II")
_LONGEST_HEADER = 64_000_000


class BrokenFrame(Exception):
    """The stream ended, or went astray, in the middle of a frame."""


def write(stream: IO[bytes], header: Mapping[str, object], body: bytes = b"") -> None:
    """Send one frame; raises OSError when nobody listens any more."""
    text = json.dumps(header, ensure_ascii=False).encode()
    stream.write(_LENGTHS.pack(len(text), len(body)))
    stream.write(text)
    stream.write(body)
    stream.flush()


def read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next frame, or None at a clean end; raises BrokenFrame."""
    start = stream.read(_LENGTHS.size)
    if not start:
        return None
    if len(start) < _LENGTHS.size:
        raise BrokenFrame
    head, tail = _LENGTHS.unpack(start)
    if head > _LONGEST_HEADER:
        raise BrokenFrame
    text, body = stream.read(head), stream.read(tail)
    if len(text) < head or len(body) < tail:
        raise BrokenFrame
    try:
        header = json.loads(text)
    except ValueError as error:
        raise BrokenFrame from error
    if not isinstance(header, dict):
        raise BrokenFrame
    return header, body


def pack(request: Request) -> tuple[dict[str, object], bytes]:
    """A request as header and body; pixels travel raw, in the order in which the header names them."""
    images = [request.image] if request.image is not None else []
    turns = []
    for turn in request.turns:
        turns.append({"role": turn.role, "text": turn.text, "images": len(turn.images)})
        images += turn.images
    header = {
        "type": "request",
        "model": request.model,
        "task": str(request.task),
        "page": [request.page.width, request.page.height],
        "region": list(asdict(request.region).values()),
        "prompt": request.prompt,
        "turns": turns,
        "own_image": request.image is not None,
        "languages": list(request.languages),
        "limits": asdict(request.limits),
        "options": dict(request.options),
        "manner": asdict(request.manner),
        "sizes": [image.size for image in images],
    }
    return header, b"".join(image.convert("RGB").tobytes() for image in images)


def unpack(header: Mapping[str, Any], body: bytes) -> Request:
    """The request that `pack` wrote."""
    from PIL import Image

    images, at = [], 0
    for width, height in header["sizes"]:
        images.append(Image.frombytes("RGB", (width, height), body[at : at + 3 * width * height]))
        at += 3 * width * height
    rest = iter(images)
    own = next(rest) if header["own_image"] else None
    turns = [
        Turn(turn["role"], turn["text"], tuple(next(rest) for _ in range(turn["images"]))) for turn in header["turns"]
    ]
    return Request(
        model=header["model"],
        task=Task(header["task"]),
        page=Size(*header["page"]),
        region=Box(*header["region"]),
        image=own,
        prompt=header["prompt"],
        turns=tuple(turns),
        languages=tuple(header["languages"]),
        limits=Limits(**header["limits"]),
        options=header["options"],
        manner=Manner(**header["manner"]),
    )
