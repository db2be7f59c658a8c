"""Where text is: the PP-OCR detector through ONNX Runtime, and its probability map turned into strips.

The network marks the shrunken core of every text line (Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization", AAAI 2020); a core is grown back by area / perimeter. It knows no script and no reading order, and it may
break a line at a wide gap or run two table cells together: `lines` deals with that.
"""

import math
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from chatvlmllm.page.strips import Image, Strip

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

#: Pixels that the network sees of a page: A4 becomes 1128 × 1600, 0.65 s on one core.
AREA = 1_800_000
#: The network halves its input five times.
_STEP = 32
_MAX_ENLARGEMENT = 2.0
#: Above this probability a pixel belongs to a core; below this mean a core is no text.
_CORE, _TEXT = 0.3, 0.5
#: How far a core grows, as a multiple of area / perimeter, across and along the line.
_ACROSS, _ALONG = 1.6, 1.6
_MIN_CORE = 3
#: Cores of one image; a page of small print has about 400, noise may have any number.
_MAX_CORES = 3000


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What the network saw: chances 0…1 of text on a map that is `sx`, `sy` times smaller than the page."""

    chances: NDArray[np.float32]
    sx: float
    sy: float

    @property
    def mask(self) -> NDArray[np.uint8]:
        """1 where a core of text is, 0 elsewhere."""
        return (self.chances > _CORE).astype(np.uint8)

    def strips(self) -> list[Strip]:
        """Every piece of text, in page pixels; order is not reading order."""
        return strips_of(self.chances, self.sx, self.sy)


class Detector:
    """One session, any number of threads; `threads` is how many cores one image may use."""

    def __init__(self, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Pages are read side by side: a thread that waits must not keep a core busy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Pages differ in size, and a plan of memory for each that came by would be kept. The arena stays: no page is
        # seen larger than `AREA`, and fresh memory for every layer costs as much time as the layers.
        options.enable_mem_pattern = False
        weights = files("chatvlmllm.page").joinpath("weights/detector.onnx").read_bytes()
        self._session: InferenceSession = onnxruntime.InferenceSession(weights, options, ["CPUExecutionProvider"])

    def strips(self, image: Image, area: int = AREA) -> list[Strip]:
        """Every piece of text in `image`, seen at about `area` pixels; order is not reading order."""
        return self.look(image, area).strips()

    def look(self, image: Image, area: int = AREA) -> Sight:
        """What the network makes of `image`, seen at about `area` pixels."""
        height, width = image.shape[:2]
        seen = _seen_size(width, height, area)
        small = cv2.resize(image, seen, interpolation=cv2.INTER_AREA if seen[0] < width else cv2.INTER_CUBIC)
        tensor = small.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1.0
        chances = self._session.run(None, {"x": tensor})[0][0, 0]
        return Sight(np.asarray(chances, np.float32), width / seen[0], height / seen[1])


def _seen_size(width: int, height: int, area: int) -> tuple[int, int]:
    scale = min(_MAX_ENLARGEMENT, math.sqrt(area / (width * height)))
    return tuple(max(_STEP, min(round(side * scale / _STEP), 256) * _STEP) for side in (width, height))  # type: ignore[return-value]


def strips_of(chances: NDArray[np.float32], sx: float, sy: float) -> list[Strip]:
    """Strips in image pixels from a map of text probabilities that is `sx`, `sy` times smaller."""
    mask = Sight(chances, sx, sy).mask
    # Thin cores of small print break into pieces; two pixels more hold them together.
    mask = cv2.dilate(mask, np.ones((2, 2), np.uint8)).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    strips = []
    for outline in sorted(outlines, key=len, reverse=True)[:_MAX_CORES]:
        (x, y), (w, h), angle = cv2.minAreaRect(outline)
        if min(w, h) < _MIN_CORE - 1 or max(w, h) < _MIN_CORE:
            continue
        score = _mean_inside(chances, np.asarray(outline))
        if score >= _TEXT:
            corners = _text_corners(x, y, w, h, angle)
            strips.append(Strip(corners * np.array([sx, sy], np.float32), score))
    return strips


def _mean_inside(chances: NDArray[np.float32], outline: NDArray[np.int32]) -> float:
    x, y, w, h = cv2.boundingRect(outline)
    inside = np.zeros((h, w), np.uint8)
    cv2.fillPoly(inside, [outline - np.array([x, y])], 1)
    return float(cv2.mean(chances[y : y + h, x : x + w], inside)[0])


def _text_corners(x: float, y: float, w: float, h: float, angle: float) -> NDArray[np.float32]:
    """Corners of the grown rectangle, starting where text that runs right (or, if tall, down) would start."""
    grow = w * h / (2 * (w + h))
    along, across = (w, h) if w >= h else (h, w)
    along, across = along + 2 * grow * _ALONG, across + 2 * grow * _ACROSS
    turn = angle if w >= h else angle + 90
    # A nearly square piece has no direction of its own: take the one that is closer to the x axis.
    turn = (turn + 90) % 180 - 90
    if max(w, h) < 1.5 * min(w, h) and abs(turn) > 45:
        along, across, turn = across, along, turn - math.copysign(90, turn)
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    right, down = np.array([c, s]) * along / 2, np.array([-s, c]) * across / 2
    centre = np.array([x, y])
    return np.stack(
        [centre - right - down, centre + right - down, centre + right + down, centre - right + down]
    ).astype(np.float32)
