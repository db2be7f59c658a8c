"""Fit and test the confidence curve of a witness: `python -m benchmarks.confidence CACHE [--reader N] [--write]`.

A word is right when the page has it at its place, letter by letter but for case, ё and look-alikes of the other script.
Curves are fitted on seeds below `FIRST_TEST_SEED` and tested on those from it on.
"""

import argparse
import datetime as dt
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import chatvlmllm.trust
from benchmarks.trust_pages import FIRST_TEST_SEED, Case, Looks, cases
from chatvlmllm import routing
from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.reading import Word
from chatvlmllm.trust.confidence import Curve, binned, calibration_error, isotonic
from chatvlmllm.trust.witness import compare

Points = list[tuple[float, bool]]


def points(case: Case, words: Sequence[Word]) -> Points:
    """Own value and rightness of each of the witness's words."""
    comparison = compare(case.text, words)
    found: dict[int, list[bool]] = {}
    for j, owner in enumerate(comparison.owner):
        found.setdefault(owner, []).append(comparison.alignment.seen[j] == 1)
    return [(words[n].confidence or 0.0, all(right)) for n, right in found.items() if words[n].confidence is not None]


def knots(data: Points) -> tuple[tuple[float, float], ...]:
    """The isotonic curve on a grid of fifty groups of equal size, which a page of JSON can hold."""
    curve = Curve("", isotonic(data))
    ordered = sorted(value for value, _ in data)
    grid = sorted({round(ordered[int(n / 50 * (len(ordered) - 1))], 4) for n in range(51)})
    return tuple((value, round(curve(value), 4)) for value in grid)


def main() -> None:
    """Print what the documentation shows; with --write replace the package's data."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cache", type=Path)
    parser.add_argument("--reader", type=int, default=0, help="which witness, counted from 0")
    parser.add_argument("--fit", type=int, default=96)
    parser.add_argument("--test", type=int, default=312)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with Host(Settings(workers=1)) as host:

        def read(count: int, first: int) -> list[Points]:
            return [
                points(case, Looks(case, asked.cache, host).page(asked.reader))
                for case in cases(asked.cache, count, first)
            ]

        fit = [point for page in read(asked.fit, 1) for point in page]
        test = read(asked.test, FIRST_TEST_SEED)
    pages = []
    words = [point for page in test for point in page]
    curve = Curve("", knots(fit))
    after = [(curve(value), right) for value, right in words]
    for page in test:
        if page:
            said = sum(curve(value) for value, _ in page) / len(page)
            pages.append(abs(said - sum(right for _, right in page) / len(page)))
    print(f"fitted on {len(fit)} words, tested on {len(words)} words of {len(test)} pages")
    print(f"ECE before {calibration_error(words):.4f}, after {calibration_error(after):.4f}")
    print(f"page value off by {sum(pages) / len(pages):.4f} on average")
    for name, data in (("own value", words), ("calibrated", after)):
        print(f"\n| {name} | words | said | right |\n| --- | --- | --- | --- |")
        for group in binned(data, 10):
            said, right = (sum(float(pair[n]) for pair in group) / len(group) for n in (0, 1))
            low, high = min(v for v, _ in group), max(v for v, _ in group)
            print(f"| {low:.2f}…{high:.2f} | {len(group)} | {said:.3f} | {right:.3f} |")
    if asked.write:
        today = dt.datetime.now(dt.UTC).date().isoformat()
        entry = {
            "name": f"generated documents {today}",
            "fitted": {
                "words": len(fit),
                "pages": asked.fit,
                "seeds": [1, asked.fit],
                "dpi": 200,
                "presets": ["clean", "scan"],
            },
            "reader": {name: version(name) for name in ("onnxruntime", "tesserocr")},
            "command": f"python -m benchmarks.confidence CACHE --reader {asked.reader} --write",
            "error_after": round(calibration_error(after), 4),
            "knots": [list(knot) for knot in curve.knots],
        }
        target = Path(chatvlmllm.trust.__file__).parent / "calibration.json"
        known = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
        known[routing.witnesses()[asked.reader].key] = entry
        target.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
