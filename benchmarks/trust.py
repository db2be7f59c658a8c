"""What the trust checks find and how often they cry wolf: `python -m benchmarks.trust CACHE [--pages 320]`.

Each generated page is judged as it is (any reason for `unsupported` is a false alarm) and once with each fault planted
in its true text. A fault counts as found when the page's verdict is no longer ok for a reason of that fault, and for an
altered digit only if that very number is named; it counts as marked when its place bears any mark. What the engine
reads is kept in CACHE, so that a run can be resumed. `--real FOLDER` measures false alarms on real scans with their
truth as the answer; `--overhead` the wall time that the witness adds to a scripted model of three seconds a page.
"""

import argparse
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from PIL import Image

from benchmarks.blank import sheet
from benchmarks.faults import FAULTS, INVENTIONS, Planted, plant
from benchmarks.scripted import Scripted, scripted_host
from benchmarks.trust_pages import FIRST_TEST_SEED, PRESETS, Case, cases
from chatvlmllm import hearing, open_document, routing
from chatvlmllm.config import Settings
from chatvlmllm.decode.loops import find_loop
from chatvlmllm.engines.host import Host
from chatvlmllm.geometry import Box, Size
from chatvlmllm.pipeline import read_pages
from chatvlmllm.reading import Doubt, Evidence, Verdict, Word
from chatvlmllm.run import Hear, Options
from chatvlmllm.trust.blank import measure
from chatvlmllm.trust.examine import examine
from chatvlmllm.trust.looks import Look
from chatvlmllm.trust.scripts import suspicious

LANGUAGES = ("rus", "eng")
#: The reason that a fault has to raise.
REASON = {"digit": "numbers_differ", "sentence": "text_unsupported", "line": "text_missing"}


class Looks:
    """The witness's closer looks at one page, each asked once and kept in a file beside the page."""

    def __init__(self, case: Case, folder: Path, host: Host) -> None:
        self._case, self._host = case, host
        self._file = folder / f"{case.name}.looks"
        self._known: dict[str, list[list[object]]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._image: Image.Image | None = None
        self.count = 0

    def __call__(self, look: Look) -> Sequence[Word]:
        name = f"{look.region} {look.languages} {look.scale} {look.layout}"
        self.count += 1
        if name not in self._known:
            self._image = self._image or self._case.image
            words = hearing.look_at(self._image, routing.witness(), look, self._host)
            self._known[name] = [[w.text, *asdict(w.box).values(), w.confidence] for w in words]
        return [Word(str(t), Box(*map(float, box)), c) for t, *box, c in self._known[name]]  # type: ignore[arg-type]

    def save(self) -> None:
        self._file.write_text(json.dumps(self._known, ensure_ascii=False))


def judged(case: Case, text: str, looks: Looks) -> Evidence:
    """What the witness and the script guard say of `text` as the answer to this page."""
    evidence = examine(text, case.witness.words, case.witness.size, LANGUAGES, looks)
    doubts, repairs = suspicious(text)
    return replace(evidence, doubts=(*evidence.doubts, *doubts), repairs=repairs)


def found(planted: Planted, evidence: Evidence) -> bool:
    """Whether the fault was found, for the right reason."""
    if planted.fault == "loop":
        return find_loop(planted.text) is not None
    if planted.fault == "lookalike":
        return any(d.code == "mixed_script" and d.start == planted.start for d in evidence.doubts)
    named = [d for d in evidence.doubts if d.code.endswith("_differs") and d.code != "word_differs"]
    place = planted.fault != "digit" or any(covers(d, planted) for d in named)
    return place and any(reason.code == REASON[planted.fault] for reason in evidence.reasons)


def covers(doubt: Doubt, planted: Planted) -> bool:
    return doubt.start <= planted.end and planted.start <= doubt.end


def generated(folder: Path, count: int, first_seed: int, cached: bool = False) -> tuple[Counter[str], Counter[str]]:
    """Counts by fault and preset, and what clean pages are accused of; `cached` leaves out pages not judged before."""
    counts, accused = Counter[str](), Counter[str]()
    with Host(Settings(workers=1)) as host:
        for case in cases(folder, count, first_seed):
            if cached and not (folder / f"{case.name}.looks").exists():
                continue
            looks = Looks(case, folder, host)
            evidence = judged(case, case.text, looks)
            counts[f"{case.preset} pages"] += 1
            counts[f"{case.preset} alarms"] += bool(evidence.reasons)
            counts[f"{case.preset} marks"] += sum(d.code != "word_differs" for d in evidence.doubts)
            counts[f"{case.preset} numbers"] += int(evidence.measures["numbers"])
            accused.update(f"{case.preset} {reason.code}" for reason in evidence.reasons)
            for fault in FAULTS:
                planted = plant(case.lines, fault, case.name)
                if planted is not None:
                    evidence = judged(case, planted.text, looks)
                    counts[f"{fault} {case.preset} planted"] += 1
                    counts[f"{fault} {case.preset} found"] += found(planted, evidence)
                    counts[f"{fault} {case.preset} marked"] += any(covers(d, planted) for d in evidence.doubts)
                    if fault == "lookalike":
                        start = planted.start
                        true = case.text[planted.start : planted.end]
                        offered = [r.repaired for r in evidence.repairs if r.start == start]
                        counts[f"repair {case.preset} right"] += offered == [true]
                        counts[f"repair {case.preset} wrong"] += bool(offered) and offered != [true]
            looks.save()
    return counts, accused


def blanks(count: int) -> tuple[int, int]:
    """Invented text on blank sheets: how many are stopped before a model is asked, how many after by the witness."""
    before = after = 0
    with Host(Settings(workers=1)) as host:
        for seed in range(10_000, 10_000 + count):
            page = sheet(seed, text=False)
            if measure(page).blank:
                before += 1
                continue

            def ask(look: Look, page: Image.Image = page) -> Sequence[Word]:
                return hearing.look_at(page, routing.witness(), look, host)

            whole = Look(Box(0, 0, *page.size), LANGUAGES, layout="page")
            invented = "\n".join(INVENTIONS[:5])
            after += bool(examine(invented, ask(whole), Size(*page.size), LANGUAGES, ask).reasons)
    return before, after


def table(counts: Counter[str], accused: Counter[str]) -> Iterator[str]:
    """The result as Markdown."""
    yield "| fault | pages | planted | found | recall | marked |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for fault in FAULTS:
        for preset in (*PRESETS, "all"):
            chosen = PRESETS if preset == "all" else (preset,)
            planted, hits, marks = (
                sum(counts[f"{fault} {one} {what}"] for one in chosen) for what in ("planted", "found", "marked")
            )
            share = f"{hits / planted:.1%} | {marks / planted:.1%}" if planted else "— | —"
            yield f"| {fault} | {preset} | {planted} | {hits} | {share} |"
    yield ""
    yield "| pages without a fault | pages | false alarms | share | doubtful places a page |"
    yield "| --- | --- | --- | --- | --- |"
    for preset in (*PRESETS, "all"):
        chosen = PRESETS if preset == "all" else (preset,)
        pages, alarms, marks = (sum(counts[f"{one} {what}"] for one in chosen) for what in ("pages", "alarms", "marks"))
        yield f"| {preset} | {pages} | {alarms} | {alarms / pages:.1%} | {marks / pages:.2f} |"
    yield ""
    yield "accused of: " + (", ".join(f"{name} {n}" for name, n in sorted(accused.items())) or "nothing")
    right, wrong = (sum(counts[f"repair {one} {what}"] for one in PRESETS) for what in ("right", "wrong"))
    yield f"look-alike repairs offered: {right} right, {wrong} wrong"


def real(folder: Path) -> Iterator[str]:
    """False alarms on real scans whose truth is taken for the model's answer; texts are neither kept nor printed."""
    yield "| folder | pages | false alarms | numbers | text not seen | text missing |"
    yield "| --- | --- | --- | --- | --- | --- |"
    total = Counter[str]()
    with Host(Settings(workers=1)) as host:
        for group in sorted(path for path in folder.iterdir() if path.is_dir()):
            counts = Counter[str]()
            for truth in sorted(group.glob("*.gt.txt")):
                evidence = _real_page(truth, host)
                if evidence is not None:
                    counts["pages"] += 1
                    counts["alarms"] += bool(evidence.reasons)
                    counts.update(reason.code for reason in evidence.reasons)
            if counts["pages"]:
                yield _real_row(group.name, counts)
            total += counts
    yield _real_row("all", total)


def _real_row(name: str, counts: Counter[str]) -> str:
    reasons = " | ".join(str(counts[code]) for code in REASON.values())
    return f"| {name} | {counts['pages']} | {counts['alarms']} ({counts['alarms'] / counts['pages']:.0%}) | {reasons} |"


def _real_page(truth: Path, host: Host) -> Evidence | None:
    name = truth.name.removesuffix(".gt.txt")
    picture = next((file for file in truth.parent.glob(f"{name}*") if file.suffix in _PICTURES), None)
    if picture is None:
        return None
    with open_document(picture) as document:
        if len(document) != 1:
            return None
        image = next(document.pages()).image()
    whole = Look(Box(0, 0, *image.size), LANGUAGES, layout="page")

    def ask(look: Look) -> Sequence[Word]:
        return hearing.look_at(image, routing.witness(), look, host)

    return examine(truth.read_text(encoding="utf-8"), ask(whole), Size(*image.size), LANGUAGES, ask)


_PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".pdf", ".bmp")


def overhead(folder: Path, count: int, seconds: float) -> Iterator[str]:
    """Wall time per page with and without the witness, pages one after the other, as behind one GPU."""
    chosen = list(cases(folder, count, FIRST_TEST_SEED))
    times: dict[Hear, list[float]] = {Hear.OFF: [], Hear.AUTO: []}
    verdicts = Counter[Verdict]()
    for case in chosen:
        for hear, measured in times.items():
            with open_document(case.picture) as document, scripted_host(Scripted(case.text, seconds)) as host:
                started = time.perf_counter()
                options = Options(Scripted.key, languages=LANGUAGES, witness=hear)
                ((_, reading),) = read_pages(document.pages(), options, host)
                measured.append(time.perf_counter() - started)
            verdicts[reading.verdict] += hear is Hear.AUTO
    off, on = (statistics.mean(times[hear]) for hear in (Hear.OFF, Hear.AUTO))
    added = [b - a for a, b in zip(times[Hear.OFF], times[Hear.AUTO], strict=True)]
    yield f"{count} pages, a scripted model of {seconds:g} s a page on one core: {off:.2f} s without the witness, "
    yield f"{on:.2f} s with it: {on / off - 1:+.1%} on average, {statistics.median(added):+.2f} s in the median"
    yield "verdicts: " + ", ".join(f"{verdict} {n}" for verdict, n in verdicts.items())


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--pages", type=int, default=320)
    parser.add_argument("--blanks", type=int, default=60)
    parser.add_argument("--fitting", action="store_true", help="use the pages that the thresholds were fitted on")
    parser.add_argument("--cached", action="store_true", help="only pages that an earlier run has judged")
    parser.add_argument("--real", type=Path)
    parser.add_argument("--overhead", type=int, metavar="PAGES")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    if asked.real:
        print("\n".join(real(asked.real)))
    elif asked.overhead:
        print("\n".join(overhead(asked.cache, asked.overhead, 3.0)))
    else:
        first = 1 if asked.fitting else FIRST_TEST_SEED
        print("\n".join(table(*generated(asked.cache, asked.pages, first, asked.cached))))
        if asked.blanks:
            before, after = blanks(asked.blanks)
            print(
                f"invented text on {asked.blanks} blank sheets: {before} never reached a model, {after} refuted after"
            )


if __name__ == "__main__":
    main()
