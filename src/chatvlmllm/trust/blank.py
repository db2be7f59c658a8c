"""Is there anything on the page to read? Decided from pixels, before any model is asked.

Paper, shadows, the print of the other side, scanner borders, punch holes, creases and specks are no content. One short
faint line of text is. Lengths are in millimetres of a sheet whose longer side is that of A4, 297 mm, whatever the
picture's resolution. Thresholds and their ROC: docs/trust.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatvlmllm.trust.components import Mark, marks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_SHEET_MM = 297.0
#: Longest side that is examined, in pixels: 150 dpi of A4 keeps the strokes of 6 point letters.
_LONGEST = 1754
#: Side of the squares whose lighter quarter is taken for the paper, in pixels.
_SQUARE = 24
#: How much darker than the paper ink is, as a share of full scale. The print of the other side is at most 0.1.
INK_CONTRAST = 0.1
#: Or this many standard deviations of the paper's own noise, whichever is more.
_SIGMAS = 6.0
#: More ink than this is content, whatever its shape.
_FULL = 0.02
#: So many letter-like marks in a row are text.
TEXT_MARKS = 3
#: Height of a figure in 8 point type, in millimetres.
_FIGURE = 1.9


@dataclass(frozen=True, slots=True)
class Ink:
    """What was measured: `coverage` is the share of the page that is inked once borders, holes and specks are gone,
    `row` the most letter-like marks in one row, `drawings` the marks too large for letters.
    """

    coverage: float
    row: int
    drawings: int

    @property
    def blank(self) -> bool:
        """Whether there is nothing to read."""
        return self.row < TEXT_MARKS and self.drawings == 0 and self.coverage < _FULL


def measure(page: "Image") -> Ink:
    """Look for ink on an upright RGB page."""
    contrast = _contrast(_small(page))
    mask = contrast > max(INK_CONTRAST, _SIGMAS * _noise(contrast))
    found = marks(mask)
    if found is None:
        return Ink(float(mask.mean()), TEXT_MARKS, 0)
    height, width = mask.shape
    unit = max(height, width) / _SHEET_MM
    inside = [mark for mark in found if not _is_edge(mark, width, height, unit) and not _is_hole(mark, width, unit)]
    letters = [mark for mark in inside if _is_letter(mark, unit)]
    drawings = [mark for mark in inside if _is_drawing(mark, unit)]
    coverage = sum(mark.area for mark in (*letters, *drawings)) / mask.size

    def alone(mark: Mark) -> int:
        """A page number stands alone: a mark as tall as a figure is a row of its own, a speck is not."""
        return TEXT_MARKS if mark.height >= _FIGURE * unit and mark.width >= 0.7 * unit else 1

    row = max(_longest_row(letters, alone), _longest_row([_turned(mark) for mark in letters], lambda _: 1))
    return Ink(round(coverage, 6), row, len(drawings))


def _small(page: "Image") -> "NDArray[np.float32]":
    """The page as grey values 0…1, no larger than is needed."""
    import numpy as np
    from PIL.Image import Resampling

    gray = page.convert("L")
    factor = _LONGEST / max(gray.size)
    if factor < 1:
        gray = gray.resize((max(1, round(gray.width * factor)), max(1, round(gray.height * factor))), Resampling.BOX)
    return np.asarray(gray, dtype=np.float32) / np.float32(255)


def _contrast(gray: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """How much darker each pixel is than the paper around it; single noisy pixels are smoothed away."""
    import numpy as np
    from PIL import Image

    height, width = gray.shape
    rows, columns = -(-height // _SQUARE), -(-width // _SQUARE)
    padded = np.pad(gray, ((0, rows * _SQUARE - height), (0, columns * _SQUARE - width)), mode="edge")
    squares = padded.reshape(rows, _SQUARE, columns, _SQUARE).swapaxes(1, 2).reshape(rows, columns, -1)
    paper = np.percentile(squares, 75, axis=2).astype(np.float32)
    spread = Image.fromarray(paper).resize((columns * _SQUARE, rows * _SQUARE), resample=Image.Resampling.BILINEAR)
    framed = np.pad(gray, 1, mode="edge")
    smooth = np.zeros_like(gray)
    for y in range(3):
        for x in range(3):
            smooth += framed[y : y + height, x : x + width]
    found: NDArray[np.float32] = np.asarray(spread, dtype=np.float32)[:height, :width] - smooth / np.float32(9)
    return found


def _noise(contrast: "NDArray[np.float32]") -> float:
    """Standard deviation of the paper, from the median absolute deviation (times 1.4826 for normal noise)."""
    import numpy as np

    sample = contrast[::3, ::3]
    return float(1.4826 * np.median(np.abs(sample - np.median(sample))))


def _is_edge(mark: Mark, width: int, height: int, unit: float) -> bool:
    """Scanner borders, shadows of the lid and creases reach the edge of the page."""
    near = 1.5 * unit
    return mark.x1 <= near or mark.y1 <= near or mark.x2 >= width - near or mark.y2 >= height - near


def _is_hole(mark: Mark, width: int, unit: float) -> bool:
    """Punch holes: round, 4…10 mm wide, within 22 mm of a side."""
    side = min(mark.x1, width - mark.x2) < 22 * unit
    round_ = abs(mark.width - mark.height) < 0.3 * max(mark.width, mark.height)
    return side and round_ and 3.5 * unit <= max(mark.width, mark.height) <= 10 * unit


def _is_letter(mark: Mark, unit: float) -> bool:
    """Between 0.9 and 14 mm high and not wider than a word; a speck is lower."""
    return 0.9 * unit <= mark.height <= 14 * unit and 0.25 * unit <= mark.width <= 60 * unit


def _is_drawing(mark: Mark, unit: float) -> bool:
    """Larger than letters and not just a scratch: a picture, a stamp, a signature."""
    large = max(mark.width, mark.height) > 12 * unit and min(mark.width, mark.height) > 4 * unit
    return large and mark.area > 4 * unit * unit


def _turned(mark: Mark) -> Mark:
    return Mark(mark.y1, mark.x1, mark.y2, mark.x2, mark.area)


def _longest_row(letters: Sequence[Mark], alone: Callable[[Mark], int]) -> int:
    """The most marks of similar height that follow each other along one line.

    A wide mark counts the letters that it may consist of, and `alone` what a mark counts at least.
    """
    best = 0
    ordered = sorted(letters, key=lambda mark: mark.x1)
    ends: list[tuple[Mark, int]] = []
    for mark in ordered:
        before = max((count for last, count in ends[-40:] if _follows(last, mark)), default=0)
        # Letters that touch each other make one mark; a letter is at most as wide as one and a half times its height.
        count = before + max(alone(mark), round(mark.width / (1.5 * mark.height)))
        ends.append((mark, count))
        best = max(best, count)
    return best


def _follows(left: Mark, right: Mark) -> bool:
    """Whether `right` is the next letter or word of `left`'s line."""
    tall = max(left.height, right.height)
    level = abs(left.middle - right.middle) < 0.6 * tall
    near = right.x1 - left.x2 < 3 * tall
    return level and near and tall < 2.5 * min(left.height, right.height)
