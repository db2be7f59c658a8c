"""Reads scans, photos and PDFs on your own machine, Russian first.

    from chatvlmllm import recognize
    for reading in recognize("act.pdf"):
        print(reading.page, reading.verdict, reading.text)

Importing this package does nothing; a name is loaded when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatvlmllm.client import Client
    from chatvlmllm.document import Document, Page, open_document
    from chatvlmllm.errors import ChatVLMLLMError
    from chatvlmllm.exchange import Task
    from chatvlmllm.geometry import Box, Size
    from chatvlmllm.pipeline import recognize
    from chatvlmllm.reading import Block, Reading, Table, Verdict

_HOME = {
    "Block": "reading",
    "Box": "geometry",
    "ChatVLMLLMError": "errors",
    "Client": "client",
    "Document": "document",
    "Page": "document",
    "Reading": "reading",
    "Size": "geometry",
    "Table": "reading",
    "Task": "exchange",
    "Verdict": "reading",
    "open_document": "document",
    "recognize": "pipeline",
}

__all__ = [
    "Block",
    "Box",
    "ChatVLMLLMError",
    "Client",
    "Document",
    "Page",
    "Reading",
    "Size",
    "Table",
    "Task",
    "Verdict",
    "open_document",
    "recognize",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__", "__path__"]
