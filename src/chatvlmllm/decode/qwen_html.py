"""Qwen3-VL's answer to `qwenvl html`: HTML whose elements carry `data-bbox="x1 y1 x2 y2"` in 0…1000 of the image.

An element without a box of its own has the box of the nearest one around it that has. A class such as `image`, `chart`
or `formula` names the sort of an element. Texts lose tags and entities; tables keep their source. Also fits Chandra,
which writes the same with other classes.
"""

import re
from collections.abc import Sequence

from chatvlmllm.decode import Decoded, Decoder, markup
from chatvlmllm.decode.blocks import formula, known
from chatvlmllm.decode.boxes import Grid, numbers, place, thousand
from chatvlmllm.decode.markdown import unfence
from chatvlmllm.decode.markup import Piece, Tag
from chatvlmllm.decode.table import from_html
from chatvlmllm.decode.tally import Tally
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Format, Kind

_HIDDEN = ("script", "style", "head")
_CLASS = re.compile(r"[\w-]+")


def decode_in(space: Grid = thousand) -> Decoder:
    """The dialect with its boxes counted in `space`."""

    def decode(reply: Reply, request: Request) -> Decoded:
        source = unfence(reply.text)
        whole = markup.trim(source)
        reader = _Reader(whole, space, request)
        reader.tally.add("reply_cut", int(len(whole) < len(source)))
        reader.read(list(markup.pieces(whole)))
        return Decoded(tuple(reader.blocks), reader.tally.notices())

    return decode


decode = decode_in()


class _Reader:
    """Walks the pieces; `open` are the block elements around the current one, outermost first."""

    def __init__(self, source: str, space: Grid, request: Request) -> None:
        self.source, self.space, self.request = source, space, request
        self.tally = Tally()
        self.blocks: list[Block] = []
        self.open: list[tuple[Tag, Kind | None, Box | None]] = []
        self.parts: list[Piece] = []

    def read(self, pieces: Sequence[Piece]) -> None:
        at = 0
        while at < len(pieces):
            piece = pieces[at]
            end = at + 1
            if isinstance(piece, Tag) and piece.opens("table"):
                end = _end_of(pieces, at, "table")
                self._table(piece, pieces[end - 1], len(pieces) == end)
            elif isinstance(piece, Tag) and piece.opens(*_HIDDEN):
                end = _end_of(pieces, at, piece.name)
                end = at + 1 if end == len(pieces) else end
            elif isinstance(piece, Tag):
                self._tag(piece)
            else:
                self.parts.append(piece)
            at = end
        self._flush()

    def _tag(self, tag: Tag) -> None:
        if tag.name == "img":
            self._flush()
            kind, box = self._around(tag)
            self.blocks.append(Block(kind if kind is Kind.STAMP else Kind.PICTURE, "", box))
        elif tag.name not in markup.BLOCKS:
            self.parts.append(tag)
        elif tag.closing:
            self._flush()
            self._leave(tag.name)
        else:
            self._flush()
            kind, box = self._around(tag)
            self.open.append((tag, kind, box))

    def _leave(self, name: str) -> None:
        """Closes the nearest open element of that name; those inside it are closed with it."""
        for depth in range(len(self.open) - 1, max(-1, len(self.open) - 50), -1):
            if self.open[depth][0].name == name:
                del self.open[depth:]
                return

    def _around(self, tag: Tag) -> tuple[Kind | None, Box | None]:
        """Sort and box of an element: its own, else those of what is around it."""
        _, kind, box = self.open[-1] if self.open else (None, None, None)
        names = tag.attributes.get("class", "")
        claims = (tag.attributes.get("data-label", ""), names, *_CLASS.findall(names), tag.name)
        own = next((found for name in claims if (found := known(name)) not in (None, Kind.TEXT)), None)
        if "data-bbox" in tag.attributes:
            box = place(numbers(tag.attributes["data-bbox"]), self.space, self.request, self.tally)
        return own or kind, box

    def _flush(self) -> None:
        """Makes a block of the text since the last one."""
        text = markup.plain(self.parts)
        self.parts = []
        if not text:
            return
        tag, kind, box = self.open[-1] if self.open else (None, None, None)
        level = int(tag.name[1]) if tag and re.fullmatch("h[1-6]", tag.name) else None
        if kind is Kind.FORMULA:
            self.blocks.append(formula(text, box))
        else:
            self.blocks.append(Block(kind or Kind.TEXT, text, box, level=level))

    def _table(self, tag: Tag, last: Piece, at_end: bool) -> None:
        self._flush()
        _, box = self._around(tag)
        complete = isinstance(last, Tag) and last.closes("table")
        end = last.end if complete and isinstance(last, Tag) else len(self.source)
        source = self.source[tag.start : end]
        self.tally.add("reply_cut", int(not complete and at_end))
        self.blocks.append(Block(Kind.TABLE, source.rstrip(), box, Format.HTML, table=from_html(source, self.tally)))


def _end_of(pieces: Sequence[Piece], at: int, name: str) -> int:
    """The index behind the tag that closes the element opened at `at`; the number of pieces if none does."""
    depth = 0
    for index in range(at, len(pieces)):
        piece = pieces[index]
        if isinstance(piece, Tag) and piece.name == name:
            depth += -1 if piece.closing else 1
            if depth == 0:
                return index + 1
    return len(pieces)
