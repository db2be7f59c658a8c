"""Pages per minute on every core: this package, OCRmyPDF and plain Tesseract on the same scanned PDF, in one run.

    python benchmarks/pages_per_minute.py [--pages 8] [--rounds 3] [--preset balanced]

Needs Debian's ocrmypdf and tesseract-ocr-rus. The PDF holds drawn office papers, spoiled as a scanner does, at 200 dpi.
The programs take turns, so that whatever else the machine does hits all alike; medians of the ratios round by round are
printed, by the clock and by processor seconds (which other work does not touch). Plain Tesseract gets the pages as a
list of pictures, once as it comes (OpenMP threads) and once as a process a core.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from chatvlmllm.bench import specimens
from chatvlmllm.bench.degrade import degrade

KINDS = ("contract", "act", "technical_spec", "protocol", "estimate", "invoice", "tender_notice", "simple")


def scans(count: int) -> list[Image.Image]:
    made = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        made.append(degrade(specimens.raster(specimens.make(kind, 9000 + number)), "scan", number)[0].convert("L"))
    return made


def programs(folder: Path, preset: str, cores: int) -> dict[str, list[str]]:
    """Each program as a shell line that reads the whole file."""
    scan, listed = folder / "scan.pdf", folder / "list.txt"
    ours = f"{sys.executable} -m chatvlmllm recognize {scan} --model embedded --option preset={preset} --output"
    single = f"OMP_THREAD_LIMIT=1 xargs -P {cores} -I@ tesseract @ @ -l rus+eng"
    lines = {
        "chatvlmllm": f"{ours} {folder}/out --format txt",
        "ocrmypdf": f"ocrmypdf -l rus+eng --force-ocr --jobs {cores} {scan} {folder}/o.pdf",
        "tesseract": f"tesseract {listed} {folder}/t -l rus+eng",
        f"tesseract × {cores}": f"{single} < {listed}",
    }
    return {name: ["sh", "-c", line] for name, line in lines.items()}


def timed(command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds by the clock and of processors."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", default="balanced")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    environment = {name: value for name, value in os.environ.items() if name != "OMP_THREAD_LIMIT"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = scans(options.pages)
        images[0].save(folder / "scan.pdf", save_all=True, append_images=images[1:], resolution=200)
        files = [folder / f"page{number}.png" for number in range(len(images))]
        for file, image in zip(files, images, strict=True):
            image.save(file, dpi=(200, 200))
        (folder / "list.txt").write_text("".join(f"{file}\n" for file in files))
        commands = programs(folder, options.preset, cores)
        spent = [{name: timed(line, environment) for name, line in commands.items()} for _ in range(options.rounds)]
    for name in commands:
        wall, processor = (statistics.median(rounds[name][k] for rounds in spent) for k in (0, 1))
        ratios = [statistics.median(rounds[name][k] / rounds["chatvlmllm"][k] for rounds in spent) for k in (0, 1)]
        pace = 60 * options.pages / wall
        sys.stdout.write(
            f"{name:<14} {pace:6.1f} pages/min, {processor / options.pages:5.2f} processor s a page; "
            f"chatvlmllm is × {ratios[0]:.2f} as fast by the clock, × {ratios[1]:.2f} by processor seconds\n"
        )


if __name__ == "__main__":
    main()
