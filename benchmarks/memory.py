"""Does a process that reads page after page keep its memory? A thousand small pages of many sizes, one reader.

    python benchmarks/memory.py [PAGES]

Pages are pieces of drawn, scanned and photographed papers, of a size that differs from page to page, because equal ones
would hide what a growing buffer costs. Prints resident memory (MB) along the way, the growth between a tenth and the
end, and pages per second.
"""

import os
import sys
import time
from collections.abc import Iterator

os.environ["OMP_THREAD_LIMIT"] = "1"

import numpy as np
import psutil
from PIL import Image

from chatvlmllm.bench import specimens
from chatvlmllm.bench.degrade import degrade
from chatvlmllm.config import Settings
from chatvlmllm.exchange import Request, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models import find

KINDS = ("act", "invoice")
SPOILED = ("clean", "scan", "photo", "bad_scan")


def pages(count: int) -> Iterator[Image.Image]:
    """Pieces of a few drawn papers, each of another scale, place and size."""
    drawn = [
        degrade(specimens.raster(specimens.make(kind, 5000 + n), dpi=72), spoiled, n)[0]
        for n, kind in enumerate(KINDS)
        for spoiled in SPOILED
    ]
    dice = np.random.default_rng(11)
    for number in range(count):
        page = drawn[number % len(drawn)]
        scale = dice.uniform(0.8, 1.2)
        sized = page.resize((int(page.width * scale), int(page.height * scale)))
        width, height = int(sized.width * dice.uniform(0.35, 0.6)), int(sized.height * dice.uniform(0.08, 0.2))
        left, top = int(dice.integers(sized.width - width)), int(dice.integers(sized.height // 2))
        yield sized.crop((left, top, left + width, top + height))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    marks = sorted({max(1, count * share // 100) for share in (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)})
    reader = find("embedded").runtimes["embedded"].load(Settings())  # type: ignore[union-attr]
    process, started, resident, text = psutil.Process(), time.perf_counter(), dict[int, float](), 0
    for number, image in enumerate(pages(count), 1):
        size = Size(*image.size)
        request = Request(model="embedded", task=Task.TEXT, page=size, region=whole(size), image=image)
        text += sum(len(part) for part in reader.read(request))
        if number in marks:
            resident[number] = process.memory_info().rss / 1e6
            sys.stdout.write(f"{number:>6} pages {resident[number]:>8.0f} MB\n")
            sys.stdout.flush()
    reader.close()
    tenth = marks[2] if len(marks) > 2 else marks[0]
    grown = resident[count] - resident[tenth]
    rate = count / (time.perf_counter() - started)
    sys.stdout.write(
        f"from page {tenth} to {count}: {grown:+.0f} MB; {rate:.2f} pages/s; {text} characters of records\n"
    )


if __name__ == "__main__":
    main()
