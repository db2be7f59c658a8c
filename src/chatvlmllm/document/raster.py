"""Image files: frames of any mode become upright RGB pages.

Pixels are bounded by the header before a decoder runs. TIFF frames are pages; of an animation (WebP, GIF, PNG) only
the first frame is one.
"""

import base64
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, UnidentifiedImageError

from chatvlmllm.document.sniff import SUPPORTED
from chatvlmllm.errors import DamagedFile, ImageTooLarge, TooManyPages
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Notice

if TYPE_CHECKING:
    from chatvlmllm.config import Limits

#: EXIF orientations that exchange width and height.
_TURNED = (5, 6, 7, 8)

#: What turns the pixels of each EXIF orientation upright (EXIF 2.32, table 4, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

#: Formats that every server knows how to decode, and that hold nothing but one picture.
_PLAIN = {"PNG": "image/png", "JPEG": "image/jpeg"}

#: What Pillow's decoders raise on damaged files, seen by fuzzing; `struct.error` is a ValueError's sibling.
_DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError)


class ImageFile:
    """An opened image file; frames are decoded one at a time and not kept."""

    def __init__(self, source: Path | bytes, name: str, media_type: str, limits: "Limits") -> None:
        self._name = name
        self._limits = limits
        self._lock = threading.Lock()
        self._bytes = source if isinstance(source, bytes) else None
        with self._damage_named():
            stream = io.BytesIO(source) if isinstance(source, bytes) else source
            self._image = _open_unlimited(stream, SUPPORTED[media_type])
        self.count = self._count_frames() if media_type == "image/tiff" else 1

    def _count_frames(self) -> int:
        frames = 0
        with self._damage_named():
            while frames <= self._limits.pages:
                try:
                    self._image.seek(frames)
                except EOFError:
                    return frames
                frames += 1
        self.close()
        raise TooManyPages(name=self._name, limit=self._limits.pages)

    def describe(self, index: int) -> tuple[Size, float | None, tuple[Notice, ...]]:
        """Upright size in pixels, resolution in dots per inch if stated, and caveats; from the header alone.

        Raises ImageTooLarge, DamagedFile.
        """
        with self._lock, self._damage_named():
            self._image.seek(index)
            size = Size(*self._image.size)
            check_pixels(size, self._name, self._limits)
            turned = _orientation(self._image) in _TURNED
            dpi = self._image.info.get("dpi", (None,))[0]
            frames = getattr(self._image, "n_frames", 1)
        notices = (Notice("first_frame_only", {"frames": frames}),) if self.count == 1 < frames else ()
        return Size(size.height, size.width) if turned else size, _plausible(dpi), notices

    def render(self, index: int) -> Image.Image:
        """The upright RGB frame; raises ImageTooLarge before decoding, DamagedFile when decoding fails."""
        with self._lock, self._damage_named():
            self._image.seek(index)
            check_pixels(Size(*self._image.size), self._name, self._limits)
            orientation = _orientation(self._image)
            image = to_rgb(self._image)
            return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image

    def glance(self, index: int, width: int) -> Image.Image:
        """The upright frame, made smaller; raises as `render` does."""
        image = self.render(index)
        size = Size(*image.size).scaled(min(1.0, width / image.width))
        return image if image.width <= width else image.resize((size.width, size.height), Image.Resampling.BOX)

    def text_layer(self, _index: int) -> None:
        """A picture carries no text."""

    def verbatim(self) -> tuple[Image.Image, str] | None:
        """The picture, not yet decoded, and its own file as a `data:` URI, where these are the same upright pixels.

        None where the file has to be turned, converted or chosen a frame from. Raises ImageTooLarge.
        """
        with self._lock, self._damage_named():
            found = self._image
            check_pixels(Size(*found.size), self._name, self._limits)
            plain = found.format in _PLAIN and found.mode in ("RGB", "L") and not found.has_transparency_data
            turned = _orientation(found) in _UPRIGHT
            if self._bytes is None or not plain or turned or getattr(found, "n_frames", 1) > 1:
                return None
            uri = f"data:{_PLAIN[str(found.format)]};base64,{base64.b64encode(self._bytes).decode()}"
            return _open_unlimited(io.BytesIO(self._bytes), found.format), uri

    def close(self) -> None:
        self._image.close()

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (ImageTooLarge, TooManyPages):
            raise
        except (UnidentifiedImageError, MemoryError, *_DECODE_ERRORS) as error:
            raise DamagedFile(name=self._name, reason=_first_line(error)) from error


def _orientation(image: Image.Image) -> int | None:
    """EXIF orientation 1…8 from the header, or None when there is nothing left to turn.

    Pillow turns TIFFs by itself, and a PNG that keeps it behind its pixels would have to be decoded first.
    """
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return None
    value = image.getexif().get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) else None


def _open_unlimited(stream: io.BytesIO | Path, decoder: str | None) -> Image.Image:
    """Open with one named decoder; Pillow's own (lower) bomb limit is replaced by `check_pixels`."""
    Image.MAX_IMAGE_PIXELS = None
    return Image.open(stream, formats=[decoder] if decoder else None)


def check_pixels(size: Size, name: str, limits: "Limits") -> None:
    """Refuse an image whose header announces more pixels than are allowed."""
    if size.area > limits.megapixels * 1_000_000:
        raise ImageTooLarge(name=name, width=size.width, height=size.height, limit=limits.megapixels)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode as RGB: alpha on white, 16 and 32 bit grey scaled to 8, CMYK and palettes converted."""
    if image.mode == "RGB":
        return image.copy()
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 257).convert("L").convert("RGB")
    if image.mode in ("I", "F"):
        return _stretched(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _stretched(image: Image.Image) -> Image.Image:
    """Wide grey values have no fixed white, so the darkest becomes black and the lightest white."""
    low, high = image.convert("F").getextrema()
    assert isinstance(low, float)
    assert isinstance(high, float)
    span = (high - low) or 1.0
    return image.convert("F").point(lambda value: value * (255 / span) - low * 255 / span).convert("L")


def _plausible(dpi: object) -> float | None:
    """Scanners write 0, 1 or 72 for "unknown"; only a resolution that a scanner can have is passed on."""
    try:
        value = float(dpi)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return value if 75 <= value <= 2400 else None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
