"""Learns what the network's confidences are worth: `python training/calibrate.py` after an export.

Reads 1000 lines drawn for this (held-out fonts, half of them with the test's degradations, another seed than the
test), aligns what was read with the truth, and fits a monotone map from the peak probability of a character to
the share of such characters that are right (isotonic regression by pooling adjacent violators; Zadrozny and Elkan,
KDD 2002). The map goes into `line_reader.json`; the reader interpolates in it.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import numpy as np
from export import TARGET
from generate import draw_shards
from train import stored

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from evaluate import calibration_error, outcomes, read_all

from chatvlmllm.page.read import LineReader

WORK = Path(__file__).parent / "work"
SEED, COUNT = 23, 1000
log = logging.getLogger("training.calibrate")


def isotonic(raw: np.ndarray, right: np.ndarray, knots: int = 40) -> list[list[float]]:
    """Knots (raw, true) of a non-decreasing map, from equally filled bins."""
    order = np.argsort(raw, kind="stable")
    # Most characters sit near 1: bins of equal size there, finer by probability below.
    edges = np.unique(np.concatenate([np.linspace(0, 0.95, 20), np.quantile(raw, np.linspace(0, 1, knots))]))
    which = np.searchsorted(edges, raw[order], side="right")
    blocks = [[raw[order][which == b].mean(), right[order][which == b].mean(), float((which == b).sum())]
              for b in np.unique(which)]  # fmt: skip
    merged: list[list[float]] = []
    for block in blocks:
        merged.append(block)
        while len(merged) > 1 and (merged[-2][1] >= merged[-1][1] or merged[-1][2] < 30):
            (x0, y0, n0), (x1, y1, n1) = merged[-2:]
            total = n0 + n1
            merged[-2:] = [[(x0 * n0 + x1 * n1) / total, (y0 * n0 + y1 * n1) / total, total]]
    xs, ys = [round(b[0], 5) for b in merged], [round(b[1], 5) for b in merged]
    return [[0.0, *xs, 1.0], [0.0, *ys, max(ys)]]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    draw_shards(WORK / "calibrate", COUNT, SEED, held_out=True, quality="mixed", processes=1)
    lines = [line for shard in stored(WORK / "calibrate", range(COUNT // 1000)) for line in shard]
    path = TARGET / "line_reader.json"
    card = json.loads(path.read_text("utf-8"))
    card["calibration"] = [[0.0, 1.0], [0.0, 1.0]]
    path.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
    raw, right = outcomes(lines, read_all(LineReader(options.threads), lines))
    card["calibration"] = isotonic(raw, right)
    path.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
    mapped = np.interp(raw, *card["calibration"])
    log.info(
        "calibration error %.2f %% before, %.2f %% after (same lines)",
        calibration_error(raw, right),
        calibration_error(mapped, right),
    )


if __name__ == "__main__":
    main()
