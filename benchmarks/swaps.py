"""How often a batch swaps models: 200 pages over three models in random order, then in two stages, by the real pool.

    python benchmarks/swaps.py [PAGES]

The servers are the fault program of the tests in its good mood, so that a start costs a fraction of a second; what is
counted is the pool's. First the rule alone, without waiting for anything, over a thousand orders.
"""

import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conftest import encoded, picture
from tests.engines.rig import host, request, settings
from tests.engines.test_policy import served

from chatvlmllm import open_document
from chatvlmllm.config import Gpu
from chatvlmllm.models import find
from chatvlmllm.pipeline import read_pages
from chatvlmllm.run import Hear, Options

MODELS = ("qwen_vl_2b", "qwen3_vl_2b", "dots_ocr")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def rule(pages: int) -> None:
    fairness = Gpu().fairness
    swaps, waits = [], []
    for seed in range(1000):
        order = random.Random(seed).choices("abc", k=pages)
        done, count = served(order, fairness)
        swaps.append(count)
        waits.append(
            max(sum(1 for other in done[:place] if other.number > t.number) for place, t in enumerate(done))
            if seed < 50
            else 0
        )
    naive = sum(a != b for a, b in pairwise(order))
    say(f"rule alone, 1000 orders of {pages} pages over 3 models, fairness {fairness}:")
    say(f"  swaps: at most {max(swaps)}, on average {sum(swaps) / len(swaps):.1f} (in order of arrival: {naive})")
    say(f"  later pages served before a page: at most {max(waits)} (bound {2 * fairness})")


def pool(pages: int) -> None:
    order = random.Random(1).choices(MODELS, k=pages)
    places: list[int] = []

    def read(number: int) -> str:
        with owner.ensure(find(order[number])) as engine:
            *_, reply = engine.stream(request(order[number]))
        places.append(number)
        return str(reply.served)

    with tempfile.TemporaryDirectory() as folder:
        owner = host(settings(Path(folder)), dict.fromkeys(MODELS, ()))
        with owner:
            begun = time.perf_counter()
            with ThreadPoolExecutor(pages) as threads:
                said = list(threads.map(read, range(pages)))
            seconds = time.perf_counter() - begun
            assert said == order
            say(f"the pool, {pages} pages waiting at once: {owner.swaps - 1} swaps, {seconds:.1f} s, all pages read")
            assert owner.swaps - 1 <= 8


def stages(pages: int) -> None:
    """Each page is drafted by one model and read by another: one swap, however many pages there are."""
    first, second = MODELS[:2]
    shown = [picture(str(number), size=(280, 140)) for number in range(pages)]
    scans = open_document(encoded(shown[0], "TIFF", save_all=True, append_images=shown[1:]))
    options = Options(second, draft=first, witness=Hear.OFF)
    with tempfile.TemporaryDirectory() as folder:
        owner = host(settings(Path(folder)), dict.fromkeys(MODELS, ()))
        with owner:
            begun = time.perf_counter()
            read = [reading for _, reading in read_pages(scans.pages(), options, owner)]
            seconds = time.perf_counter() - begun
            assert [(one.answered, one.draft and one.draft.served) for one in read] == [(second, first)] * pages
            say(f"two stages, {pages} pages: {owner.swaps - 1} swap(s), {seconds:.1f} s, every page read by both")
            assert owner.swaps - 1 == 1


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rule(wanted)
    pool(wanted)
    stages(wanted)
