"""How fast a batch goes, what memory it takes and how busy it keeps the processors: generated pages, the real command.

    python benchmarks/batch.py [--pages 2000] [--model embedded] [--ray] [--keep FOLDER]

The pages are the shipped sample cut and shifted a little, each with a mark of its own, so that no two are alike. Memory
is that of the command with all its children, taken twice a second; "busy" is their processor time over the time of all
cores between the first and the last page. `--ray` adds the same pages on a cluster of one and of two nodes here.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "src" / "chatvlmllm" / "samples" / "sample.png"
#: What is cut out of the sample: the heading and three paragraphs, seven lines, some 440 letters.
HEIGHT = 460
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def draw(folder: Path, pages: int) -> None:
    """Small variations of one page, as JPEG."""
    from PIL import Image, ImageDraw

    with Image.open(SAMPLE) as opened:
        sample = opened.convert("L")
    folder.mkdir(parents=True)
    for number in range(pages):
        page = sample.crop((0, number % 37, sample.width, HEIGHT))
        ImageDraw.Draw(page).line([(10 + number % 1600, 5), (12 + number % 1600, 5 + number // 1600)], fill=90)
        page.save(folder / f"page{number:05}.jpg", quality=80)


def tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


def measured(root: int) -> tuple[float, float]:
    """Resident memory in MB and processor seconds of a process and all below it."""
    memory = ticks = 0
    for pid in tree(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Own time and that of children which have ended: a cluster's workers come and go.
        ticks += sum(map(int, fields[11:15]))
        memory += int(fields[21]) * _PAGE
    return memory / 1e6, ticks / _TICK


@dataclass
class Watch:
    """Rows of (seconds, pages, MB, processor seconds), taken while a command runs."""

    journal: Path
    rows: list[tuple[float, int, float, float]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def follow(self, root: int) -> None:
        seen = pages = 0
        while not self.over.wait(0.5):
            if self.journal.exists():
                with self.journal.open("rb") as file:
                    file.seek(seen)
                    new = file.read()
                whole = new.rfind(b"\n") + 1
                seen, pages = seen + whole, pages + new[:whole].count(b'"event":"kept"')
            memory, cpu = measured(root)
            self.rows.append((time.perf_counter(), pages, memory, cpu))


def run(source: Path, out: Path, *arguments: str, root: int | None = None) -> tuple[float, Watch]:
    """Read `source`; the seconds in all and what was watched, of `root` or of the command alone."""
    command = [sys.executable, "-m", "chatvlmllm", "batch", str(source), "-o", str(out), "-f", "txt", *arguments]
    watch, begun = Watch(out / ".batch" / "journal.jsonl"), time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    follower = threading.Thread(target=watch.follow, args=(root or process.pid,))
    follower.start()
    _, errors = process.communicate()
    watch.over.set()
    follower.join()
    if process.returncode not in (0, 1):
        raise SystemExit(errors)
    return time.perf_counter() - begun, watch


def report(name: str, pages: int, seconds: float, watch: Watch) -> float:
    """One row of the table; pages a minute."""
    working = [row for row in watch.rows if row[1] > 0]
    first, last = working[0], next((row for row in working if row[1] >= pages), working[-1])
    span = last[0] - first[0] or seconds
    pace = 60 * (last[1] - first[1]) / span
    busy = (last[3] - first[3]) / span / (os.cpu_count() or 1)
    early = max((row[2] for row in working if row[1] <= min(200, pages // 2)), default=first[2])
    late = max(row[2] for row in working if row[0] <= last[0])
    # After the last page the tables are written, for which pyarrow is loaded.
    whole = max(row[2] for row in watch.rows)
    memory = f"{early:.0f} | {late:.0f} | {100 * (late / early - 1):+.0f} % | {whole:.0f}"
    say(f"| {name} | {pages} | {seconds:.0f} | {pace:.1f} | {memory} | {100 * busy:.0f} % |")
    return pace


@contextmanager
def cluster(nodes: int):
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(nodes - 1):
        found.add_node(num_cpus=1)
    try:
        yield found
    finally:
        found.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--keep", type=Path)
    wanted = parser.parse_args()
    with nullcontext(wanted.keep) if wanted.keep else tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        if not source.exists():
            draw(source, wanted.pages)
        model = ("--model", wanted.model)
        say("| how | pages | seconds | pages/min | MB to page 200 | to last | growth | with tables | processors busy |")
        say("|---|---|---|---|---|---|---|---|---|")
        local = report("local", wanted.pages, *run(source, Path(folder) / "local", *model))
        if wanted.ray:
            paces = {}
            for nodes in (1, 2):
                with cluster(nodes) as there:
                    more = (*model, "--engine", "ray", "--address", there.address)
                    taken = run(source, Path(folder) / f"ray{nodes}", *more, root=os.getpid())
                paces[nodes] = report(f"ray, {nodes} node{'s' * (nodes > 1)}", wanted.pages, *taken)
            say(f"Ray from 1 to 2 nodes: ×{paces[2] / paces[1]:.2f}; two nodes against local: ×{paces[2] / local:.2f}")


if __name__ == "__main__":
    main()
