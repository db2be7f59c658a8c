"""Ink laid over the text: a round stamp and a signature, blue or violet, with the print showing through."""

from __future__ import annotations

from math import cos, degrees, pi, sin
from typing import TYPE_CHECKING, Any

from chatvlmllm.bench.degrade.transform import page_unit

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

_INKS = ((38, 58, 160), (84, 52, 150), (30, 80, 190), (96, 40, 120))
_RIMS = (
    "ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ ★ ",
    "АКЦИОНЕРНОЕ ОБЩЕСТВО ★ г. ЗАРЕЧНЫЙ ★ ",
    "ОТДЕЛ КАДРОВ ★ ДЛЯ ДОКУМЕНТОВ ★ ",
)
_HEARTS = ("«Образец»", "Для документов", "«Кедр»", "Канцелярия")


def stamp(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """A round stamp 38 mm wide over print; the level is how dense its ink is."""
    from PIL import Image as Picture
    from PIL import ImageFilter

    unit = page_unit(*image.size)
    size = round(38 * unit)
    mask = _rings(size, str(rng.choice(_RIMS)), str(rng.choice(_HEARTS)))
    mask = mask.rotate(float(rng.uniform(-40, 40)), Picture.Resampling.BICUBIC)
    mask = mask.filter(ImageFilter.GaussianBlur(0.05 * unit))
    # not every part of rubber touches the paper
    patches = Picture.fromarray(rng.integers(120, 256, (9, 9)).astype("uint8")).resize(
        mask.size, Picture.Resampling.BICUBIC
    )
    place = _over_print(image, (size, size), rng)
    return _inked(image, _times(mask, patches), place, level, rng), None


def signature(image: Image, level: float, rng: np.random.Generator) -> tuple[Image, None]:
    """One or two pen strokes about 45 mm long over print."""
    import numpy as np
    from PIL import Image as Picture
    from PIL import ImageDraw, ImageFilter

    unit = page_unit(*image.size)
    width, height = round(48 * unit), round(22 * unit)
    mask = Picture.new("L", (width, height), 0)
    pen = ImageDraw.Draw(mask)
    time = np.linspace(0, 1, 240)
    for _ in range(int(rng.integers(1, 3))):
        waves = sum(rng.uniform(0.1, 0.45) * np.sin(2 * pi * (k * time + rng.random())) / k**0.6 for k in range(1, 6))
        loops = 0.09 * np.sin(2 * pi * (rng.uniform(3, 6) * time + rng.random()))
        xs = (0.08 + 0.84 * np.clip(time + loops, 0, 1)) * width
        ys = (0.5 + 0.4 * waves / max(1e-6, float(np.abs(waves).max()))) * height
        points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        pen.line(points, fill=255, width=max(1, round(0.45 * unit)), joint="curve")
    mask = mask.filter(ImageFilter.GaussianBlur(0.06 * unit))
    place = _over_print(image, (width, height), rng)
    return _inked(image, mask, place, min(1.0, level + 0.3), rng), None


def _over_print(image: Image, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Of eight places in the lower two thirds of the page the one that covers most print."""
    import numpy as np

    dark = np.asarray(image.convert("L").reduce(4)) < 128
    best, most = (0, 0), -1
    for _ in range(8):
        left = int(rng.uniform(0.08, 0.92) * max(1, image.width - size[0]))
        top = int(rng.uniform(0.33, 0.95) * max(1, image.height - size[1]))
        covered = int(dark[top // 4 : (top + size[1]) // 4, left // 4 : (left + size[0]) // 4].sum())
        if covered > most:
            best, most = (left, top), covered
    return best


def _rings(size: int, rim: str, heart: str) -> Image:
    """Mask of a round stamp: two rings, words around, a name in the middle."""
    from PIL import Image as Picture
    from PIL import ImageDraw

    mask = Picture.new("L", (size, size), 0)
    pen = ImageDraw.Draw(mask)
    line = max(1, size // 60)
    for inset in (0.01, 0.035, 0.25):
        pen.ellipse((inset * size, inset * size, (1 - inset) * size, (1 - inset) * size), outline=255, width=line)
    font = _font(round(size * 0.085))
    widths = [font.getlength(letter) + size * 0.012 for letter in rim]
    for index, letter in enumerate(rim):
        angle = 2 * pi * (sum(widths[:index]) + widths[index] / 2) / sum(widths)
        tile = Picture.new("L", (size // 6, size // 6), 0)
        ImageDraw.Draw(tile).text((size / 12, size / 12), letter, 255, font=font, anchor="mm")
        turned = tile.rotate(-degrees(angle), Picture.Resampling.BICUBIC)
        x = size / 2 + 0.405 * size * sin(angle) - tile.width / 2
        y = size / 2 - 0.405 * size * cos(angle) - tile.height / 2
        mask.paste(255, (round(x), round(y)), turned)
    pen.text((size / 2, size / 2), heart, 255, font=_font(round(size * 0.08)), anchor="mm")
    return mask


def _font(size: int) -> Any:
    """DejaVu where the system has it; else Pillow's own (which lacks Cyrillic, harmless in a stamp)."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def _times(first: Image, second: Image) -> Image:
    from PIL import ImageChops

    return ImageChops.multiply(first, second)


def _inked(image: Image, mask: Image, place: tuple[int, int], level: float, rng: np.random.Generator) -> Image:
    """Multiply ink into the page where the mask says so: black print stays black under it."""
    from PIL import Image as Picture
    from PIL import ImageChops

    ink = _INKS[int(rng.integers(len(_INKS)))]
    strength = mask.point(lambda grey: int(grey * (0.35 + 0.6 * level)))
    layer = Picture.new("RGB", image.size, (255, 255, 255))
    layer.paste(ink, place, strength)
    return ImageChops.multiply(image, layer)
