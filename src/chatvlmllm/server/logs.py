"""The server's log lines: text for people or one JSON object a line; never the content of a document."""

import json
import logging
import sys
from datetime import UTC, datetime


def configure(form: str) -> None:
    """Log to standard error, in the given form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    for name in ("chatvlmllm", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name == "chatvlmllm" else logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _where(record: logging.LogRecord) -> list[str]:
    """Where an exception came from: files and lines, without its message, which may quote a document."""
    found, trace = [], record.exc_info[2] if record.exc_info else None
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found


def _kind(record: logging.LogRecord) -> str:
    return record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        said |= {"message": record.getMessage()} | dict(getattr(record, "facts", {}))
        if record.exc_info:
            said |= {"error": _kind(record), "stack": _where(record)}
        return json.dumps(said, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in getattr(record, "facts", {}).items())
        line = f"{_time(record)} {record.levelname.lower():<7} {record.getMessage()} {facts}".rstrip()
        if record.exc_info:
            line += "".join(f"\n    {place}" for place in [_kind(record), *_where(record)])
        return line
