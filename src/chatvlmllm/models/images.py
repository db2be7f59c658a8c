"""How large an image each family of networks wants, and how many tokens it costs: the models' own rules, client-side.

A page is resized here exactly as the model's processor would do it, so that the processor finds nothing left to do
and boxes map back through one known scale. `room` is the most tokens an image may cost; a rule answers with the
largest size within it, or with the smallest it knows, and the caller compares. Does not cover pixels: `prepare`
resamples.
"""

import math
from dataclasses import dataclass

from chatvlmllm.geometry import Size

#: Longer strips than this are stretched to it: beyond, the processors refuse or round a side to nothing.
_LONGEST_STRIP = 100


def _sane(size: Size) -> Size:
    """`size` with the short side widened until the strip is at most `_LONGEST_STRIP` times as long as wide."""
    least = math.ceil(max(size.width, size.height) / _LONGEST_STRIP)
    return Size(max(size.width, least), max(size.height, least))


@dataclass(frozen=True, slots=True)
class SmartResize:
    """Sides are multiples of `factor`, the area is `min_pixels`…`max_pixels`; one token per `factor` × `factor`."""

    factor: int
    min_pixels: int
    max_pixels: int

    def fit(self, size: Size, room: int | None = None) -> Size:
        most = self.max_pixels if room is None else min(self.max_pixels, room * self.factor**2)
        sane = _sane(size)
        rounded = [max(self.factor, round(side / self.factor) * self.factor) for side in _sides(sane)]
        fitted = Size(*rounded)
        if fitted.area > most:
            # Divided in this order because the processors do: one rounding more or less is a whole step.
            shrink = math.sqrt(sane.area / most)
            width, height = (max(1, int(side / shrink / self.factor)) * self.factor for side in _sides(sane))
            fitted = self._shrunk(width, height, most)
        # Below its least area a processor would enlarge the image again, so that bound is the stronger one.
        if fitted.area < self.min_pixels:
            scale = math.sqrt(self.min_pixels / sane.area)
            width, height = (math.ceil(side * scale / self.factor) * self.factor for side in _sides(sane))
            fitted = Size(width, height)
        return fitted

    def _shrunk(self, width: int, height: int, most: int) -> Size:
        """A strip one step wide can still be too large, because its short side cannot shrink."""
        while width * height > most:
            if width >= height:
                width -= self.factor
            else:
                height -= self.factor
        return Size(width, height)

    def tokens(self, sent: Size) -> int:
        return (sent.width // self.factor) * (sent.height // self.factor)


def _sides(size: Size) -> tuple[int, int]:
    return size.width, size.height


@dataclass(frozen=True, slots=True)
class Square:
    """The whole image is squeezed into one `side` × `side` view of `view_tokens`; `fit` only spares useless pixels."""

    side: int
    view_tokens: int

    def fit(self, size: Size, room: int | None = None) -> Size:  # noqa: ARG002 the cost is always the same
        sane = _sane(size)
        spare = max(sane.width, sane.height) / (2 * self.side)
        return _sane(sane.scaled(1 / spare)) if spare > 1 else sane

    def tokens(self, sent: Size) -> int:  # noqa: ARG002
        return self.view_tokens


def best_grid(size: Size, tile: int, least: int, most: int) -> tuple[int, int]:
    """Columns and rows of the tiling, of `least`…`most` tiles, whose shape is nearest to that of `size`.

    Among equally good shapes the finer one wins while the image has more than half its pixels.
    """
    shapes = [(c, r) for c in range(1, most + 1) for r in range(1, most + 1) if least <= c * r <= most]
    best, nearest = (1, 1), math.inf
    for columns, rows in sorted(shapes, key=lambda shape: shape[0] * shape[1]):
        distance = abs(size.width / size.height - columns / rows)
        finer = distance == nearest and size.area > 0.5 * tile * tile * columns * rows
        if distance < nearest or finer:
            best, nearest = (columns, rows), distance
    return best


@dataclass(frozen=True, slots=True)
class Tiles:
    """One padded global view, and tiles of `tile` pixels when a side is longer than that."""

    view_tokens: int
    tile: int
    tile_tokens: int
    least: int
    most: int

    def grid(self, size: Size) -> tuple[int, int]:
        """Columns and rows of tiles; (0, 0) when the global view alone is enough."""
        if max(size.width, size.height) <= self.tile:
            return 0, 0
        return best_grid(size, self.tile, self.least, self.most)

    def fit(self, size: Size, room: int | None = None) -> Size:
        sane = _sane(size)
        columns, rows = self.grid(sane)
        if columns:
            scale = max(columns * self.tile / sane.width, rows * self.tile / sane.height)
            smaller = sane.scaled(min(1.0, scale))
            sane = smaller if self.grid(smaller) == (columns, rows) else sane
        if room is not None and self.tokens(sane) > room:
            sane = sane.scaled(min(1.0, self.tile / max(sane.width, sane.height)))
        return sane

    def tokens(self, sent: Size) -> int:
        columns, rows = self.grid(sent)
        return self.view_tokens + self.tile_tokens * columns * rows + 1


@dataclass(frozen=True, slots=True)
class Patches:
    """1…`most` square views of `side` pixels and, when there is more than one, the whole as one view more."""

    side: int
    view_tokens: int
    most: int

    def fit(self, size: Size, room: int | None = None) -> Size:
        sane = _sane(size)
        columns, rows = best_grid(sane, self.side, 1, self.most)
        scale = max(columns * self.side / sane.width, rows * self.side / sane.height)
        smaller = sane.scaled(min(1.0, scale))
        sane = smaller if self.tokens(smaller) == self.tokens(sane) else sane
        while room is not None and self.tokens(sane) > room and sane.area > 1:
            sane = sane.scaled(0.7)
        return sane

    def tokens(self, sent: Size) -> int:
        columns, rows = best_grid(sent, self.side, 1, self.most)
        views = columns * rows
        return self.view_tokens * (views + (views > 1))


@dataclass(frozen=True, slots=True)
class PhiCrops:
    """Phi-3.5-vision: crops of 336 pixels, at most `crops`, 144 tokens each and 12 per row of crops."""

    crops: int

    def fit(self, size: Size, room: int | None = None) -> Size:  # noqa: ARG002 the shape alone decides about the cost
        sane = _sane(size)
        return _sane(sane.scaled(min(1.0, 336 * self.crops / max(sane.width, sane.height))))

    def tokens(self, sent: Size) -> int:
        long, short = max(sent.width, sent.height), min(sent.width, sent.height)
        ratio = long / short
        steps = 1
        while steps * math.ceil(steps / ratio) <= self.crops:
            steps += 1
        columns = max(1, steps - 1)
        rows = math.ceil(int(columns * 336 / ratio) / 336)
        if sent.width < sent.height:
            columns, rows = rows, columns
        return (rows * columns + 1) * 144 + 1 + (rows + 1) * 12


@dataclass(frozen=True, slots=True)
class Phi4Crops:
    """Phi-4-multimodal: crops of 448 pixels padded at the right and bottom; padding costs nothing."""

    crops: int

    _SIDE = 448
    _PATCH = 14

    def fit(self, size: Size, room: int | None = None) -> Size:
        sane = _sane(size)
        while room is not None and self.tokens(sane) > room and max(sane.width, sane.height) > self._SIDE:
            sane = sane.scaled(0.8)
        return sane

    def tokens(self, sent: Size) -> int:
        columns, rows = self._grid(sent)
        target = Size(columns * self._SIDE, rows * self._SIDE)
        by_width = target.width / sent.width < target.height / sent.height
        right = 0 if by_width else target.width - int(sent.width * target.height / sent.height)
        below = target.height - int(sent.height * target.width / sent.width) if by_width else 0
        across = self._kept(columns, right)
        down = self._kept(rows, below)
        return 256 + 1 + across * down + down + 16

    def _grid(self, sent: Size) -> tuple[int, int]:
        columns, rows = (math.ceil(side / self._SIDE) for side in _sides(sent))
        return (columns, rows) if columns * rows <= self.crops else best_grid(sent, self._SIDE, 1, self.crops)

    def _kept(self, crops: int, padding: int) -> int:
        """Tokens along one side: every second patch of every crop that is not padding."""
        patches = self._SIDE // self._PATCH
        real = crops * patches - padding // self._PATCH
        return sum((min(patches, max(0, real - crop * patches)) + 1) // 2 for crop in range(crops))
