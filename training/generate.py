"""Draws lines into shards on disk: `python training/generate.py --count 100000 --out training/work/train`.

Line i of a seed is the same on every run and in every process, so an interrupted run goes on where it stopped (a shard
that exists is not drawn again) and shards may be drawn in any order. A shard is three files: `NNNNN.npy` (pixels, all
lines end to end, columns first: ΣW × 48 uint8), `NNNNN.widths.npy`, `NNNNN.json` (text, alphabet, face, what was done).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import random
import time
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from draw import Dice, line
from fonts import Face, FontBook, faces
from numpy.typing import NDArray
from texts import Texts

SHARD = 1000
WIDEST = 1440
"""Lines that come out wider (pixels at height 48) are drawn anew with half the text."""
CLEAN_SHARE = 0.25
WORK = Path(__file__).parent / "work"
log = logging.getLogger("training.generate")


class Lines:
    """The endless list of lines of one seed: `lines[i]`."""

    def __init__(self, seed: int, *, held_out: bool, quality: str = "mixed") -> None:
        self.seed, self.quality = seed, quality
        self.texts = Texts()
        self.book = FontBook(faces(WORK / "fonts.json"), held_out=held_out)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], dict[str, str]]:
        key = int.from_bytes(hashlib.sha256(f"{self.seed}:{index}".encode()).digest()[:8], "big")
        rng = random.Random(key)
        dice = Dice(rng, np.random.default_rng(key))
        quality = self.quality
        if quality == "mixed":
            quality = "clean" if rng.random() < CLEAN_SHARE else "degraded"
        kind, text, face = self._text(rng)
        neighbours = [self.texts.draw(rng)[1] if rng.random() < 0.5 else "" for _ in range(2)]
        pixels, done = line(dice, face, text, neighbours, quality)
        while pixels.shape[1] > WIDEST:
            text = " ".join(text.split()[: max(1, len(text.split()) // 2)])[:40]
            pixels, done = line(dice, face, text, neighbours, quality)
        about = {"text": text, "alphabet": kind, "face": f"{face.family} {face.style}", "class": face.kind}
        return pixels, {**about, "quality": quality, "done": done}

    def _text(self, rng: random.Random) -> tuple[str, str, Face]:
        while True:
            kind, text = self.texts.draw(rng)
            face = self.book.pick(rng, text) if text else None
            if face:
                return kind, text, face


def _draw_shard(job: tuple[int, int, bool, str, str]) -> None:
    seed, number, held_out, quality, out = job
    cv2.setNumThreads(1)
    base = Path(out) / f"{number:05}"
    if base.with_suffix(".json").exists():
        return
    global _lines  # noqa: PLW0603 - loading the dictionaries takes seconds, once per process
    if _lines is None or (_lines.seed, _lines.quality) != (seed, quality):
        _lines = Lines(seed, held_out=held_out, quality=quality)
    drawn = [_lines[number * SHARD + i] for i in range(SHARD)]
    np.save(base.with_suffix(".npy"), np.concatenate([p.T for p, _ in drawn]))
    np.save(base.with_suffix(".widths.npy"), np.array([p.shape[1] for p, _ in drawn], np.int32))
    base.with_suffix(".json").write_text(json.dumps([a for _, a in drawn], ensure_ascii=False), "utf-8")


_lines: Lines | None = None


def draw_shards(out: Path, count: int, seed: int, *, held_out: bool, quality: str, processes: int) -> None:
    """Draw all missing shards of `count` lines."""
    out.mkdir(parents=True, exist_ok=True)
    jobs = [(seed, n, held_out, quality, str(out)) for n in range((count + SHARD - 1) // SHARD)]
    faces(WORK / "fonts.json")
    start = time.time()
    with get_context("fork").Pool(processes) as pool:
        for done, _ in enumerate(pool.imap(_draw_shard, jobs), 1):
            if done % 10 == 0:
                log.info("%d of %d shards, %.0f s", done, len(jobs), time.time() - start)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", action="store_true", help="use the fonts that are kept for the test")
    parser.add_argument("--quality", choices=("clean", "degraded", "mixed"), default="mixed")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    draw_shards(options.out, options.count, options.seed, held_out=options.held_out, quality=options.quality,
                processes=options.processes)  # fmt: skip


if __name__ == "__main__":
    main()
