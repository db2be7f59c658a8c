"""Coordinates as models write them, brought to page pixels and back.

A model counts in a grid that is laid over the image it was sent: the pixels of that image (dots.ocr, Qwen2.5-VL),
0…1000 (Qwen2-VL, Qwen3-VL, MinerU, GOT's box prompt) or 0…999 (DeepSeek-OCR). A `Grid` gives the size of that grid for
an image as sent. The image as sent has no padding: what an engine pads, it pads behind this interface.
"""

import math
import re
from collections.abc import Callable, Sequence

from chatvlmllm.decode.tally import Tally
from chatvlmllm.exchange import Request
from chatvlmllm.geometry import Box, Size, union, whole

Grid = Callable[[Size], Size]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

#: Overshoot below this share of the image is rounding; more is worth a notice.
_TOLERANCE = 0.02


def pixels(sent: Size) -> Size:
    """The grid is the pixels of the image as sent."""
    return sent


def thousand(_sent: Size) -> Size:
    """The grid is 0…1000 along both sides."""
    return Size(1000, 1000)


def below_thousand(_sent: Size) -> Size:
    """The grid is 0…999 along both sides."""
    return Size(999, 999)


def numbers(text: str) -> list[float]:
    """Every decimal number in `text`, in order."""
    return [float(found) for found in _NUMBER.findall(text)]


def place(values: Sequence[float], grid: Grid, request: Request, tally: Tally) -> Box | None:
    """Corner coordinates in `grid` as a box in page pixels; None with a notice when they make no box on the page.

    Takes x1, y1, x2, y2, or the x, y of four corners, which are replaced by the box around them.
    """
    box = _box(values)
    seen = box and _in_image(box, grid, request)
    moved = seen and request.to_page(seen)
    if moved is None or seen is None or moved.empty:
        tally.add("boxes_dropped")
        return None
    sent = request.sent
    slack = Box(-_TOLERANCE * sent.width, -_TOLERANCE * sent.height,
                (1 + _TOLERANCE) * sent.width, (1 + _TOLERANCE) * sent.height)  # fmt: skip
    if seen.x1 < slack.x1 or seen.y1 < slack.y1 or seen.x2 > slack.x2 or seen.y2 > slack.y2:
        tally.add("boxes_clipped")
    return moved


def to_grid(box: Box, grid: Grid, request: Request) -> Box:
    """The inverse of `place`: a box in page pixels as coordinates in `grid`, for prompts that name a region."""
    region, target = request.region, grid(request.sent)
    sx, sy = target.width / region.width, target.height / region.height
    return Box((box.x1 - region.x1) * sx, (box.y1 - region.y1) * sy,
               (box.x2 - region.x1) * sx, (box.y2 - region.y1) * sy)  # fmt: skip


def _box(values: Sequence[float]) -> Box | None:
    if not all(math.isfinite(value) for value in values):
        return None
    match len(values):
        case 4:
            x1, y1, x2, y2 = values
            return Box(x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None
        case 8:
            corners = zip(values[::2], values[1::2], strict=True)
            return union([Box(x, y, x, y) for x, y in corners])
        case _:
            return None


def _in_image(box: Box, grid: Grid, request: Request) -> Box:
    return box.move(grid(request.sent), whole(request.sent))
