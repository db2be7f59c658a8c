"""How well blank pages are told from pages with one short faint line: the ROC of `trust.blank`.

    python -m benchmarks.blank [PAGES]

Blank sheets carry what scanning adds: texture, noise, shadows, borders, punch holes, specks, creases and the print of
the other side. The others carry in addition one line of 2 to 30 letters, 8 to 14 points, in a grey of 90 to 205.
"""

import datetime as dt
import sys
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from chatvlmllm.bench.degrade import Effect, degrade
from chatvlmllm.bench.specimens import make, raster
from chatvlmllm.trust.blank import TEXT_MARKS, Ink, measure

DPI = 150
SIZE = (1240, 1754)
LINES = (
    "Лист 2",
    "стр. 17",
    "— 4 —",
    "Приложение № 3",
    "Продолжение на обороте",
    "от 05.04.2024",
    "Page 2 of 3",
    "копия",
)


def sheet(seed: int, text: bool) -> Image.Image:
    """One scanned sheet by seed."""
    rng = Random(f"{seed}/{text}")
    page = Image.new("RGB", SIZE, (rng.randint(238, 255),) * 3)
    if rng.random() < 0.6:
        page = _other_side(page, rng)
    draw = ImageDraw.Draw(page)
    if text:
        _line(draw, rng)
    for _ in range(rng.randint(0, 60)):
        x, y, size = rng.randrange(SIZE[0]), rng.randrange(SIZE[1]), rng.choice((1, 1, 2, 2, 3))
        draw.ellipse((x, y, x + size, y + size), fill=(rng.randint(40, 160),) * 3)
    effects = [("paper", rng.uniform(0, 0.7)), ("fold", rng.choice((0, 0.4)))]
    effects += [("skew", rng.uniform(0, 0.2)), ("shadow", rng.choice((0, 0, 0.5)))]
    effects += [("blur", rng.uniform(0, 0.3)), ("noise", rng.uniform(0, 0.3)), ("jpeg", rng.uniform(0, 0.4))]
    page, _ = degrade(page, [Effect(name, level) for name, level in effects], seed)
    return _borders(page, rng)


def _other_side(page: Image.Image, rng: Random) -> Image.Image:
    """The back of the sheet shines through: mirrored, blurred, at 2 to 9 per cent."""
    back = raster(make(rng.choice(("simple", "act", "contract")), rng.randrange(50)), 0, DPI).resize(SIZE)
    back = ImageOps.mirror(back).filter(ImageFilter.GaussianBlur(rng.uniform(1.2, 2.5)))
    ghost = Image.blend(Image.new("RGB", SIZE, "white"), back, rng.uniform(0.02, 0.09))
    return Image.fromarray(np.minimum(np.asarray(page), np.asarray(ghost)))


def _line(draw: ImageDraw.ImageDraw, rng: Random) -> None:
    font = ImageFont.truetype("DejaVuSans.ttf", round(rng.uniform(8, 14) * DPI / 72))
    place = (rng.uniform(0.08, 0.6) * SIZE[0], rng.uniform(0.05, 0.93) * SIZE[1])
    draw.text(place, rng.choice(LINES), fill=(rng.randint(90, 205),) * 3, font=font)


def _borders(page: Image.Image, rng: Random) -> Image.Image:
    draw = ImageDraw.Draw(page)
    width, height = page.size
    if rng.random() < 0.5:
        draw.rectangle((0, 0, rng.randint(2, 25), height), fill=(rng.randint(0, 90),) * 3)
    if rng.random() < 0.3:
        draw.rectangle((0, height - rng.randint(2, 20), width, height), fill=(rng.randint(0, 60),) * 3)
    if rng.random() < 0.4:
        for y in (0.37, 0.63):
            x, r = 0.055 * width, 3 * DPI / 25.4
            draw.ellipse((x - r, y * height - r, x + r, y * height + r), fill=(rng.randint(0, 120),) * 3)
    return page


def main(count: int) -> None:
    """Print the ROC over the number of letter-like marks in a row."""
    blank = [measure(sheet(seed, False)) for seed in range(count)]
    text = [measure(sheet(seed, True)) for seed in range(count)]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    print(f"{today}, `python -m benchmarks.blank {count}`: {count} blank sheets, {count} with one short faint line\n")
    print("| marks in a row | blank sheets called blank | sheets with text called blank |")
    print("| --- | --- | --- |")
    for least in range(1, 9):
        print(f"| {least}{' (used)' if least == TEXT_MARKS else ''} | {_share(blank, least)} | {_share(text, least)} |")


def _share(inks: list[Ink], least: int) -> str:
    called = sum(ink.row < least and ink.drawings == 0 for ink in inks)
    return f"{called / len(inks):.1%}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
