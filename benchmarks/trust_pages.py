"""Generated pages with what the embedded engine reads on them, cached so that a benchmark can be resumed.

A case is a band of at most `MOST_WORDS` words of a specimen (the whole page where it is that small), clean or spoiled
like a scan. Fitting uses seeds below `FIRST_TEST_SEED`, testing those from it on, so no page is in both.
"""

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from PIL import Image

from chatvlmllm import recognize
from chatvlmllm.bench.degrade import degrade
from chatvlmllm.bench.specimens import KINDS, make, raster
from chatvlmllm.bench.truth import PageTruth, rescaled
from chatvlmllm.bench.truth import Word as TrueWord
from chatvlmllm.config import Settings
from chatvlmllm.reading import Reading
from chatvlmllm.run import reading_from_json, to_json

MOST_WORDS = 110
FIRST_TEST_SEED = 7000
DPI = 200.0
PRESETS = ("clean", "scan")


@dataclass(frozen=True)
class Case:
    """One page: its picture (PNG), the words that are truly on it, line by line, and the witness's reading."""

    name: str
    preset: str
    picture: bytes
    lines: tuple[tuple[str, ...], ...]
    witness: Reading

    @property
    def text(self) -> str:
        return "\n".join(" ".join(line) for line in self.lines)

    @property
    def image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.picture)).convert("RGB")


def cases(folder: Path, count: int, first_seed: int) -> Iterator[Case]:
    """`count` cases, every kind of document in turn; what is in `folder` already is not read again."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        preset = PRESETS[(number // len(KINDS)) % len(PRESETS)]
        yield _case(folder, kind, first_seed + number, preset)


def _case(folder: Path, kind: str, seed: int, preset: str) -> Case:
    name = f"{kind}-{seed}-{preset}"
    path = folder / f"{name}.json"
    if not path.exists():
        picture, lines = _draw(kind, seed, preset)
        # One page at a time and one thread a page: the times are those of one core.
        (reading,) = recognize(picture, "tesseract", settings=Settings(workers=1))
        record = {"lines": lines, "witness": json.loads(to_json(reading))}
        (folder / f"{name}.png").write_bytes(picture)
        path.with_suffix(".part").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        path.with_suffix(".part").replace(path)
    record = json.loads(path.read_text(encoding="utf-8"))
    reading = reading_from_json(json.dumps(record["witness"]))
    lines = tuple(tuple(line) for line in record["lines"])
    return Case(name, preset, (folder / f"{name}.png").read_bytes(), lines, reading)


def _draw(kind: str, seed: int, preset: str) -> tuple[bytes, list[list[str]]]:
    specimen = make(kind, seed)
    page = rescaled(specimen.pages[0], DPI)
    top, bottom = _band(page)
    words = [word for word in page.words if top <= (word.box[1] + word.box[3]) / 2 < bottom]
    image = raster(specimen, 0, DPI)
    image = image.crop((0, round(top), image.width, round(min(bottom, image.height))))
    image, _ = degrade(image, preset, seed)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue(), _lines(words)


def _band(page: PageTruth) -> tuple[float, float]:
    """From the top of the page to the last gap between rows above which at most `MOST_WORDS` words stand."""
    rows = sorted(page.words, key=lambda word: word.box[1])
    if len(rows) <= MOST_WORDS:
        return 0.0, page.height
    lowest = 0.0
    cut = page.height
    for number, word in enumerate(rows):
        if number and word.box[1] > lowest + 3:
            if number > MOST_WORDS:
                break
            cut = (lowest + word.box[1]) / 2
        lowest = max(lowest, word.box[3])
    return 0.0, cut


def _lines(words: Sequence[TrueWord]) -> list[list[str]]:
    return [[word.text for word in line] for _, line in groupby(words, key=lambda word: word.line)]


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="read generated pages into the cache")
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--test", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    for number, case in enumerate(cases(asked.folder, asked.count, FIRST_TEST_SEED if asked.test else 1), start=1):
        print(number, case.name, len(case.witness.words), round(case.witness.seconds["total"], 1), flush=True)
