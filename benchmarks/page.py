"""How well and how fast the embedded engine reads real papers, beside Tesseract; and what each of its steps buys.

    python benchmarks/page.py PAPERS                     # the table of readers
    python benchmarks/page.py PAPERS --ablation          # and one line per step left out
    python benchmarks/page.py PAPERS --generated 8       # and drawn pages: CER by degradation, TEDS of their tables

PAPERS is a folder with `<file>.gt.txt` (and `<file>.table.html`) beside each image or PDF. Character error rate (CER)
is the edit distance after whitespace is normalised, divided by the length of the truth; recall is that of its words as
a bag. Seconds are processor seconds of one thread, so that a busy machine does not count. PDFs are drawn at 200 dpi.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import mean
from typing import Any

os.environ["OMP_THREAD_LIMIT"] = "1"

import numpy as np
import pypdfium2
from PIL import Image
from rapidfuzz.distance import Levenshtein

from chatvlmllm.config import Settings
from chatvlmllm.decode import records, tsv
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.page.detect import Detector
from chatvlmllm.page.tesseract import Tesseract
from chatvlmllm.page.understand import PRESETS, Steps, Understanding
from chatvlmllm.page.witnesses import available
from chatvlmllm.reading import Block, Cell, Table

SUFFIXES = {".pdf", ".png", ".jpg", ".jpeg", ".tif"}

Reads = Callable[[Image.Image], tuple[str, tuple[Block, ...]]]


@dataclass(frozen=True)
class Paper:
    name: str
    image: Image.Image
    truth: str
    table: str | None = None


@dataclass(frozen=True)
class Row:
    cer: float
    recall: float
    seconds: float
    blocks: tuple[Block, ...] = ()


def papers(root: Path) -> Iterator[Paper]:
    for file in sorted(root.rglob("*")):
        truth = file.with_name(file.name + ".gt.txt")
        if file.suffix.lower() in SUFFIXES and truth.exists():
            table = file.with_name(file.name + ".table.html")
            name = f"{file.parent.name}/{file.name}"
            yield Paper(name, picture(file), truth.read_text(), table.read_text() if table.exists() else None)


def picture(file: Path) -> Image.Image:
    if file.suffix.lower() == ".pdf":
        return pypdfium2.PdfDocument(file)[0].render(scale=200 / 72).to_pil().convert("RGB")
    return Image.open(file).convert("RGB")


def normal(text: str) -> str:
    return " ".join(text.split())


def measure(paper: Paper, read: Reads) -> Row:
    before = _seconds()
    text, blocks = read(paper.image)
    spent = _seconds() - before
    truth, said = normal(paper.truth), normal(text)
    wanted, found = Counter(truth.split()), Counter(said.split())
    recall = sum((wanted & found).values()) / max(1, wanted.total())
    return Row(Levenshtein.distance(truth, said) / max(1, len(truth)), recall, spent, blocks)


def _seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def plain_tesseract(image: Image.Image) -> tuple[str, tuple[Block, ...]]:
    with tempfile.NamedTemporaryFile(suffix=".bmp") as file:
        image.save(file.name)
        command = ["tesseract", file.name, "-", "-l", "rus+eng"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout, ()


def tesseract_model(reader: Tesseract) -> Reads:
    def read(image: Image.Image) -> tuple[str, tuple[Block, ...]]:
        size = Size(*image.size)
        request = Request(model="tesseract", task=Task.TEXT, page=size, region=whole(size), image=image)
        blocks = tsv.decode(_reply("".join(reader.read(request))), request).blocks
        return "\n".join(block.text for block in blocks), blocks

    return read


def embedded(reader: Understanding, steps: Steps) -> Reads:
    def read(image: Image.Image) -> tuple[str, tuple[Block, ...]]:
        found = reader.read(np.asarray(image), steps)
        size = Size(*image.size)
        request = Request(model="embedded", task=Task.TEXT, page=size, region=whole(size), image=image)
        said = "".join(records.encode_block(number, part.block, part.cells) for number, part in enumerate(found))
        blocks = records.decode(_reply(said), request).blocks
        return "\n".join(block.text for block in blocks), blocks

    return read


def _reply(text: str) -> Reply:
    return Reply(text=text, stop=Stop.END, model="embedded", engine="embedded", device="cpu")


def html(table: Table) -> str:
    rows = []
    for number in range(table.rows):
        cells = [
            f'<td rowspan="{c.rows}" colspan="{c.columns}">{" ".join(c.text.split())}</td>'
            for c in table.cells
            if c.row == number
        ]
        rows.append("<tr>" + "".join(cells) + "</tr>")
    return "<table>" + "".join(rows) + "</table>"


def table_score(truth: str, blocks: Sequence[Block]) -> float:
    """Mean TEDS over the truth's tables, each with the best of the page's tables."""
    from chatvlmllm.bench.metrics.table import teds

    wanted = [part + "</table>" for part in truth.split("</table>") if "<table" in part]
    found = [html(block.table) for block in blocks if block.table is not None]
    scores = [max((teds(one, other).value or 0.0 for other in found), default=0.0) for one in wanted]
    return mean(scores)


def generated(count: int) -> Iterator[Paper]:
    """Drawn pages with tables and without, spoiled in turn by every preset."""
    from chatvlmllm.bench import specimens
    from chatvlmllm.bench.degrade import PRESETS as SPOILED
    from chatvlmllm.bench.degrade import degrade

    kinds = ("act", "contract", "invoice", "estimate", "payment_order", "technical_spec", "table", "tender_notice")
    for number in range(count):
        kind = kinds[number % len(kinds)]
        specimen = specimens.make(kind, 1000 + number)
        page = specimen.pages[0]
        tables = "".join(
            html(Table(t.rows, t.columns, tuple(_cell(c) for c in t.cells))) for t in page.tables if t.rows > 1
        )
        for preset in SPOILED:
            image, _ = degrade(specimens.raster(specimen), preset, number)
            yield Paper(f"{preset}/{kind}{number}", image, page.text, tables or None)


def _cell(cell: Any) -> Cell:
    return Cell(cell.row, cell.column, cell.text, cell.row_span, cell.column_span, cell.header)


def show(title: str, found: dict[str, dict[str, Row]]) -> None:
    names = list(next(iter(found.values())))
    print(f"\n## {title}\n\n| paper | " + " | ".join(f"{n}: CER | recall | s" for n in names) + " |")
    print("|---|" + "---|" * (3 * len(names)))
    for paper, rows in found.items():
        cells = (f"{rows[n].cer:.3f} | {rows[n].recall:.3f} | {rows[n].seconds:.2f}" for n in names)
        print(f"| {paper} | " + " | ".join(cells) + " |")
    means = (
        " | ".join(f"{mean(getattr(r[n], key) for r in found.values()):.3f}" for key in ("cer", "recall", "seconds"))
        for n in names
    )
    print("| **mean** | " + " | ".join(means) + " |", flush=True)


def ablation(reader: Understanding, chosen: Sequence[Paper], base: Steps) -> None:
    print("\n## What each step buys\n\n| without | mean CER | change | s/page | change |\n|---|---|---|---|---|")
    whole_rows = [measure(paper, embedded(reader, base)) for paper in chosen]
    cer, seconds = mean(r.cer for r in whole_rows), mean(r.seconds for r in whole_rows)
    print(f"| (everything on) | {cer:.4f} | | {seconds:.2f} | |", flush=True)
    for field in fields(Steps):
        if getattr(base, field.name) is not True:
            continue
        rows = [measure(paper, embedded(reader, replace(base, **{field.name: False}))) for paper in chosen]
        less, faster = mean(r.cer for r in rows), mean(r.seconds for r in rows)
        print(f"| {field.name} | {less:.4f} | {less - cer:+.4f} | {faster:.2f} | {faster - seconds:+.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", type=Path)
    parser.add_argument("--only", default="", help="part of the names to read")
    parser.add_argument("--preset", default="balanced", choices=sorted(PRESETS))
    parser.add_argument("--own", action="store_true", help="without Tesseract as a witness")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--generated", type=int, default=0)
    options = parser.parse_args()
    settings = Settings()
    witnesses = available(settings)
    reader = Understanding(Detector(), witnesses[:1] if options.own else witnesses)
    steps = PRESETS[options.preset]
    readers = {
        "plain tesseract": plain_tesseract,
        "tesseract model": tesseract_model(Tesseract(settings)),
        "embedded": embedded(reader, steps),
    }
    chosen = [paper for paper in papers(options.papers) if options.only in paper.name]
    groups = {"Real papers": chosen, "Drawn pages": list(generated(options.generated))}
    for title, group in groups.items():
        if not group:
            continue
        found = {paper.name: {name: measure(paper, read) for name, read in readers.items()} for paper in group}
        show(title, found)
        tabled = [paper for paper in group if paper.table]
        scores = {paper.name: table_score(paper.table or "", found[paper.name]["embedded"].blocks) for paper in tabled}
        for name, score in scores.items():
            print(f"TEDS {score:.3f} {name}")
        if scores:
            print(f"TEDS mean {mean(scores.values()):.3f}", flush=True)
    if options.ablation:
        ablation(reader, chosen, steps)


if __name__ == "__main__":
    main()
