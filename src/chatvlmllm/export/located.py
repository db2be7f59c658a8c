"""Where every word of a page stands: the model's own boxes, else those of the second witness, else the block's frame.

A model that writes text without boxes is laid over the words that the witness read (`trust.align`). What the witness
has no word for is put between its neighbours where there is room, else into the frame of its block; what is left is
listed as unplaced and never dropped. Pure; boxes are page pixels.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from chatvlmllm.geometry import Box, union
from chatvlmllm.reading import Block, Format, Line, Reading, Word
from chatvlmllm.trust.tokens import visible
from chatvlmllm.trust.witness import Comparison, compare

#: Width of a letter relative to the height of its line, for text whose place is guessed.
_LETTER = 0.5
#: Marks of Markdown tables, headings and emphasis that stand alone.
_MARKS = re.compile(r"[|#*_`~>:\-]+")
_EMPHASIS = "*_`|"


@dataclass(frozen=True, slots=True)
class Located:
    """Blocks whose lines hold placed words; `rough` words stand at a guessed place, `unplaced` text at none."""

    blocks: tuple[Block, ...]
    rough: int = 0
    unplaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A visible word of a block: where it stands in the block's text, and on the page if that is known."""

    text: str
    start: int
    end: int
    box: Box | None = None


def located(reading: Reading) -> Located:
    """Every word of `reading` at its place, in reading order."""
    guide = _Guide(reading)
    blocks, rough, unplaced = [], 0, []
    for block in reading.blocks:
        lines, guessed, left = _lines(block, guide)
        blocks.append(replace(block, lines=lines))
        rough += guessed
        unplaced += left
    return Located(tuple(blocks), rough, tuple(unplaced))


def _lines(block: Block, guide: "_Guide") -> tuple[tuple[Line, ...], int, list[str]]:
    """Lines with placed words, how many of them were guessed, and what has no place."""
    if block.lines:
        ready = [line if line.words else _spread_line(line) for line in block.lines]
        guessed = sum(len(line.words) for line, own in zip(ready, block.lines, strict=True) if not own.words)
        return tuple(ready), guessed, []
    pieces = guide.place(block)
    if not any(piece.box for piece in pieces):
        if block.box is None or block.box.empty:
            return (), 0, [" ".join(piece.text for piece in pieces)] if pieces else []
        spread = _spread(pieces, block)
        return spread, sum(len(line.words) for line in spread), []
    pieces, guessed = _between(pieces)
    left = [" ".join(piece.text for piece in run) for lost, run in groupby(pieces, lambda p: p.box is None) if lost]
    return tuple(_rows(pieces)), guessed, left


class _Guide:
    """The witness's words laid over the whole page's text, once, and only if a block needs them."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._comparison: Comparison | None = None

    def place(self, block: Block) -> list[_Piece]:
        """The block's visible words, with boxes where the witness has a word there."""
        pieces = list(_pieces(block))
        if not self._reading.evidence.words:
            return pieces
        if self._comparison is None:
            self._comparison = compare(self._reading.text, self._reading.evidence.words)
        offset = self._offset(block)
        return [replace(piece, box=box) for piece, box in zip(pieces, self._boxes(pieces, offset), strict=True)]

    def _offset(self, wanted: Block) -> int:
        start = 0
        for block in self._reading.blocks:
            if block is wanted:
                break
            # Blocks are joined by an empty line; one without text leaves no trace.
            start += len(block.text) + 2 if block.text else 0
        return start

    def _boxes(self, pieces: Sequence[_Piece], offset: int) -> list[Box | None]:
        assert self._comparison is not None
        partners = [self._partners(piece, offset) for piece in pieces]
        boxes: list[Box | None] = []
        for places, run in groupby(zip(partners, pieces, strict=True), lambda pair: pair[0]):
            group = [piece for _, piece in run]
            boxes += self._shared(places, group) if places else [None] * len(group)
        return boxes

    def _partners(self, piece: _Piece, offset: int) -> tuple[int, ...]:
        comparison = self._comparison
        assert comparison is not None
        first = bisect_left(comparison.tokens, piece.start + offset, key=lambda token: token.start)
        last = bisect_left(comparison.tokens, piece.end + offset, key=lambda token: token.start)
        found = [comparison.owner[j] for i in range(first, last) for j in comparison.alignment.partners[i]]
        return tuple(dict.fromkeys(found))

    def _shared(self, places: tuple[int, ...], group: Sequence[_Piece]) -> list[Box | None]:
        """One box for one word; words that the witness read as one share its box by their letters."""
        assert self._comparison is not None
        words = [self._comparison.words[index].box for index in places]
        same_row = [box for box in words if _level(words[0], box)]
        return list(_split(union(same_row), [piece.text for piece in group]))


def _pieces(block: Block) -> Iterator[_Piece]:
    text = visible(block.text) if block.format is not Format.TEXT else block.text
    for match in re.finditer(r"\S+", text):
        shown = match[0]
        if block.format is Format.MARKDOWN:
            if _MARKS.fullmatch(shown):
                continue
            shown = shown.strip(_EMPHASIS) or shown
        yield _Piece(shown, match.start(), match.end())


def _split(box: Box, texts: Sequence[str]) -> Iterator[Box]:
    """The box cut into columns as wide as the texts are long, one letter's width between them."""
    total = sum(map(len, texts)) + len(texts) - 1
    step, left = box.width / total, box.x1
    for text in texts:
        yield Box(left, box.y1, left + step * len(text), box.y2)
        left += step * (len(text) + 1)


def _level(left: Box, right: Box) -> bool:
    return abs(left.y1 + left.y2 - right.y1 - right.y2) < min(left.height, right.height)


def _between(pieces: Sequence[_Piece]) -> tuple[list[_Piece], int]:
    """Words without a place put between their neighbours on a line; a lone mark joins the word beside it."""
    done: list[_Piece] = []
    guessed = 0
    for lost, run in groupby(pieces, lambda piece: piece.box is None):
        group = list(run)
        if lost:
            after = pieces[group_end] if (group_end := pieces.index(group[-1]) + 1) < len(pieces) else None
            group, count = _fitted(group, done[-1] if done else None, after)
            guessed += count
        done += group
    return _joined_marks(done), guessed


def _fitted(group: list[_Piece], before: _Piece | None, after: _Piece | None) -> tuple[list[_Piece], int]:
    if before is None or after is None or before.box is None or after.box is None:
        return group, 0
    gap = Box(before.box.x2, before.box.y1, after.box.x1, before.box.y2)
    need = _LETTER * before.box.height * 0.5 * sum(len(piece.text) for piece in group)
    if not _level(before.box, after.box) or gap.width < need or gap.width <= 0:
        return group, 0
    margin = min(gap.width * 0.1, before.box.height * 0.25)
    inner = Box(gap.x1 + margin, gap.y1, gap.x2 - margin, gap.y2)
    boxes = _split(inner, [piece.text for piece in group])
    return [replace(piece, box=box) for piece, box in zip(group, boxes, strict=True)], len(group)


def _joined_marks(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Punctuation that stands alone and has no place goes with the placed word before it."""
    done: list[_Piece] = []
    for piece in pieces:
        lone = piece.box is None and not any(char.isalnum() for char in piece.text)
        if lone and done and done[-1].box is not None:
            done[-1] = replace(done[-1], text=f"{done[-1].text} {piece.text}", end=piece.end)
        else:
            done.append(piece)
    return done


def _rows(pieces: Sequence[_Piece]) -> Iterator[Line]:
    """Placed words as lines: a new one where the next word is not to the right on the same level."""
    row: list[Word] = []
    for piece in pieces:
        if piece.box is None:
            continue
        if row and not (_level(row[-1].box, piece.box) and piece.box.x1 >= row[-1].box.x1):
            yield _line(row)
            row = []
        row.append(Word(piece.text, piece.box))
    if row:
        yield _line(row)


def _line(words: Sequence[Word]) -> Line:
    return Line(" ".join(word.text for word in words), union([word.box for word in words]), tuple(words))


def _spread_line(line: Line) -> Line:
    texts = line.text.split()
    boxes = _split(line.box, texts) if texts else ()
    return replace(line, words=tuple(Word(text, box) for text, box in zip(texts, boxes, strict=True)))


def _spread(pieces: Sequence[_Piece], block: Block) -> tuple[Line, ...]:
    """The words of a block in rows over its frame: its own lines, or as many as letters of usual shape would fill."""
    assert block.box is not None
    rows = [row for row in _own_rows(pieces, block.text) if row]
    if len(rows) == 1:
        letters = sum(len(piece.text) + 1 for piece in pieces)
        count = max(1, round(math.sqrt(letters * _LETTER * block.box.height / max(1.0, block.box.width))))
        rows = _wrapped(pieces, math.ceil(letters / count))
    step, lines = block.box.height / max(1, len(rows)), []
    widest = max((sum(len(p.text) + 1 for p in row) for row in rows), default=1)
    for number, row in enumerate(rows):
        share = sum(len(piece.text) + 1 for piece in row) / widest
        top = block.box.y1 + step * number
        box = Box(block.box.x1, top, block.box.x1 + block.box.width * share, top + step * 0.9)
        texts = [piece.text for piece in row]
        lines.append(_line([Word(text, place) for text, place in zip(texts, _split(box, texts), strict=True)]))
    return tuple(lines)


def _own_rows(pieces: Sequence[_Piece], text: str) -> list[list[_Piece]]:
    return [list(run) for _, run in groupby(pieces, lambda piece: text.count("\n", 0, piece.start))]


def _wrapped(pieces: Sequence[_Piece], width: int) -> list[list[_Piece]]:
    rows: list[list[_Piece]] = [[]]
    used = 0
    for piece in pieces:
        if rows[-1] and used + len(piece.text) > width:
            rows.append([])
            used = 0
        rows[-1].append(piece)
        used += len(piece.text) + 1
    return rows
