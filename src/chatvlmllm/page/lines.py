"""Strips become pieces that are read one by one: split where a ruling parts them, trimmed, doubles dropped.

Everything is in pixels of the straight image.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from chatvlmllm.geometry import Box
from chatvlmllm.page.ruling import Ruling
from chatvlmllm.page.strips import Strip, of_box

#: A ruling parts a strip when it covers this share of its height.
_PARTS = 0.75
#: Pieces narrower than this many heights are boxes of a comb (one digit each), which are read together.
_COMB = 1.3


def pieces(strips: Sequence[Strip], vertical: Sequence[Ruling]) -> list[Strip]:
    """Strips that neither cross nor touch a ruling from the side, and of which none repeats another."""
    single = _single(strips)
    usual = float(np.median([strip.height for strip in single])) if single else 0.0
    return [piece for strip in single for piece in _split(_roomy(strip, usual), vertical)]


def _roomy(strip: Strip, usual: float) -> Strip:
    """A strip of a letter or two as high as the page's lines usually are: its own core says little about its height."""
    box = strip.box
    if strip.width > 2 * strip.height or not 0.5 * usual < strip.height < usual:
        return strip
    more = (usual - box.height) / 2
    return of_box(Box(box.x1 - 0.5 * more, box.y1 - more, box.x2 + 0.5 * more, box.y2 + more), strip.score)


def _single(strips: Sequence[Strip]) -> list[Strip]:
    """Of two strips over the same text, the larger."""
    kept: list[Strip] = []
    boxes: list[Box] = []
    for strip in sorted(strips, key=lambda s: -s.box.area):
        box = strip.box
        if all(box.overlap(other) < 0.6 * box.area for other in boxes):
            kept.append(strip)
            boxes.append(box)
    return kept


def _split(strip: Strip, vertical: Sequence[Ruling]) -> list[Strip]:
    box = strip.box
    if box.width < 1.2 * box.height or abs(strip.angle) > 20:
        return [strip]
    near = [line for line in vertical if line.covers(box.y1 + 0.15 * box.height, box.y2 - 0.15 * box.height) >= _PARTS]
    places = sorted(line.place for line in near if box.x1 - 1 <= line.place <= box.x2 + 1)
    if not places:
        return [strip]
    # At an end the ruling only touches the margin by which the strip was grown.
    reach = 0.45 * box.height
    left = max((p for p in places if p - box.x1 <= reach), default=box.x1 - 2)
    right = min((p for p in places if box.x2 - p <= reach and p > left), default=box.x2 + 2)
    inner = [p for p in places if left < p < right]
    edges = [left, *inner, right]
    widths = [b - a for a, b in itertools.pairwise(edges)]
    if len(inner) >= 2 and max(widths) < _COMB * box.height:
        edges = [left, right]
    parts = []
    free = max(line.thickness for line in near) / 2 + 1
    for a, b in itertools.pairwise(edges):
        start, end = (a + free - box.x1) / box.width, (b - free - box.x1) / box.width
        if (end - start) * box.width > 0.25 * box.height:
            parts.append(strip.part(max(0.0, start), min(1.0, end)))
    return parts or [strip]
