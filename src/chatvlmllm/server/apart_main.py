"""A process that opens other people's files: `python -m chatvlmllm.server.apart_main BYTES`.

It reads frames from standard input and answers on standard output (`engines.frames`); it may use so many bytes of
address space, write no file and start nothing. Whatever a hostile file does to a decoder happens here.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, cast

from chatvlmllm.document import Document, open_document
from chatvlmllm.engines import frames
from chatvlmllm.errors import ChatVLMLLMError, DamagedFile
from chatvlmllm.messages import printable

if TYPE_CHECKING:
    from chatvlmllm.config import Limits

#: What one answer is: a header and raw pixels.
Said = tuple[dict[str, object], bytes]


def main() -> None:
    """Serve one parent until it closes the pipe."""
    _bounded(int(sys.argv[1]))
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the frames.
    os.dup2(2, 1)
    _serve(source, sink)


def _bounded(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    bounds = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, most in bounds.items():
        # A container may have set a lower one already.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _serve(source: IO[bytes], sink: IO[bytes]) -> None:
    document: Document | None = None
    while (frame := frames.read(source)) is not None:
        header = frame[0]
        try:
            if header["ask"] == "open":
                if document is not None:
                    document.close()
                document = open_document(
                    header["path"], header["name"], cast("Limits", SimpleNamespace(**header["limits"]))
                )
                answer: Said = _described(document), b""
            else:
                assert document is not None
                answer = _ANSWERS[header["ask"]](document, header)
        except ChatVLMLLMError as error:
            details = {
                name: value if isinstance(value, int | float) else printable(value)
                for name, value in error.details.items()
            }
            answer = {"error": error.code, "details": details}, b""
        except MemoryError:
            answer = {"error": DamagedFile.code, "details": {"name": header.get("name", ""), "reason": "memory"}}, b""
        frames.write(sink, *answer)


def _described(document: Document) -> dict[str, object]:
    return {
        "media_type": document.media_type,
        "bytes": document.bytes,
        "sha256": document.sha256,
        "pages": len(document),
        "notices": [[notice.code, dict(notice.details)] for notice in document.notices],
    }


def _describe(document: Document, header: Mapping[str, Any]) -> Said:
    size, dpi, notices = document.source.describe(header["index"])
    return {
        "size": [size.width, size.height],
        "dpi": dpi,
        "notices": [[notice.code, dict(notice.details)] for notice in notices],
    }, b""


def _render(document: Document, header: Mapping[str, Any]) -> Said:
    image = document.source.render(header["index"])
    return {"size": list(image.size)}, image.tobytes()


def _glance(document: Document, header: Mapping[str, Any]) -> Said:
    image = document.source.glance(header["index"], header["width"])
    return {"size": list(image.size)}, image.tobytes()


def _text_layer(document: Document, header: Mapping[str, Any]) -> Said:
    layer = document.source.text_layer(header["index"])
    if layer is None:
        return {"lines": None}, b""
    lines = [[[w.text, w.box.x1, w.box.y1, w.box.x2, w.box.y2] for w in line] for line in layer.lines]
    return {"lines": lines, "doubt": layer.doubt}, b""


_ANSWERS: dict[str, Callable[[Document, Mapping[str, Any]], Said]] = {
    "describe": _describe,
    "render": _render,
    "glance": _glance,
    "layer": _text_layer,
}

if __name__ == "__main__":
    main()
