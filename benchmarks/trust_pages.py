"""Generated pages with what the witnesses read on them, cached so that a benchmark can be resumed.

A case is a band of at most `MOST_WORDS` words of a specimen (the whole page where it is that small), clean or spoiled
like a scan. Fitting uses seeds below `FIRST_TEST_SEED`, testing those from it on, so no page is in both.
"""

import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from PIL import Image

from chatvlmllm import hearing, routing
from chatvlmllm.bench.degrade import degrade
from chatvlmllm.bench.specimens import KINDS, make, raster
from chatvlmllm.bench.truth import PageTruth, rescaled
from chatvlmllm.bench.truth import Word as TrueWord
from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Word
from chatvlmllm.trust.looks import Look

MOST_WORDS = 110
FIRST_TEST_SEED = 7000
DPI = 200.0
PRESETS = ("clean", "scan")
LANGUAGES = ("rus", "eng")


@dataclass(frozen=True)
class Case:
    """One page: its picture (PNG) and the words that are truly on it, line by line."""

    name: str
    preset: str
    picture: bytes
    lines: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        return "\n".join(" ".join(line) for line in self.lines)

    @property
    def image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.picture)).convert("RGB")

    @property
    def size(self) -> Size:
        return Size(*Image.open(io.BytesIO(self.picture)).size)


class Looks:
    """What the witnesses see of one page, each look asked once and kept in a file beside the page."""

    def __init__(self, case: Case, folder: Path, host: Host) -> None:
        self._case, self._host = case, host
        self._file = folder / f"{case.name}.looks"
        self._known: dict[str, list[list[object]]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._image: Image.Image | None = None
        self.asked: list[Look] = []

    def __call__(self, look: Look) -> Sequence[Word]:
        name = f"{look.region} {look.languages} {look.scale} {look.layout} {look.reader} {look.paper}"
        self.asked.append(look)
        if name not in self._known:
            self._image = self._image or self._case.image
            words = hearing.look_at(self._image, routing.witnesses(), look, self._host)
            self._known[name] = [[w.text, *asdict(w.box).values(), w.confidence] for w in words]
            self._file.with_suffix(".part").write_text(json.dumps(self._known, ensure_ascii=False))
            self._file.with_suffix(".part").replace(self._file)
        return [Word(str(t), Box(*map(float, box)), c) for t, *box, c in self._known[name]]  # type: ignore[arg-type]

    def page(self, reader: int = 0) -> Sequence[Word]:
        """The whole page as one witness reads it."""
        return self(hearing.first_look(self._case.size, LANGUAGES, reader))


def cases(folder: Path, count: int, first_seed: int) -> Iterator[Case]:
    """`count` cases, every kind of document in turn; what is in `folder` already is not drawn again."""
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
        (folder / f"{name}.png").write_bytes(picture)
        path.with_suffix(".part").write_text(json.dumps({"lines": lines}, ensure_ascii=False), encoding="utf-8")
        path.with_suffix(".part").replace(path)
    lines = json.loads(path.read_text(encoding="utf-8"))["lines"]
    return Case(name, preset, (folder / f"{name}.png").read_bytes(), tuple(map(tuple, lines)))


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


def main() -> None:
    """Draw and read the pages ahead of any judging; says how long each took."""
    folder, count, first = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    with Host(Settings(workers=1)) as host:
        for number, case in enumerate(cases(folder, count, first), start=1):
            started = time.process_time()
            words = Looks(case, folder, host).page()
            sys.stdout.write(f"{number} {case.name} {len(words)} words {time.process_time() - started:.1f} s\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
