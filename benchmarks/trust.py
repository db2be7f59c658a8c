"""What the trust checks find and how often they cry wolf: `python -m benchmarks.trust CACHE [--pages 312]`.

Each generated page is judged as it is (any reason for `unsupported` is a false alarm) and once with each fault planted.
Its text stands for a model's answer twice: as it truly is, and with the liberties that models take (`noise`). A fault
counts as found when the page's verdict is no longer ok for a reason of that fault, and for an altered digit only if
that very number is named; it counts as marked when its place bears any mark. What the witnesses read is kept in CACHE,
so that a run can be resumed. `--roc` prints the table over thresholds on the pages that they were fitted on,
`--blanks N` what becomes of invented text on blank sheets, `--write` replaces the tables in docs/trust.md.
"""

import argparse
import datetime as dt
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from benchmarks.blank import sheet
from benchmarks.faults import FAULTS, INVENTIONS, Planted, plant
from benchmarks.noise import said
from benchmarks.trust_pages import FIRST_TEST_SEED, LANGUAGES, PRESETS, Case, Looks, cases
from chatvlmllm import hearing, routing
from chatvlmllm.config import Settings
from chatvlmllm.decode.loops import find_loop
from chatvlmllm.engines.host import Host
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Doubt, Evidence, Word
from chatvlmllm.trust.blank import measure
from chatvlmllm.trust.examine import examine
from chatvlmllm.trust.looks import Look
from chatvlmllm.trust.scripts import suspicious
from chatvlmllm.trust.thresholds import FITTED, Thresholds

DOCS = Path(__file__).parents[1] / "docs" / "trust.md"
#: The reason that a fault has to raise.
REASON = {"digit": "numbers_differ", "sentence": "text_unsupported", "line": "text_missing"}
VOICES = ("exact", "model")
FITTING_PAGES = 96


def judged(case: Case, text: str, looks: Looks, bar: Thresholds = FITTED) -> Evidence:
    """What the witnesses and the script guard say of `text` as the answer to this page."""
    evidence = examine(text, looks.page(), case.size, LANGUAGES, looks, bar)
    doubts, repairs = suspicious(text)
    return replace(evidence, doubts=(*evidence.doubts, *doubts), repairs=repairs)


def found(planted: Planted, evidence: Evidence) -> bool:
    """Whether the fault was found, for the right reason."""
    if planted.fault == "lookalike":
        return any(d.code == "mixed_script" and d.start == planted.start for d in evidence.doubts)
    named = [d for d in evidence.doubts if d.code.endswith("_differs") and d.code != "word_differs"]
    place = planted.fault != "digit" or any(covers(d, planted) for d in named)
    return place and any(reason.code == REASON[planted.fault] for reason in evidence.reasons)


def covers(doubt: Doubt, planted: Planted) -> bool:
    return doubt.start <= planted.end and planted.start <= doubt.end


def voiced(case: Case, voice: str) -> Sequence[Sequence[str]]:
    """The lines of a page as they truly are, or as a model says them."""
    return case.lines if voice == "exact" else said(case.lines, case.name)


def generated(
    folder: Path, count: int, first_seed: int, faults: Sequence[str] = FAULTS, bar: Thresholds = FITTED
) -> Counter[tuple[str, ...]]:
    """Counts by voice, preset, fault and what happened."""
    counts = Counter[tuple[str, ...]]()
    with Host(Settings(workers=1)) as host:
        for case in cases(folder, count, first_seed):
            looks = Looks(case, folder, host)
            for voice in VOICES:
                key = (voice, case.preset)
                lines = voiced(case, voice)
                _clean(counts, key, judged(case, "\n".join(map(" ".join, lines)), looks, bar))
                for fault in faults:
                    planted = plant(lines, fault, case.name)
                    if planted is not None:
                        _faulty(counts, (*key, fault), planted, case, looks, bar)
    return counts


def _clean(counts: Counter[tuple[str, ...]], key: tuple[str, str], evidence: Evidence) -> None:
    counts[*key, "pages"] += 1
    counts[*key, "alarms"] += bool(evidence.reasons)
    counts[*key, "marks"] += sum(d.code != "word_differs" for d in evidence.doubts)
    for reason in evidence.reasons:
        counts[*key, reason.code] += 1


def _faulty(
    counts: Counter[tuple[str, ...]],
    key: tuple[str, str, str],
    planted: Planted,
    case: Case,
    looks: Looks,
    bar: Thresholds,
) -> None:
    counts[*key, "planted"] += 1
    if planted.fault == "loop":
        counts[*key, "found"] += find_loop(planted.text) is not None
        return
    evidence = judged(case, planted.text, looks, bar)
    counts[*key, "found"] += found(planted, evidence)
    counts[*key, "marked"] += any(covers(d, planted) for d in evidence.doubts)
    if planted.fault == "lookalike":
        offered = [r.repaired for r in evidence.repairs if r.start == planted.start]
        counts[*key, "right"] += offered == [planted.true]
        counts[*key, "wrong"] += bool(offered) and offered != [planted.true]


def table(counts: Counter[tuple[str, ...]]) -> Iterator[str]:
    """The result as Markdown."""

    def total(*rest: str, voice: str, presets: Sequence[str] = PRESETS) -> int:
        return sum(counts[voice, preset, *rest] for preset in presets)

    yield "| answer | fault | planted | found | recall | clean print | scans | place marked |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for voice in VOICES:
        for fault in FAULTS:
            row = [f"{total(fault, 'found', voice=voice)}"]
            row += [
                share(*(total(fault, what, voice=voice, presets=presets) for what in ("found", "planted")))
                for presets in (PRESETS, *((preset,) for preset in PRESETS))
            ]
            marks = share(total(fault, "marked", voice=voice), total(fault, "planted", voice=voice))
            marked = marks if fault not in ("line", "loop") else "—"
            yield f"| {voice} | {fault} | {total(fault, 'planted', voice=voice)} | {' | '.join(row)} | {marked} |"
    yield ""
    yield "| answer | pages without a fault | false alarms | share | clean print | scans | accused of | marks a page |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for voice in VOICES:
        pages, alarms, marks = (total(what, voice=voice) for what in ("pages", "alarms", "marks"))
        each = " | ".join(
            share(*(total(what, voice=voice, presets=(preset,)) for what in ("alarms", "pages"))) for preset in PRESETS
        )
        accused = [f"{code} {n}" for code in REASON.values() if (n := total(code, voice=voice))]
        said = ", ".join(accused) or "—"
        yield f"| {voice} | {pages} | {alarms} | {share(alarms, pages)} | {each} | {said} | {marks / pages:.2f} |"
    yield ""
    right, wrong = (sum(total("lookalike", what, voice=voice) for voice in VOICES) for what in ("right", "wrong"))
    yield f"Look-alike repairs offered: {right} right, {wrong} wrong."


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "—"


#: What is tried, one threshold at a time; the others stay as they are.
TRIED: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "agreeing": ("digit", "numbers_differ", (1, 2, 3)),
    "alone": ("digit", "numbers_differ", (0.5, 0.9, 0.95, 1.01)),
    "invented": ("sentence", "text_unsupported", (8, 12, 16, 24, 32, 40, 48)),
    "missing": ("line", "text_missing", (6, 8, 10, 12, 16, 20)),
    "sure": ("line", "text_missing", (0.0, 0.5, 0.8, 0.9, 0.95)),
}


def roc(folder: Path) -> Iterator[str]:
    """Recall and false alarms of one reason by its threshold, on the fitting pages, both kinds of answers together."""
    yield "| threshold | value | fault | recall | pages falsely accused of it |"
    yield "| --- | --- | --- | --- | --- |"
    for name, (fault, reason, values) in TRIED.items():
        for value in values:
            counts = generated(folder, FITTING_PAGES, 1, (fault,), replace(FITTED, **{name: value}))

            def total(*rest: str, counts: Counter[tuple[str, ...]] = counts) -> int:
                return sum(n for key, n in counts.items() if key[2:] == rest)

            used = " (used)" if value == getattr(FITTED, name) else ""
            recall = share(total(fault, "found"), total(fault, "planted"))
            yield f"| `{name}` | {value:g}{used} | {fault} | {recall} | {share(total(reason), total('pages'))} |"


def blanks(count: int) -> Iterator[str]:
    """Invented text on blank sheets: how many are stopped before a model is asked, how many after by the witness."""
    before = after = 0
    invented = "\n".join(INVENTIONS[:5])
    with Host(Settings(workers=1)) as host:
        for seed in range(10_000, 10_000 + count):
            page = sheet(seed, text=False)
            if measure(page).blank:
                before += 1
                continue

            def ask(look: Look, page: Image.Image = page) -> Sequence[Word]:
                return hearing.look_at(page, routing.witnesses(), look, host)

            size = Size(*page.size)
            words = ask(hearing.first_look(size, LANGUAGES))
            after += bool(examine(invented, words, size, LANGUAGES, ask).reasons)
    yield "| blank sheets | no model was asked | invented text refuted by the witness | believed |"
    yield "| --- | --- | --- | --- |"
    yield f"| {count} | {before} ({before / count:.1%}) | {after} | {count - before - after} |"


def write(name: str, lines: Sequence[str]) -> None:
    """Replace one generated part of the page in docs."""
    page = DOCS.read_text(encoding="utf-8")
    opening, closing = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, _, rest = page.partition(opening)
    _, found, tail = rest.partition(closing)
    if not found:
        raise LookupError(name)
    DOCS.write_text(f"{head}{opening}\n{chr(10).join(lines)}\n{closing}{tail}", encoding="utf-8")


def headed(command: str, lines: Iterator[str]) -> list[str]:
    """The lines under the date and the command that made them."""
    return [f"{dt.datetime.now(dt.UTC).date().isoformat()}, `python -m {command}`:", "", *lines]


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--pages", type=int, default=312)
    parser.add_argument("--blanks", type=int, default=0)
    parser.add_argument("--roc", action="store_true", help="use the pages that the thresholds were fitted on")
    parser.add_argument("--write", action="store_true", help="replace the table in docs/trust.md")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    if asked.blanks:
        name, lines = "blanks", headed(f"benchmarks.trust CACHE --blanks {asked.blanks}", blanks(asked.blanks))
    elif asked.roc:
        name, lines = "roc", headed("benchmarks.trust CACHE --roc", roc(asked.cache))
    else:
        counts = generated(asked.cache, asked.pages, FIRST_TEST_SEED)
        name, lines = "faults", headed(f"benchmarks.trust CACHE --pages {asked.pages}", table(counts))
    sys.stdout.write("\n".join(lines) + "\n")
    if asked.write:
        write(name, lines)


if __name__ == "__main__":
    main()
