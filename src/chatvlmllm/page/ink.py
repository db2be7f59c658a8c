"""Coloured ink — stamps, signatures, notes — told apart from black print.

Black is dark in every channel, coloured ink is light in at least one: taking the lightest channel leaves the print and
washes the stamp out. Coloured print goes with it, so a washed picture is only ever a
second look at a place where the first one failed. What stays unread of coloured ink is a mark on the page, no text.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from chatvlmllm.geometry import Box
from chatvlmllm.page.strips import Image, Strip
from chatvlmllm.page.witness import Said
from chatvlmllm.reading import Kind

#: Difference between the lightest and the darkest channel (0…255) above which a pixel is coloured: faint stamps reach
#: 20, the noise of a JPEG stays below.
_COLOURED = 16
#: Share of coloured pixels above which there is coloured ink in a region.
_INKED = 0.01
#: Ink is darker than the paper by this (0…255); share of it that is coloured in a stamp, and at most in black print,
#: whose edges a scanner colours.
_DARKER, _STAMPED, _PRINTED = 40, 0.7, 0.35
#: So many lines tell of what colour the print is.
_SAMPLE = 15
#: A reading of coloured ink below this is none; one without a word below the second neither.
_READ, _READ_SHORT, _WORD = 0.75, 0.9, 3
#: Coloured ink so many letters high and nearly as wide as high is a stamp; anything else is written by hand.
_STAMP_LETTERS, _STAMP_ASPECT = 3.0, 1.7
#: Coloured ink on more of the page than this is no mark on it, but the paper's pattern.
_PATTERN = 0.25
#: The page is looked over for marks at a quarter of its size.
_COARSE = 4
#: A strip so many times as high as the page's lines holds more than one of them.
_TANGLED = 1.7


def coloured(image: Image) -> NDArray[np.bool_]:
    """Which pixels of a height × width × 3 RGB image are coloured."""
    mask: NDArray[np.bool_] = image.max(axis=2).astype(np.int16) - image.min(axis=2) > _COLOURED
    return mask


def inked(image: Image) -> bool:
    """Whether there is coloured ink in the image."""
    return bool(coloured(image).mean() > _INKED)


def washed(image: Image) -> Image:
    """The image without its coloured ink, same shape; black print under the ink stays black."""
    return np.ascontiguousarray(np.repeat(image.max(axis=2, keepdims=True), 3, axis=2))


def tangled(strips: Sequence[Strip], image: Image) -> list[Strip]:
    """Strips that run several lines together because coloured ink lies across them."""
    if not strips:
        return []
    usual = float(np.median([strip.height for strip in strips]))
    return [strip for strip in strips if strip.height > _TANGLED * usual and inked(_region(image, strip))]


def _region(image: Image, strip: Strip) -> Image:
    box = strip.box
    top, left = max(0, int(box.y1)), max(0, int(box.x1))
    part = image[top : max(top + 1, int(box.y2)), left : max(left + 1, int(box.x2))]
    return part if part.size else image[:1, :1]


def untangled(strips: Sequence[Strip], knots: Sequence[Strip], again: Sequence[Strip]) -> list[Strip]:
    """`strips` with every knot replaced by what a second look (`again`) found inside it, if it found anything."""
    kept = [strip for strip in strips if not any(strip is knot for knot in knots)]
    for knot in knots:
        inside = [strip for strip in again if _within(strip, knot)]
        # A piece that the first look found of a line gives way to the whole line.
        fresh = [strip for strip in inside if not any(_within(strip, old) for old in kept)]
        kept = [old for old in kept if not any(_within(old, strip) for strip in fresh)]
        kept += fresh if inside else [knot]
    return kept


def _within(strip: Strip, other: Strip) -> bool:
    """Whether more than half of `strip` lies in `other`."""
    return strip.box.overlap(other.box) > strip.box.area / 2


def scraps(crops: Sequence[Image], heard: Sequence[Said]) -> set[int]:
    """Numbers of the pieces that are scraps of a stamp or a signature: coloured ink that nobody can read as words.

    Where the print itself is coloured there are none.
    """
    found = {n for n, said in enumerate(heard) if not _is_read(said) and _stamped(crops[n]) > _STAMPED}
    sure = [crops[n] for n, said in enumerate(heard) if said.confidence >= _READ_SHORT] if found else []
    printed = [_stamped(crop) for crop in sure[:: 1 + len(sure) // _SAMPLE]]
    return set() if printed and float(np.median(printed)) > _PRINTED else found


def _is_read(said: Said) -> bool:
    worded = any(len(word.text) >= _WORD for word in said.words)
    return said.confidence >= (_READ if worded else _READ_SHORT)


def _stamped(crop: Image) -> float:
    """Share of the ink in a crop that is coloured; 0 where there is no ink."""
    darkest = crop.min(axis=2).astype(np.int16)
    ink = darkest < np.median(darkest) - _DARKER
    return float(coloured(crop)[ink].mean()) if ink.any() else 0.0


def marks(image: Image, found: Sequence[Strip], letter: float) -> Iterator[tuple[Kind, Box]]:
    """The stamps and signatures that the scraps in `found` are pieces of, in pixels; `letter` is a usual height."""
    if not found:
        return
    reach = max(3, round(letter / _COARSE))
    mask = cv2.dilate(coloured(image)[::_COARSE, ::_COARSE].astype(np.uint8), np.ones((reach, reach), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    boxes: dict[int, Box] = {}
    for strip in found:
        label = _label(np.asarray(labels, np.int32), strip.box)
        x, y, w, h = (int(value) * _COARSE for value in stats[label][:4])
        pattern = label == 0 or w * h > _PATTERN * image.shape[0] * image.shape[1]
        boxes[-len(boxes) - 1 if pattern else label] = strip.box if pattern else Box(x, y, x + w, y + h)
    for box in boxes.values():
        square = max(box.width, box.height) <= _STAMP_ASPECT * min(box.width, box.height)
        yield Kind.STAMP if square and box.height >= _STAMP_LETTERS * letter else Kind.SIGNATURE, box


def _label(labels: NDArray[np.int32], box: Box) -> int:
    """The piece of coloured ink that fills most of a box; 0 for none."""
    rows = slice(max(0, int(box.y1) // _COARSE), max(0, int(box.y2) // _COARSE) + 1)
    columns = slice(max(0, int(box.x1) // _COARSE), max(0, int(box.x2) // _COARSE) + 1)
    counts = np.bincount(labels[rows, columns].ravel())
    counts[:1] = 0
    return int(counts.argmax()) if counts.size else 0
