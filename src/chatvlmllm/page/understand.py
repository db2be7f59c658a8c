"""A page, understood: pixels in, blocks in reading order out. This is where the steps of `page` meet.

Boxes of the result are in pixels of the image that was given.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from chatvlmllm.geometry import Box, Size
from chatvlmllm.page import grid, ink, layout, letters, lines, ruling, straighten, tables
from chatvlmllm.page.detect import AREA, Detector, Sight
from chatvlmllm.page.flatten import bend_of
from chatvlmllm.page.order import Item, order
from chatvlmllm.page.straighten import Straight
from chatvlmllm.page.strips import Image, Strip, cut, of_box
from chatvlmllm.page.witness import NOTHING, Chorus, OwnReader, Said, Witness, mean
from chatvlmllm.reading import Block, Cell, Kind, Line, Table, Word


@dataclass(frozen=True, slots=True)
class Steps:
    """Every step that can be left out; the defaults are the balanced preset."""

    turn: bool = True
    flatten: bool = True
    level: bool = True
    wipe: bool = True
    witnesses: bool = True
    quick: bool = True
    split: bool = True
    tables: bool = True
    columns: bool = True
    ink: bool = True
    #: Pixels that the detector sees of a page.
    area: int = AREA


@dataclass(frozen=True, slots=True)
class Found:
    """One block; a table's cell lines stand beside it by row and column."""

    block: Block
    cells: Mapping[tuple[int, int], tuple[Line, ...]]


PRESETS = {
    "speed": Steps(wipe=False, ink=False, area=AREA * 2 // 3),
    "balanced": Steps(),
    "quality": Steps(quick=False),
}

#: Lines that are read both ways up when the first reading is doubtful.
_PROBES = 4
#: A reading of this confidence is the right way up.
_SURE = 0.8
#: Below this nobody can have read the line: handwriting, ornament, noise.
_LEGIBLE = 0.3
#: A reading of this confidence needs no second look.
_SETTLED = 0.96
#: Tesseract's reading of a line at this confidence is as right as our network's and costs less than half: on the
#: lines of 28 real papers both then agreed with the truth by 98.5 %, and two thirds of all letters were settled so.
_ACCEPTED = 0.94


class Understanding:
    """Detector and witnesses, loaded once; `read` may be called from many threads at once."""

    def __init__(self, detector: Detector, witnesses: Sequence[Witness], threads: int = 1) -> None:
        """`threads` is how many lines are read at a time, whatever the number of pages."""
        self._detector = detector
        self._own = next((one for one in witnesses if isinstance(one, OwnReader)), None)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lines")
        self._witnesses: tuple[Witness, ...] = (
            tuple(witnesses) if threads == 1 else tuple(Chorus(one, self._pool, threads) for one in witnesses)
        )

    def read(self, image: Image, steps: Steps = PRESETS["balanced"]) -> list[Found]:
        """The page's blocks; an empty list when there is no text."""
        straight, strips = self._straight(image, steps)
        if not strips:
            return []
        size = Size(image.shape[1], image.shape[0])
        return [_back(found, straight, size) for found in self._found(straight.image, strips, steps)]

    def line(self, image: Image) -> Line | None:
        """What our own network alone reads in the image of one upright line; None when it reads nothing."""
        strip = of_box(Box(0, 0, image.shape[1], image.shape[0]))
        said = self._witnesses[0].hear([image])[0]
        return _line(strip, said) if said.text else None

    def close(self) -> None:
        self._pool.shutdown()
        for witness in self._witnesses:
            witness.close()

    def _straight(self, image: Image, steps: Steps) -> tuple[Straight, list[Strip]]:
        straight = straighten.as_is(image)
        sight = self._detector.look(image, steps.area)
        if steps.turn and straighten.sideways(sight.strips()):
            straight = straighten.turned(image, 1)
            sight = self._detector.look(straight.image, steps.area)
        bend = bend_of(straight.image, sight) if steps.flatten else None
        if bend is not None:
            straight = straight.flattened(bend)
            sight = self._detector.look(straight.image, steps.area)
        strips = self._strips(straight.image, sight, steps)
        if steps.turn and self._upside_down(straight.image, strips):
            step = straighten.turned(straight.image, 2)
            strips = [straighten.righted(strip.moved(step.matrix)) for strip in strips]
            straight = straight.then(step)
        skew = straighten.skew_of(strips) if steps.level else 0.0
        if skew:
            step = straighten.levelled(straight.image, skew)
            strips = [strip.moved(step.matrix) for strip in strips]
            straight = straight.then(step)
        return straight, strips

    def _strips(self, image: Image, sight: Sight, steps: Steps) -> list[Strip]:
        """Every strip of text; where a stamp runs lines together, they are looked for again without its ink."""
        strips = sight.strips()
        knots = ink.tangled(strips, image) if steps.ink else []
        return ink.untangled(strips, knots, self._detector.strips(ink.washed(image), steps.area)) if knots else strips

    def _upside_down(self, image: Image, strips: Sequence[Strip]) -> bool:
        """Whether doubtful lines read better with the page turned round."""
        # Long enough to tell by, short enough to be read at once.
        long = [strip for strip in strips if strip.width > 3 * strip.height]
        telling = sorted(long, key=lambda strip: abs(strip.width / strip.height - 8))[:_PROBES]
        if not telling:
            return False
        crops = [cut(image, strip) for strip in telling]
        upright = 0.0
        for witness in reversed(self._witnesses):  # the quickest first
            upright = mean([said.confidence for said in witness.hear(crops)])
            if upright >= _SURE:
                return False
        turned = [np.ascontiguousarray(crop[::-1, ::-1]) for crop in crops]
        return mean([said.confidence for said in self._witnesses[0].hear(turned)]) > upright + 0.1

    def _found(self, image: Image, strips: Sequence[Strip], steps: Steps) -> Iterator[Found]:
        rulings = ruling.find(image, strips)
        pieces = lines.pieces(strips, rulings.vertical if steps.split else ())
        read, scraps = self._lines(image, pieces, rulings, steps)
        letter = ruling.letter_height(strips)
        grids = grid.grids(rulings, letter) if steps.tables else []
        filled, rest = tables.fill(grids, read)
        inner = [g.box for g in grids]
        dividers = [line for line in rulings.vertical if not any(_in(line, box) for box in inner)]
        items = [Item(number, line.box, line.text) for number, line in enumerate(rest)]
        items += [Item(len(rest) + number, part.box, solid=True) for number, part in enumerate(filled)]
        ordered = order(items, dividers) if steps.columns else sorted(items, key=lambda it: it.box.y1)
        body = float(np.median([line.box.height for line in read])) if read else 1.0
        yield from _blocks([item.index for item in ordered], rest, filled, (Size(image.shape[1], image.shape[0]), body))
        yield from (Found(Block(kind, "", box), {}) for kind, box in ink.marks(image, scraps, letter))

    def _lines(
        self, image: Image, pieces: Sequence[Strip], rulings: ruling.Rulings, steps: Steps
    ) -> tuple[list[Line], list[Strip]]:
        """What the pieces say, with their boxes, and the scraps of stamps; what nobody can read is left out."""
        crops = [cut(image, piece) for piece in pieces]
        heard = self._heard(image, pieces, crops, rulings, steps)
        scraps = ink.scraps(crops, heard) if steps.ink else set()
        read = [
            _line(piece, said)
            for n, (piece, said) in enumerate(zip(pieces, heard, strict=True))
            if n not in scraps and said.text and said.confidence > _LEGIBLE
        ]
        return read, [pieces[n] for n in sorted(scraps)]

    def _heard(
        self, image: Image, pieces: Sequence[Strip], cuts: Sequence[Image], rulings: ruling.Rulings, steps: Steps
    ) -> list[Said]:
        """The quickest witness first, then better ones and cleaner pixels on what is still doubtful."""
        crops = dict(enumerate(cuts))
        heard = [NOTHING] * len(pieces)
        best, others = self._witnesses[0], self._witnesses[1:] if steps.witnesses else ()
        for witness in others if steps.quick else ():
            _listen(witness, crops, heard)
        sure = _ACCEPTED if steps.quick and others else 2.0
        _listen(best, {n: crops[n] for n, said in enumerate(heard) if said.confidence < sure}, heard)
        doubtful = [n for n, said in enumerate(heard) if said.confidence < min(sure, _SETTLED)]
        touched = [n for n in doubtful if steps.wipe and _touched(pieces[n], rulings)]
        clean = ruling.wiped(image, rulings) if touched else image
        wiped = {n: cut(clean, pieces[n]) for n in touched}
        _listen(best, wiped, heard)
        if steps.ink:
            _listen(best, {n: ink.washed(crops[n]) for n in doubtful if ink.inked(crops[n])}, heard)
        for witness in others:
            if not steps.quick:
                _listen(witness, {n: crops[n] for n in doubtful}, heard)
            _listen(witness, {n: crop for n, crop in wiped.items() if heard[n].confidence < _SETTLED}, heard)
        return self._at_home(crops, heard)

    def _at_home(self, crops: Mapping[int, Image], heard: list[Said]) -> list[Said]:
        """What was heard, with doubtful letters of foreign alphabets read again without these."""
        lost = letters.estranged(heard) if self._own is not None else []
        if self._own is not None and lost:
            said = self._own.hear([crops[n] for n in lost], without=letters.STRANGERS)
            for n, better in zip(lost, said, strict=True):
                heard[n] = better if better.text else heard[n]
        return [letters.with_one_case(said) for said in heard]


def _listen(witness: Witness, crops: Mapping[int, Image], heard: list[Said]) -> None:
    """Replace what was heard of the numbered crops where `witness` is more confident."""
    if not crops:
        return
    for n, said in zip(crops, witness.hear(list(crops.values())), strict=True):
        if said.text and said.confidence > heard[n].confidence:
            heard[n] = said


def _touched(piece: Strip, rulings: ruling.Rulings) -> bool:
    """Whether a ruling's pixels lie inside the piece."""
    box = piece.box
    rows, columns = (
        slice(max(0, round(box.y1)), max(0, round(box.y2))),
        slice(max(0, round(box.x1)), max(0, round(box.x2))),
    )
    return bool(rulings.mask[rows, columns].any())


def _in(line: ruling.Ruling, box: Box) -> bool:
    return box.x1 - 5 <= line.place <= box.x2 + 5 and line.start < box.y2 and line.end > box.y1


def _line(piece: Strip, said: Said) -> Line:
    """What was said of a strip, with boxes in pixels of the straight image."""
    width = max(1, round(piece.width))
    words = tuple(
        Word(w.text, piece.part(w.start / width, w.end / width).box, round(w.confidence, 4)) for w in said.words
    )
    return Line(said.text, piece.box, words, round(said.confidence, 4))


def _blocks(
    sequence: Sequence[int], rest: Sequence[Line], filled: Sequence[tables.Filled], page: tuple[Size, float]
) -> Iterator[Found]:
    """Blocks of the lines between the tables and forms, and these in their places."""
    waiting: list[Line] = []
    for index in sequence:
        if index < len(rest):
            waiting.append(rest[index])
            continue
        yield from (Found(block, {}) for block in layout.blocks(waiting, *page))
        waiting = []
        part = filled[index - len(rest)]
        yield Found(Block(Kind.TABLE, part.text, part.box, table=part.table), part.cells)
    yield from (Found(block, {}) for block in layout.blocks(waiting, *page))


def _back(found: Found, straight: Straight, size: Size) -> Found:
    """The block with all boxes in pixels of the original page."""

    def box(old: Box | None) -> Box | None:
        return None if old is None else straight.back(old, size)

    def line(old: Line) -> Line:
        words = tuple(replace(word, box=straight.back(word.box, size)) for word in old.words)
        return replace(old, box=straight.back(old.box, size), words=words)

    block = found.block
    table = block.table
    if table is not None:
        cells: tuple[Cell, ...] = tuple(replace(cell, box=box(cell.box)) for cell in table.cells)
        table = Table(table.rows, table.columns, cells)
    moved = replace(block, box=box(block.box), lines=tuple(line(old) for old in block.lines), table=table)
    return Found(moved, {place: tuple(line(old) for old in inside) for place, inside in found.cells.items()})
