"""Effects that leave the page in place and change its pixels: paper, blur, noise, JPEG, light, contrast, fax."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from chatvlmllm.bench.degrade.transform import page_unit

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Floats = Any


def paper(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """Off-white sheet with a soft uneven grain, ink a little lighter than black."""
    import numpy as np

    pixels = np.asarray(image, dtype=np.float32)
    warmth = np.array([0.4, 1.6, 5.0], dtype=np.float32) * rng.uniform(0.5, 1.2)
    grain = _clouds(image.size, 9, rng) * 6 + _clouds(image.size, 90, rng) * 3
    tinted = pixels * (1 - level * 0.10) + level * 12 - level * (warmth * 1.5 + grain[..., None])
    return _image(tinted), None


def blur(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """Out of focus: Gaussian of up to 0.28 mm."""
    from PIL import ImageFilter

    del rng
    return image.filter(ImageFilter.GaussianBlur(0.28 * level * page_unit(*image.size))), None


def noise(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """Grey sensor noise (deviation up to 40 of 255) and a few dark specks."""
    import numpy as np

    pixels = np.asarray(image, dtype=np.float32)
    height, width = pixels.shape[:2]
    spoiled = pixels + rng.normal(0, 40 * level, (height, width, 1)).astype(np.float32)
    specks = int(height * width * 0.00004 * level)
    rows, columns = rng.integers(0, height, specks), rng.integers(0, width, specks)
    spoiled[rows, columns] *= 0.35
    return _image(spoiled), None


def jpeg(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """Compress with quality 92 (weak) to 12."""
    from PIL import Image as Picture

    del rng
    packed = BytesIO()
    image.save(packed, "JPEG", quality=round(92 - 80 * level))
    return Picture.open(packed).convert("RGB"), None


def shadow(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """Uneven light: a slope across the sheet and the soft-edged shadow of a hand or a phone."""
    import numpy as np

    width, height = image.size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    tilt = rng.uniform(-0.6, 0.6)
    edge = (x / width - rng.uniform(0.25, 0.75)) + tilt * (y / height - 0.5)
    side = rng.choice((-1.0, 1.0))
    cast = 1 / (1 + np.exp(-side * edge * rng.uniform(12, 40)))
    light = 1 - level * (0.28 * (slope + 0.5) + 0.38 * cast)
    return _image(np.asarray(image, dtype=np.float32) * light[..., None]), None


def low_contrast(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """Faded print: black rises to 170 and white falls to 225 at level 1."""
    import numpy as np

    pixels = np.asarray(image, dtype=np.float32)
    low, high = 170 * level * rng.uniform(0.8, 1.0), 255 - 30 * level
    return _image(low + pixels * (high - low) / 255), None


def fax(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """One bit a pixel at 204 down to 100 dots an inch, an uncertain threshold, now and then a lost line."""
    import numpy as np
    from PIL.Image import Resampling

    dots = (204 - 104 * level) / 25.4
    factor = min(1.0, dots / page_unit(*image.size))
    small = image.convert("L").resize(
        (max(1, round(image.width * factor)), max(1, round(image.height * factor))), Resampling.BOX
    )
    grey = np.asarray(small, dtype=np.float32) + rng.normal(0, 22 * level, (small.height, small.width))
    bits = np.where(grey > rng.uniform(150, 185), 255, 0).astype(np.float32)
    lost = rng.integers(0, small.height, int(3 * level))
    bits[lost] = 255
    return _image(np.repeat(bits[..., None], 3, axis=2)).resize(image.size, Resampling.NEAREST), None


def _clouds(size: tuple[int, int], cells: int, rng: np.random.Generator) -> Floats:
    """Smooth random field in -1…1 of shape (height, width)."""
    import numpy as np
    from PIL import Image as Picture
    from PIL.Image import Resampling

    coarse = Picture.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize(size, Resampling.BICUBIC), dtype=np.float32)


def _image(pixels: Floats) -> Image:
    import numpy as np
    from PIL import Image as Picture

    return Picture.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
