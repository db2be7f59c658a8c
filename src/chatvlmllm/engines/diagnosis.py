"""Why an engine failed: its last words and exit status become a named error. Pure.

Reads what libraries print, which changes between versions; what is not recognised keeps its last line as the reason.
"""

import re
from collections.abc import Sequence

from chatvlmllm.errors import (
    ChatVLMLLMError,
    CudaFailed,
    EngineCrashed,
    EngineStartFailed,
    NotEnoughDisk,
    NotEnoughMemory,
    PortTaken,
)

_MEMORY = re.compile(
    r"out of memory|OutOfMemoryError|MemoryError|Cannot allocate memory|can't allocate memory|std::bad_alloc"
    r"|Free memory on device .* is less than|No available memory for the cache blocks"
    r"|larger than the available KV cache",
    re.IGNORECASE,
)
_CUDA = re.compile(
    r"device-side assert|CUDA error|CUBLAS_STATUS|CUDNN_STATUS|cudaError|NVRM|AcceleratorError", re.IGNORECASE
)
_PORT = re.compile(r"address already in use|EADDRINUSE|port is already allocated|failed to bind", re.IGNORECASE)
_DISK = re.compile(r"No space left on device|ENOSPC|disk quota exceeded", re.IGNORECASE)

#: A line that names an exception says more than the shutdown chatter after it.
_TELLING = re.compile(r"\b\w*(?:Error|Exception|Assert\w*|Killed|Fatal)\b: \S.{0,300}", re.IGNORECASE)

#: Exit by the signal that the kernel's out-of-memory killer uses.
_KILLED = -9


def crash(model: str, log: Sequence[str], status: int | None, *, starting: bool = False) -> ChatVLMLLMError:
    """The error of an engine that ended with `status` (None: it still runs) after writing `log`."""
    reason = last_words(log)
    named = named_error(model, log)
    if named is not None:
        return named
    if status is not None:
        reason = f"exit status {status}" + (f"; {reason}" if reason else "")
        if status == _KILLED:
            reason += " (killed, perhaps by the system for lack of memory)"
    if starting:
        return EngineStartFailed(model=model, reason=reason or "it said nothing")
    return EngineCrashed(model=model, status=status, reason=reason or "it said nothing")


def named_error(model: str, log: Sequence[str]) -> ChatVLMLLMError | None:
    """The known cause that the log speaks of, or None."""
    for pattern, make in (
        (_CUDA, lambda line: CudaFailed(model=model, reason=line)),
        (_PORT, lambda line: PortTaken(model=model, port=_number(line))),
        (_DISK, lambda line: NotEnoughDisk(target=model, needed="?", folder=line, free=0)),
        (_MEMORY, lambda line: NotEnoughMemory(model=model, reason=line)),
    ):
        line = next((line for line in reversed(log) if pattern.search(line)), None)
        if line is not None and not (pattern is _CUDA and _MEMORY.search(line)):
            return make(_short(line))
    return None


def last_words(log: Sequence[str]) -> str:
    """The last line that names an exception, else the last line."""
    for line in reversed(log):
        found = _TELLING.search(line)
        if found:
            return _short(found.group())
    return _short(log[-1]) if log else ""


def _short(line: str) -> str:
    return line.strip()[-300:]


def _number(line: str) -> str:
    found = re.search(r"(?:port\D{0,3}|:|, )(\d{2,5})\b", line)
    return found.group(1) if found else "?"
