"""Field accuracy: generated papers clean and degraded, and real papers against their field files.

    python benchmarks/fields.py generated --seeds 2 --model embedded
    python benchmarks/fields.py generated --degraded --model embedded --once --markdown
    python benchmarks/fields.py real FOLDER --save benchmarks/fields_real.json

A field is right when its normalised value is the true one: digits, ISO date, decimal; text without regard to letter
case, quotes, ё and spaces. The saved file holds numbers only.
"""

import argparse
import json
import pickle
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.forms.papers import KINDS, plain, truth

from benchmarks import fields_table
from benchmarks.fields_names import ALIASES, TYPES
from chatvlmllm import fields, forms
from chatvlmllm.bench import specimens
from chatvlmllm.bench.degrade import degrade
from chatvlmllm.config import load
from chatvlmllm.document import Document, Page, open_document
from chatvlmllm.engines.host import Host
from chatvlmllm.forms import mrz
from chatvlmllm.pipeline import read_pages
from chatvlmllm.reading import Reading
from chatvlmllm.run import Options

#: Presets that stand for a degraded paper: an ordinary scan, and a faded one under a stamp, folded and askew.
DEGRADED = ("scan", "bad_scan")
Table = dict[str, list[int]]
#: Checks that a wrong value cannot well pass.
PROOFS = {
    "inn", "ogrn", "snils", "okpo", "iban", "vin", "mrz", "account_key", "correspondent_key", "product", "sum",
    "sum_of_two", "sum_of_three", "difference", "vat_inside", "vat_on_top", "vat_rows", "mean", "amount_in_words",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("generated", "real"))
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--degraded", action="store_true")
    parser.add_argument("--levels", default="", help="presets of `bench.degrade` instead of clean or degraded")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--once", action="store_true", help="generated papers: without second looks at doubtful places")
    parser.add_argument(
        "--keep", type=Path, help="folder that keeps readings, to measure extraction again without reading"
    )
    parser.add_argument("--misses", action="store_true", help="print every wrong field of generated papers")
    parser.add_argument("--markdown", action="store_true", help="generated papers: the tables of docs/fields.md too")
    chosen = parser.parse_args()
    options = Options(chosen.model)
    if chosen.what == "real":
        _real(chosen.folder, options, chosen.save, chosen.keep)
    else:
        levels = chosen.levels.split(",") if chosen.levels else DEGRADED if chosen.degraded else ("clean",)
        tables = {level: _generated(level, chosen, options) for level in levels}
        if chosen.markdown:
            print(*fields_table.markdown(tables), sep="\n")


def _generated(level: str, chosen: argparse.Namespace, options: Options) -> dict[str, Table]:
    """One level: a table for every kind, a row per field."""
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    print(f"== {level}, seeds {seeds.start}…{seeds.stop - 1}, model {options.model}")
    with Host(load()) as host:
        reader = Reader(options, host, chosen.keep)
        tables = {kind: _of_kind(kind, level, seeds, chosen, reader) for kind in chosen.kinds.split(",")}
    total = [sum(row[i] for table in tables.values() for row in table.values()) for i in (0, 1)]
    print(f"{'all':20} {total[0]:5}/{total[1]:<5} {total[0] / max(1, total[1]):6.1%}", flush=True)
    return tables


@dataclass(frozen=True)
class Reader:
    """Who reads, and the folder that keeps readings so that extraction alone can be measured again."""

    options: Options
    host: Host
    keep: Path | None

    def read(self, name: str, document: Document) -> list[tuple[Page, Reading]]:
        """The pages of a paper with their readings."""
        known = self.known(name)
        pages = [page.held() for page in document.pages()]
        readings = known or [reading for _, reading in read_pages(pages, self.options, self.host)]
        if self.keep is not None and known is None:
            (self.keep / f"{name}.pkl").write_bytes(pickle.dumps(readings))
        return list(zip(pages, readings, strict=True))

    def known(self, name: str) -> list[Reading] | None:
        """What was kept of an earlier reading."""
        file = self.keep / f"{name}.pkl" if self.keep else None
        return pickle.loads(file.read_bytes()) if file and file.exists() else None


def _found(kind: str, level: str, seed: int, reader: Reader, *, once: bool) -> tuple[forms.Extraction, int]:
    """The extraction of a generated paper, and how many pages it has."""
    name = f"{level}-{kind}-{seed}"
    known = reader.known(name) if once else None
    if known is not None:
        return forms.extract(known, kind), len(known)
    picture = _pictured(specimens.make(kind, seed), level, seed)
    with open_document(picture, limits=reader.host.settings.limits) as document:
        read = reader.read(name, document)
        if once:
            return forms.extract([reading for _, reading in read], kind), len(read)
        return fields.understood(read, kind, reader.options, reader.host), len(read)


def _of_kind(kind: str, level: str, seeds: range, chosen: argparse.Namespace, reader: Reader) -> Table:
    """The table of one kind, printed: its sum, then the fields that were not always right."""
    table: Table = defaultdict(lambda: [0, 0])
    started, seen, failed, vouched = time.perf_counter(), 0, 0, 0
    for seed in seeds:
        found, pages = _found(kind, level, seed, reader, once=chosen.once)
        failed += sum(check.outcome == "failed" for check in found.checks)
        fields_ = {one.key: one for one in found.every()}
        values = {key: one.value for key, one in fields_.items()}
        for key, true in truth(specimens.make(kind, seed).fields):
            right = plain(values.get(key)) == plain(true)
            vouched += not right and key in fields_ and _proved(fields_[key])
            _count(table, re.sub(r"\[\d+\]", "[]", key), right)
            if chosen.misses and not right:
                print(f"   {kind}/{seed} {key}: {true!r} read as {values.get(key)!r}")
        seen += pages
    right, every = (sum(row[i] for row in table.values()) for i in (0, 1))
    seconds = (time.perf_counter() - started) / max(1, seen)
    said = f"{seconds:5.1f} s/page  failed checks {failed}, wrong but proved {vouched}"
    print(f"{kind:20} {right:5}/{every:<5} {right / every:6.1%}  {said}")
    wrong = {key: row for key, row in table.items() if row[0] < row[1]}
    print("".join(f"    {key}: {row[0]}/{row[1]}\n" for key, row in sorted(wrong.items())), end="", flush=True)
    return table


def _proved(one: forms.Field) -> bool:
    """Whether check digits or sums call a value right; an order of dates and the like prove nothing."""
    outcomes = [check.outcome for check in one.checks if check.code in PROOFS]
    return forms.Outcome.OK in outcomes and forms.Outcome.FAILED not in outcomes


def _count(table: Table, key: str, right: bool) -> None:
    table[key][0] += right
    table[key][1] += 1


def _pictured(paper: specimens.Specimen, level: str, seed: int) -> bytes:
    """The paper as a TIFF of scanned pages at 200 dpi."""
    import io

    pages = [degrade(specimens.raster(paper, index), level, seed)[0] for index in range(len(paper.pages))]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], dpi=(200, 200), compression="tiff_deflate")
    return stream.getvalue()


#: Matches of one field over the real papers: `exact`, `normalised`, `of` how many.
Row = dict[str, int]


def _real(folder: Path, options: Options, save: Path | None, keep: Path | None) -> None:
    """Exact and normalised matches per type and field, and how many types were detected."""
    rows, detected = measured(folder, options, keep)
    for place, row in rows.items():
        print(f"{place:52} exact {row['exact']}/{row['of']}  normalised {row['normalised']}/{row['of']}")
    sums = [sum(row[name] for row in rows.values()) for name in ("exact", "normalised", "of")]
    print(f"exact {sums[0]}/{sums[2]}, normalised {sums[1]}/{sums[2]}, type detected {detected[0]}/{detected[1]}")
    if save is not None:
        save.write_text(json.dumps({"fields": rows, "detected": detected}, indent=1) + "\n", encoding="utf-8")


def measured(folder: Path, options: Options, keep: Path | None = None) -> tuple[dict[str, Row], list[int]]:
    """Matches per `type.field` on the papers of a folder that have a field file; types detected, and of how many."""
    rows, detected = dict[str, Row](), [0, 0]
    with Host(load()) as host:
        _measure(folder, Reader(options, host, keep), rows, detected)
    return dict(sorted(rows.items())), detected


def _measure(folder: Path, reader: Reader, rows: dict[str, Row], detected: list[int]) -> None:
    for path in sorted(folder.rglob("*.fields.json")):
        paper = path.with_name(path.name.removesuffix(".fields.json"))
        form = next((form for word, form in TYPES if word in paper.name), None)
        if form is None:
            continue
        found, auto = _both(paper, form, reader)
        detected[:] = [detected[0] + (auto == form), detected[1] + 1]
        values = {one.key: one for one in found.every()}
        for key, true in _pairs(form, json.loads(path.read_text(encoding="utf-8"))):
            one = values.get(key)
            row = rows.setdefault(form + "." + re.sub(r"\[\d+\]", "[]", key), {"exact": 0, "normalised": 0, "of": 0})
            kind = forms.find(form).rule(key).kind
            row["exact"] += one is not None and true in (one.raw, one.value)
            row["normalised"] += one is not None and plain(one.value) == plain(_normal(kind, true, form))
            row["of"] += 1


def worse(now: Mapping[str, Row], before: Mapping[str, Row]) -> list[str]:
    """Fields with fewer matches than before, or that are measured no more."""
    nothing = {"exact": 0, "normalised": 0, "of": 0}
    return [
        f"{place}: {name} {now.get(place, nothing)[name]}, was {row[name]} of {row['of']}"
        for place, row in before.items()
        for name in ("exact", "normalised", "of")
        if now.get(place, nothing)[name] < row[name]
    ]


def _both(paper: Path, form: str, reader: Reader) -> tuple[forms.Extraction, str]:
    """The extraction as the right type, and the type that would have been detected; pages are read once."""
    with open_document(paper, limits=reader.host.settings.limits) as document:
        read = reader.read(f"real-{paper.name}", document)
        found = fields.understood(read, form, reader.options, reader.host)
        return found, forms.extract([reading for _, reading in read]).form


def _pairs(form: str, data: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """(our key, true text) for every key of a field file that our type has."""
    for alias in ALIASES[form]:
        theirs, _, ours = alias.partition(":")
        ours = ours or theirs
        group, _, column = theirs.partition("[].")
        if not column:
            if data.get(theirs) not in (None, ""):
                yield ours, str(data[theirs])
            continue
        rows = [row for row in data.get(group, []) if column in row]  # type: ignore[attr-defined]
        for index, row in enumerate(rows):
            yield ours.replace("[]", f"[{index}]"), str(row[column])


def _normal(kind: str, true: str, form: str) -> str:
    """A true text in our normal form; parts of a machine readable zone are already bare."""
    if re.fullmatch(r"[A-Z0-9<]{1,14}", true) and form == "foreign_passport":
        if kind in {"date", "birth_date"}:
            return mrz.iso(true, future=kind == "date", this_year=2026) or true
        return true.strip("<")
    from chatvlmllm.forms.kinds import normalise

    return normalise(kind, true, forms.find(form).language) or true


if __name__ == "__main__":
    main()
