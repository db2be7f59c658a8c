"""The wall time that the second witness adds: `python -m benchmarks.trust_overhead CACHE [PAGES] [SECONDS] [--write]`.

The model is a program of its own that speaks OpenAI's protocol over a socket, takes SECONDS for a page without using
the processor, and says the page's true text, as a model on an accelerator would. Every page is read with and without
the witness, one right after the other, in turns, so that whatever else the machine does hits both alike.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.trust import headed, write
from benchmarks.trust_pages import LANGUAGES, Case, cases
from chatvlmllm import open_document
from chatvlmllm.config import Server, Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.pipeline import read_pages
from chatvlmllm.reading import Reading
from chatvlmllm.run import Hear, Options

PROGRAM = Path(__file__).parents[1] / "tests" / "faults" / "server.py"
MODEL = "qwen_vl_2b"


@contextmanager
def slow_model(case: Case, seconds: float) -> Iterator[str]:
    """The address of a program that says the text of `case` within `seconds`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pace = seconds / max(1, len(case.text.split()))
    arguments = [f"pace={pace}", f"text={case.text}", f"--port={port}", "--served-model-name=slow"]
    process = subprocess.Popen([sys.executable, PROGRAM, *arguments], stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _wait(address: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(address)


def read(case: Case, host: Host, hear: Hear) -> tuple[Reading, float]:
    """One page through the pipeline, and its wall time."""
    options = Options(MODEL, languages=LANGUAGES, witness=hear, fallback=False)
    with open_document(case.picture) as document:
        started = time.perf_counter()
        ((_, reading),) = read_pages(document.pages(), options, host)
        return reading, time.perf_counter() - started


def measure(folder: Path, count: int, seconds: float) -> Iterator[str]:
    """A line a page, then the sum."""
    times: dict[Hear, list[float]] = {Hear.OFF: [], Hear.AUTO: []}
    worked: dict[Hear, list[float]] = {Hear.OFF: [], Hear.AUTO: []}
    loads = []
    with tempfile.TemporaryDirectory() as data:
        for number, case in enumerate(cases(folder, count, 1)):
            with slow_model(case, seconds) as url:
                servers = (Server(url=url, models={MODEL: "slow"}),)
                with Host(Settings(workers=1, data=Path(data), servers=servers)) as host:
                    read(case, host, Hear.AUTO)  # a host lives for thousands of pages and loads its networks once
                    for hear in (Hear.OFF, Hear.AUTO) if number % 2 else (Hear.AUTO, Hear.OFF):
                        before = time.process_time()
                        _, wall = read(case, host, hear)
                        worked[hear].append(time.process_time() - before)
                        times[hear].append(wall)
                    loads.append(os.getloadavg()[0])
            yield f"{case.name}: {times[Hear.OFF][-1]:.2f} s without, {times[Hear.AUTO][-1]:.2f} s with the witness"
    off, on = (sum(times[hear]) for hear in (Hear.OFF, Hear.AUTO))
    middle = statistics.median(b / a - 1 for a, b in zip(times[Hear.OFF], times[Hear.AUTO], strict=True))
    yield f"{count} pages, a model of {seconds:g} s a page, {os.cpu_count()} cores, load {statistics.mean(loads):.1f}"
    spent = (sum(worked[Hear.AUTO]) - sum(worked[Hear.OFF])) / count
    yield f"without {off / count:.2f} s, with {on / count:.2f} s a page: {on / off - 1:+.1%}; median page {middle:+.1%}"
    yield f"work of the witness: {spent:.2f} s of one core a page"


def main() -> None:
    """Read the command line, measure, print."""
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    folder, *rest = (argument for argument in sys.argv[1:] if argument != "--write")
    count, seconds = int(rest[0]) if rest else 24, float(rest[1]) if len(rest) > 1 else 3.0
    lines = []
    for line in measure(Path(folder), count, seconds):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        lines.append(line)
    if "--write" in sys.argv:
        write(
            "overhead",
            headed(f"benchmarks.trust_overhead CACHE {count} {seconds:g}", iter(["; ".join(lines[-3:]) + "."])),
        )


if __name__ == "__main__":
    main()
