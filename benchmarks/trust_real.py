"""False alarms on real scans: `python -m benchmarks.trust_real FOLDER [--write]`.

The truth beside each scan (`NAME.gt.txt`) is taken for a model's answer; the witness is the embedded reader, as always.
Truths leave out stamps, notes, logos and turned text, or hold only a part of the page: that counts as missing text
here, though the accusation is true. Figures only: no text is kept or printed.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.trust import REASON, headed, share, write
from benchmarks.trust_pages import LANGUAGES
from chatvlmllm import hearing, open_document, routing
from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Evidence, Word
from chatvlmllm.trust.examine import examine
from chatvlmllm.trust.looks import Look

_PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".pdf", ".bmp")


def real(folder: Path) -> Iterator[str]:
    """A row a folder, then all."""
    yield "| folder | pages | called unsupported | numbers differ | text not seen | text missing | numbers compared |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    total = Counter[str]()
    with Host(Settings(workers=1)) as host:
        for group in sorted(path for path in folder.iterdir() if path.is_dir()):
            counts = Counter[str]()
            for truth in sorted(group.glob("*.gt.txt")):
                evidence = _page(truth, host)
                if evidence is not None:
                    counts["pages"] += 1
                    counts["alarms"] += bool(evidence.reasons)
                    counts["numbers"] += round(evidence.measures["numbers"])
                    counts["differ"] += round(evidence.measures["numbers_differ"])
                    counts.update(reason.code for reason in evidence.reasons)
            if counts["pages"]:
                yield _row(group.name, counts)
            total += counts
    yield _row("all", total)


def _row(name: str, counts: Counter[str]) -> str:
    reasons = " | ".join(str(counts[code]) for code in REASON.values())
    alarms = f"{counts['alarms']} ({share(counts['alarms'], counts['pages'])})"
    return f"| {name} | {counts['pages']} | {alarms} | {reasons} | {counts['differ']} of {counts['numbers']} |"


def _page(truth: Path, host: Host) -> Evidence | None:
    """What the witnesses say of one truth; None where its scan is not one page."""
    name = truth.name.removesuffix(".gt.txt")
    picture = next((file for file in sorted(truth.parent.glob(f"{name}*")) if file.suffix in _PICTURES), None)
    if picture is None:
        return None
    with open_document(picture) as document:
        if len(document) != 1:
            return None
        image = next(document.pages()).image()
    size = Size(*image.size)

    def ask(look: Look) -> Sequence[Word]:
        return hearing.look_at(image, routing.witnesses(), look, host)

    return examine(truth.read_text(encoding="utf-8"), ask(hearing.first_look(size, LANGUAGES)), size, LANGUAGES, ask)


def main() -> None:
    """Read the command line, measure, print."""
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    lines = headed("benchmarks.trust_real FOLDER", real(Path(sys.argv[1])))
    sys.stdout.write("\n".join(lines) + "\n")
    if "--write" in sys.argv:
        write("real", lines)


if __name__ == "__main__":
    main()
