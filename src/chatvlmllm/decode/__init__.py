"""Replies become blocks: one module per dialect, all pure.

A decoder takes a `Reply` and the `Request` it answers and returns `Decoded`: blocks in reading order with boxes in page
pixels, and notices about what could not be kept. It raises `UndecodableReply` only when nothing could be saved, never
changes a word of the text, and never evaluates it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chatvlmllm.exchange import Reply, Request
from chatvlmllm.reading import Block, Notice


@dataclass(frozen=True, slots=True)
class Decoded:
    """Blocks in reading order and the caveats about them."""

    blocks: tuple[Block, ...] = ()
    notices: tuple[Notice, ...] = ()


Decoder = Callable[[Reply, Request], Decoded]
