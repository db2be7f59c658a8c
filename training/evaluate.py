"""Judges the exported reader: `python training/evaluate.py --papers shared/data/real`.

Draws (once) a fixed test set in fonts that the training did not see: 1000 clean and 1000 degraded lines, and reports
character error rates by quality, alphabet, font class and degradation, the confusion of look-alike letters of two
scripts in words whose script is clear, and the calibration error of the confidences. With `--papers` it also measures
real papers against Tesseract, page-wise and on the same crops. The report is JSON and a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from charset import NATIONAL
from generate import draw_shards
from papers import Score, measure
from rapidfuzz.distance import Levenshtein
from train import Line, stored

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from chatvlmllm.page.read import LineReader, LineReading

WORK = Path(__file__).parent / "work"
SETS = {"clean": 21, "degraded": 22}
TEST_LINES = 1000
ALIKE = dict(zip("АВЕКМНОРСТХУасеорхуіІјЈѕЅһҺ", "ABEKMHOPCTXYaceopxyiIjJsShH", strict=True))
"""Cyrillic letters and the Latin letters that print the same."""
CYRILLIC = set("".join(NATIONAL.values()) + "".join(NATIONAL.values()).upper())
CLEAR = {c for c in CYRILLIC if c not in ALIKE}, set("bdfgklmnqrtuvwzDFGLNQRUVWZ")
log = logging.getLogger("training.evaluate")


def test_lines(quality: str) -> list[Line]:
    """The fixed test lines of a quality."""
    folder = WORK / f"test_{quality}"
    draw_shards(folder, TEST_LINES, SETS[quality], held_out=True, quality=quality, processes=1)
    return [line for shard in stored(folder, range(TEST_LINES // 1000)) for line in shard]


def read_all(reader: LineReader, lines: list[Line]) -> list[LineReading]:
    """Readings of stored lines."""
    return reader.read([np.repeat(line.pixels[:, :, None], 3, 2) for line in lines])


def rates(lines: list[Line], readings: list[LineReading], keys: Iterable[str]) -> dict[str, dict[str, float]]:
    """Error rate in percent by each value of each key."""
    edits: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for line, reading in zip(lines, readings, strict=True):
        truth = line.about["text"]
        distance = Levenshtein.distance(truth, reading.text)
        for key in keys:
            for value in line.about[key].split("+"):
                entry = edits[key][value]
                entry[0] += distance
                entry[1] += len(truth)
    return {k: {v: round(100 * e / n, 2) for v, (e, n) in sorted(g.items())} for k, g in edits.items()}


def look_alikes(lines: list[Line], readings: list[LineReading]) -> dict[str, Any]:
    """Share (percent) of words with a clear script in which a letter was taken for its twin of the other script."""
    seen: dict[str, int] = defaultdict(int)
    wrong: dict[str, int] = defaultdict(int)
    twins = {**ALIKE, **{v: k for k, v in ALIKE.items()}}
    for line, reading in zip(lines, readings, strict=True):
        truth, said = line.about["text"], reading.text
        swapped = {op.src_pos: said[op.dest_pos] for op in Levenshtein.editops(truth, said) if op.tag == "replace"}
        place = 0
        for word in truth.split(" "):
            letters = set(word)
            clear = len(word) > 2 and any(letters & unique for unique in CLEAR) and line.about["alphabet"] != "marks"
            for letter in letters & set(twins) if clear else ():
                places = [place + i for i, c in enumerate(word) if c == letter]
                seen[letter] += 1
                wrong[letter] += any(swapped.get(p) == twins[letter] for p in places)
            place += len(word) + 1
    shares = {f"{k}→{twins[k]}": round(100 * wrong[k] / n, 2) for k, n in seen.items() if n >= 50 and wrong[k]}
    total = round(100 * sum(wrong.values()) / max(1, sum(seen.values())), 3)
    return {"all": total, "worst": dict(sorted(shares.items(), key=lambda item: -item[1])[:6])}


def outcomes(lines: list[Line], readings: list[LineReading]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each character read and whether it is right (aligned with the truth)."""
    confidences, right = [], []
    for line, reading in zip(lines, readings, strict=True):
        bad = {op.dest_pos for op in Levenshtein.editops(line.about["text"], reading.text) if op.tag != "delete"}
        confidences += [c.confidence for c in reading.characters]
        right += [i not in bad for i in range(len(reading.characters))]
    return np.array(confidences), np.array(right, float)


def calibration_error(confidences: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error in percent (Guo et al., ICML 2017), equal-width bins."""
    which = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = [abs(confidences[which == b].sum() - right[which == b].sum()) for b in range(bins)]
    return float(100 * sum(gaps) / max(1, len(right)))


def generated(reader: LineReader) -> dict[str, Any]:
    """All figures on generated lines."""
    report: dict[str, Any] = {}
    every: list[Line] = []
    said: list[LineReading] = []
    for quality in SETS:
        lines = test_lines(quality)
        start = time.perf_counter()
        readings = read_all(reader, lines)
        seconds = time.perf_counter() - start
        keys = ("quality", "alphabet", "class") + (("done",) if quality == "degraded" else ())
        report[quality] = rates(lines, readings, keys)
        report[quality]["lines per second"] = round(len(lines) / seconds, 1)
        every, said = every + lines, said + readings
    report["look-alikes"] = look_alikes(every, said)
    report["calibration error"] = round(calibration_error(*outcomes(every, said)), 2)
    return report


def table(rows: list[tuple[str, str, dict[str, Score]]]) -> str:
    """The papers as a Markdown table with means."""
    names = [n for n in rows[0][2] if n != "detector"]
    out = [
        "| paper | kind | " + " | ".join(f"{n}: CER, recall, s" for n in names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    for name, kind, scores in rows:
        cells = [f"{scores[n].cer:.3f}, {scores[n].recall:.3f}, {scores[n].seconds:.1f}" for n in names]
        out.append(f"| {Path(name).stem} | {kind} | " + " | ".join(cells) + " |")
    for kinds in (("scan", "print", "photo"), ("scan",), ("print",), ("photo",)):
        chosen = [s for _, k, s in rows if k in kinds]
        means = [
            [float(np.mean([getattr(s[n], f) for s in chosen])) for f in ("cer", "recall", "seconds")] for n in names
        ]
        out.append(
            f"| mean of {len(chosen)} | {', '.join(kinds)} | "
            + " | ".join("{:.3f}, {:.3f}, {:.1f}".format(*m) for m in means)
            + " |"
        )
    return "\n".join(out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=Path, help="folder of real papers with truth beside them")
    parser.add_argument("--no-crops", action="store_true", help="leave out Tesseract on the same crops")
    parser.add_argument("--no-generated", action="store_true")
    parser.add_argument("--no-tesseract", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    reader = LineReader(options.threads)
    if not options.no_generated:
        log.info("generated: %s", json.dumps(generated(reader), ensure_ascii=False, indent=1))
    if options.papers:
        rows = measure(options.papers, reader, with_crops=not (options.no_crops or options.no_tesseract),
                       with_pages=not options.no_tesseract)  # fmt: skip
        log.info("papers:\n%s", table(rows))


if __name__ == "__main__":
    main()
