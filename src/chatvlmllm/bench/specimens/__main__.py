"""Write specimens to files.

`python -m chatvlmllm.bench.specimens sample DIR` writes the sample scan shipped with the package;
`python -m chatvlmllm.bench.specimens KIND SEED DIR [--dpi 200] [--recipe clean|scan|bad_scan|fax|photo]` writes
one document: the PDF, a PNG, a `.gt.txt` for each page, and `.fields.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL.Image import Quantize

from chatvlmllm.bench.degrade import PRESETS, Effect, degrade
from chatvlmllm.bench.specimens import DPI, KINDS, make, raster

SAMPLE_KIND, SAMPLE_SEED, SAMPLE_SPOIL_SEED = "act", 67, 1
SAMPLE_RECIPE = (Effect("stamp", 0.1), Effect("skew", 0.06), Effect("blur", 0.12))


def write_sample(folder: Path) -> None:
    """`sample.png` (64 colours, 200 dpi) and `sample.gt.txt`."""
    specimen = make(SAMPLE_KIND, SAMPLE_SEED)
    picture, _ = degrade(raster(specimen, 0, DPI), SAMPLE_RECIPE, SAMPLE_SPOIL_SEED)
    # few colours keep the file small; the octree keeps the blue of the stamp
    small = picture.quantize(64, Quantize.FASTOCTREE)
    folder.mkdir(parents=True, exist_ok=True)
    small.save(folder / "sample.png", optimize=True, dpi=(DPI, DPI))
    (folder / "sample.gt.txt").write_text(specimen.pages[0].text + "\n", encoding="utf-8")


def write(kind: str, seed: int, folder: Path, dpi: float, recipe: str) -> None:
    """One specimen with its truth beside it."""
    specimen = make(kind, seed)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{kind}-{seed}"
    (folder / f"{stem}.pdf").write_bytes(specimen.pdf)
    for page, truth in enumerate(specimen.pages):
        picture, _ = degrade(raster(specimen, page, dpi), recipe, seed)
        picture.save(folder / f"{stem}-{page + 1}.png", dpi=(dpi, dpi))
        (folder / f"{stem}-{page + 1}.gt.txt").write_text(truth.text + "\n", encoding="utf-8")
    fields = json.dumps(specimen.fields, ensure_ascii=False, indent=1)
    (folder / f"{stem}.fields.json").write_text(fields + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(prog="python -m chatvlmllm.bench.specimens")
    parser.add_argument("kind", choices=("sample", *KINDS))
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dpi", type=float, default=DPI)
    parser.add_argument("--recipe", choices=tuple(PRESETS), default="clean")
    wish = parser.parse_args()
    if wish.kind == "sample":
        write_sample(wish.folder)
    else:
        write(wish.kind, wish.seed, wish.folder, wish.dpi, wish.recipe)


if __name__ == "__main__":
    main()
