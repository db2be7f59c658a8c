"""A server at capacity for some minutes, with every twentieth input poisoned; prints a table.

    python -m benchmarks.soak [--minutes 10] [--clients 6] [--poison 0.05]

Clients send documents whose text is known (PDFs that say a random number, pictures whose reading was made beforehand
by the same reader without a server), at once and as jobs; poisoned ones are damaged files, bombs, wrong wishes, and
clients that leave. Wrong is any answer that differs by one character, and any poison that is not refused with a 4xx.
Lost is a job that was accepted and is not finished in the end. Exits with 1 unless both are zero and memory is flat.
"""

import argparse
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pikepdf
from PIL import Image, ImageDraw, ImageFont
from tests.pdfs import text_pdf

from chatvlmllm.export.text import plain
from chatvlmllm.pipeline import recognize
from chatvlmllm.run import Hear
from chatvlmllm.server.presence import running

#: Memory counts as flat when the last third of the time needs less than so much more than the second one.
_FLAT = 0.10
#: Pictures whose reading is known.
_PICTURES = 12


@dataclass
class Tally:
    """What happened; guarded by `lock`."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    busy: int = 0
    pages: int = 0

    def note(self, kind: str, seconds: float, pages: int, wrong: str = "") -> None:
        """One exchange."""
        with self.lock:
            self.sent[kind] += 1
            self.seconds.append(seconds)
            self.pages += pages
            if wrong:
                self.wrong.append(f"{kind}: {wrong}"[:300])


def numbered(number: int, pages: int) -> tuple[bytes, str]:
    """A PDF whose pages say a number, and the text that has to come back."""
    whole = pikepdf.new()
    for page in range(pages):
        with pikepdf.open(io.BytesIO(text_pdf(f"paper {number}", f"page {page}"))) as one:
            whole.pages.extend(one.pages)
    stream = io.BytesIO()
    whole.save(stream)
    return stream.getvalue(), "\f".join(f"paper {number}\npage {page}\n" for page in range(pages))


def picture(number: int) -> bytes:
    """A scan with a number on it."""
    image = Image.new("L", (900, 300), 245)
    font = ImageFont.load_default(44)
    ImageDraw.Draw(image).text((60, 60), f"Receipt {number}\nTotal {number * 7}.00", fill=20, font=font)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def poisons() -> dict[str, tuple[bytes, dict[str, str]]]:
    """Files and wishes that have to be refused."""
    good, _ = numbered(1, 1)
    packer = zlib.compressobj(9)
    spaces = b"".join([packer.compress(b" " * 1_000_000) for _ in range(1200)] + [packer.flush()])
    pdf = pikepdf.new()
    bomb = pikepdf.Stream(pdf, zlib.compress(spaces, 9))
    bomb.Filter = pikepdf.Array([pikepdf.Name.FlateDecode] * 2)
    pdf.add_blank_page(page_size=(200, 200)).Contents = bomb
    flate = io.BytesIO()
    pdf.save(flate, compress_streams=False)
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(good)) as clear:
        clear.save(locked, encryption=pikepdf.Encryption(user="secret", owner="secret"))
    return {
        "a flate bomb": (flate.getvalue(), {"model": "text_layer"}),
        "a PDF cut in half": (good[: len(good) // 2].replace(b"obj", b"bjo"), {}),
        "a picture cut in half": (picture(1)[:900], {}),
        "random bytes": (os.urandom(5000), {}),
        "nothing": (b"", {}),
        "a locked PDF": (locked.getvalue(), {}),
        "an unknown model": (good, {"model": "none"}),
        "a page that is not there": (good, {"pages": "7"}),
    }


class Soak:
    """Clients against one server until the time is over."""

    def __init__(self, url: str, known: dict[int, tuple[bytes, str]], share: float) -> None:
        self._url, self._known, self._share = url, known, share
        self._poisons = poisons()
        self.tally, self.over = Tally(), threading.Event()

    def client(self, seed: int) -> None:
        """One client: one thing after the other."""
        chance = random.Random(seed)
        with httpx.Client(base_url=self._url, trust_env=False, timeout=300) as http:
            while not self.over.is_set():
                self._once(http, chance)

    def _once(self, http: httpx.Client, chance: random.Random) -> None:
        began = time.perf_counter()
        if chance.random() < self._share:
            kind, do = chance.choice([("poison", self._poisoned)] * 4 + [("client that leaves", self._left)])
        else:
            kinds = [("document", self._document)] * 6 + [("picture", self._picture)] * 2 + [("job", self._job)] * 2
            kind, do = chance.choice(kinds)
        run: Callable[[httpx.Client, random.Random], tuple[int, str]] = do
        try:
            pages, wrong = run(http, chance)
        except httpx.HTTPError as error:
            pages, wrong = 0, repr(error)
        if pages >= 0:
            self.tally.note(kind, time.perf_counter() - began, pages, wrong)

    def _asked(self, http: httpx.Client, name: str, content: bytes, wishes: dict[str, str]) -> httpx.Response | None:
        """The answer, or None when the server has too much to do."""
        answer = http.post("/v1/recognize", files={"files": (name, content)}, data={"format": "txt", **wishes})
        if answer.status_code == 429:
            with self.tally.lock:
                self.tally.busy += 1
            time.sleep(0.5)
            return None
        if "X-Job-Id" in answer.headers:
            with self.tally.lock:
                self.tally.jobs.add(answer.headers["X-Job-Id"])
        return answer

    def _document(self, http: httpx.Client, chance: random.Random) -> tuple[int, str]:
        pages = chance.randint(1, 4)
        content, text = numbered(chance.randrange(10**9), pages)
        answer = self._asked(http, "paper.pdf", content, {})
        if answer is None:
            return -1, ""
        return pages, "" if answer.text == text else f"{answer.status_code} {answer.text[:200]!r}"

    def _picture(self, http: httpx.Client, chance: random.Random) -> tuple[int, str]:
        content, text = self._known[chance.choice(list(self._known))]
        # Bytes after the end of a PNG change nothing but its digest, so that it is read anew.
        answer = self._asked(http, "scan.png", content + os.urandom(8), {"model": "embedded", "witness": "off"})
        if answer is None:
            return -1, ""
        return 1, "" if answer.text == text else f"{answer.status_code} {answer.text[:200]!r} is not {text!r}"

    def _job(self, http: httpx.Client, chance: random.Random) -> tuple[int, str]:
        pages = chance.randint(5, 20)
        content, text = numbered(chance.randrange(10**9), pages)
        answer = http.post("/v1/jobs", files={"files": ("long.pdf", content)})
        if answer.status_code == 429:
            return -1, ""
        job = answer.json()["id"]
        with self.tally.lock:
            self.tally.jobs.add(job)
        told = http.get(f"/v1/jobs/{job}/events").text.count("event: page")
        found = http.get(f"/v1/jobs/{job}/result?format=txt&file=0").text
        return pages, "" if (told, found) == (pages, text) else f"{told} pages told of {pages}: {found[:200]!r}"

    def _poisoned(self, http: httpx.Client, chance: random.Random) -> tuple[int, str]:
        name = chance.choice(list(self._poisons))
        content, wishes = self._poisons[name]
        answer = self._asked(http, "poison.pdf", content, wishes)
        if answer is None:
            return -1, ""
        refused = 400 <= answer.status_code < 500 and answer.json()["error"]["code"] != "internal_error"
        return 0, "" if refused else f"{name}: {answer.status_code} {answer.text[:200]!r}"

    def _left(self, http: httpx.Client, chance: random.Random) -> tuple[int, str]:
        content, _ = numbered(chance.randrange(10**9), 60)
        try:
            http.post("/v1/recognize", files={"files": ("left.pdf", content)}, timeout=0.4)
        except httpx.TimeoutException:
            return 0, ""
        return 0, ""


def memory(process: int) -> int:
    """Bytes that a process holds in memory; those that open files for it come and go, each within its own limit."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The server as its users start it."""
    environ = {**os.environ, "CHATVLMLLM_DATA": str(folder), "CHATVLMLLM_JOBS__FILE_MEMORY_MB": "600"}
    command = [sys.executable, "-m", "chatvlmllm", "serve", "--port", "0"]
    server = subprocess.Popen(command, env=environ, stderr=(folder / "log").open("ab"))
    while (found := running(folder)) is None:
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    return server, found.url


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--poison", type=float, default=0.05)
    asked = parser.parse_args()
    known = {}
    for number in range(1000, 1000 + _PICTURES):
        content = picture(number)
        text = "".join(plain(recognize(content, "embedded", witness=Hear.OFF)))
        known[number] = content, text
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        server, url = start(Path(name))
        try:
            ok = report(asked, soaked(asked, server, Soak(url, known, asked.poison)), url)
        finally:
            server.terminate()
            server.wait(60)
    sys.exit(0 if ok else 1)


def soaked(asked: argparse.Namespace, server: "subprocess.Popen[bytes]", soak: Soak) -> tuple[Tally, list[int]]:
    """Run the clients, and look at the memory now and then."""
    threads = [threading.Thread(target=soak.client, args=(seed,)) for seed in range(asked.clients)]
    for thread in threads:
        thread.start()
    until, seen = time.monotonic() + asked.minutes * 60, []
    while time.monotonic() < until:
        time.sleep(2)
        seen.append(memory(server.pid))
        assert server.poll() is None, "the server ended"
    soak.over.set()
    for thread in threads:
        thread.join()
    return soak.tally, seen


def report(asked: argparse.Namespace, measured: tuple[Tally, list[int]], url: str) -> bool:
    """Print the table; whether everything holds."""
    tally, seen = measured
    states: Counter[str] = Counter()
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        for job in tally.jobs:
            states[http.get(f"/v1/jobs/{job}").json().get("state", "gone")] += 1
    lost = sum(states.values()) - states["finished"]
    third = len(seen) // 3
    middle, last = statistics.median(seen[third : 2 * third]), statistics.median(seen[2 * third :])
    growth, seconds = last / middle - 1, sorted(tally.seconds)
    slow = seconds[int(len(seconds) * 0.95)]
    rows = {
        "minutes, clients": f"{asked.minutes:g}, {asked.clients}",
        **{f"requests: {kind}": count for kind, count in tally.sent.most_common()},
        "refused as too many (429)": tally.busy,
        "pages read": f"{tally.pages} ({tally.pages / asked.minutes / 60:.1f}/s)",
        "seconds a request, median / 95 %": f"{statistics.median(seconds):.2f} / {slow:.2f}",
        "wrong answers": len(tally.wrong),
        "jobs accepted": sum(states.values()),
        "jobs lost": lost,
        "memory, MB: middle / last third": f"{middle / 1e6:.0f} / {last / 1e6:.0f} ({growth:+.1%})",
    }
    for name, value in rows.items():
        print(f"{name:<36} {value}")
    for wrong in tally.wrong[:10]:
        print("  ", wrong)
    return not tally.wrong and not lost and growth < _FLAT


if __name__ == "__main__":
    main()
