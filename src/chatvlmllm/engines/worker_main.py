"""Child side of a worker: one loaded network, one request at a time, frames on a protected stream.

Runs through `bootstrap` under the interpreter that the parent chose. Frames leave on a duplicate of standard output
while standard output itself points at standard error, so nothing a library prints can get between them. Ends when its
parent does. A broken GPU context cannot be mended inside a process, so it ends the process.
"""

import importlib
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO

from chatvlmllm.engines import frames, generation
from chatvlmllm.engines.placement import Machine, Wanted, choose
from chatvlmllm.errors import ChatVLMLLMError, EngineStartFailed, GenerationFailed, NotEnoughMemory
from chatvlmllm.models.card import Checkpoint, Loaded, Model, Placement, Worker

#: Exit status of a worker whose GPU context is broken.
POISONED = 86


class Link:
    """Both directions of the pipe. `cancelled` holds the number of the last request that is not wanted any more."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._lock = threading.Lock()
        self.inbox: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
        self.cancelled = -1
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while (frame := frames.read(self._incoming)) is not None:
                if frame[0]["type"] == "cancel":
                    self.cancelled = frame[0]["number"]
                else:
                    self.inbox.put(frame)
        finally:
            # The parent is gone; a generation in progress has nobody to hear it.
            os._exit(0)

    def send(self, kind: str, **fields: object) -> None:
        with self._lock:
            frames.write(self._outgoing, {"type": kind, **fields})


def serve() -> None:
    """Load what the first frame names, then answer requests until the parent leaves."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    link = Link(sys.stdin.buffer, outgoing)
    header, _ = link.inbox.get()
    try:
        card, worker = _card(header)
        placement, loaded = _load(header, card, worker)
    except ChatVLMLLMError as error:
        link.send("error", **_plain(error))
        return
    except Exception as error:  # noqa: BLE001 the edge of this process: the parent has to hear of anything
        traceback.print_exc()
        link.send("error", **_plain(EngineStartFailed(model=header["key"], reason=_sentence(error))))
        return
    link.send("ready", placement=_facts(placement), versions=generation.versions())
    while True:
        header, body = link.inbox.get()
        _answer(link, header, body, generation.Session(card, loaded, placement, header["context"]))


def _answer(link: Link, header: dict[str, Any], body: bytes, session: "generation.Session") -> None:
    number = header["number"]

    def say(text: str) -> None:
        link.send("delta", number=number, text=text)

    try:
        done = session.run(frames.unpack(header, body), say, lambda: link.cancelled >= number)
    except ChatVLMLLMError as error:
        link.send("error", number=number, **_plain(error))
    except Exception as error:  # noqa: BLE001 the edge of this process
        traceback.print_exc()
        if generation.out_of_memory(error):
            link.send("error", number=number, **_plain(NotEnoughMemory(model=header["model"], reason=_sentence(error))))
        elif generation.poisoned(error):
            sys.stderr.flush()
            os._exit(POISONED)
        else:
            failed = GenerationFailed(model=header["model"], reason=_sentence(error))
            link.send("error", number=number, **_plain(failed))
    else:
        link.send("done", number=number, **done)


def _card(header: Mapping[str, Any]) -> tuple[Model, Worker]:
    """The model's card from the one module that declares it; the rest of the catalogue is not needed here."""
    module = importlib.import_module(header["module"])
    card: Model = next(model for model in module.MODELS if model.key == header["key"])
    worker = card.runtimes[header["runtime"]]
    assert isinstance(worker, Worker)
    return card, worker


def _load(header: Mapping[str, Any], card: Model, worker: Worker) -> tuple[Placement, Loaded]:
    placement = choose(Wanted(**header["wanted"]), _machine(), worker, card.key)
    checkpoint = Checkpoint(header["folder"], placement, header["remote_code"])
    try:
        loaded = worker.load(checkpoint)
    except Exception as error:
        if generation.out_of_memory(error):
            raise NotEnoughMemory(model=card.key, reason=_sentence(error)) from error
        raise
    generation.verify(loaded, placement, card.key)
    return placement, loaded


def _machine() -> Machine:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(
        capabilities=[torch.cuda.get_device_capability(index) for index in range(count)],
        bf16=count > 0 and torch.cuda.is_bf16_supported(including_emulation=False),
        flash=_importable("flash_attn"),
        bitsandbytes=_importable("bitsandbytes"),
    )


def _importable(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError):
        return False
    return True


def _facts(placement: Placement) -> dict[str, object]:
    return {
        "device": placement.device,
        "dtype": placement.dtype,
        "attention": placement.attention,
        "quantization": placement.quantization,
        "reasons": dict(placement.reasons),
    }


def _plain(error: ChatVLMLLMError) -> dict[str, object]:
    return {"code": error.code, "details": {name: _simple(value) for name, value in error.details.items()}}


def _simple(value: object) -> str | int | float:
    return value if isinstance(value, str | int | float) else str(value)


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:500]
