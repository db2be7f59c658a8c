"""Coloured ink — stamps, signatures, notes — told apart from black print.

Black is dark in every channel, coloured ink is light in at least one: taking the lightest channel leaves the print and
washes the stamp out. Coloured print goes with it, so a washed picture is only ever a
second look at a place where the first one failed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chatvlmllm.page.strips import Image, Strip

#: Difference between the lightest and the darkest channel (0…255) above which a pixel is coloured: faint stamps reach
#: 20, the noise of a JPEG stays below.
_COLOURED = 16
#: Share of coloured pixels above which there is coloured ink in a region.
_INKED = 0.01
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
