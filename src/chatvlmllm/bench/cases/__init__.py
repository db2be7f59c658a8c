"""Cases: pages with their truth, from drawn documents, the user's files and published sets.

`gather(["generated:act:2", "my/scans"], Wish(seed=1))`. A source is `generated[:KINDS[:COUNT]]`, or a path: a folder
in the layout of OmniDocBench or olmOCR-bench, a folder of one's own, a PDF with a text layer, a file with its truth
beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path

from chatvlmllm.bench.cases import folder, generated, published
from chatvlmllm.bench.cases.case import Case, Fact, Truth, Wish
from chatvlmllm.bench.cases.recipes import recipe
from chatvlmllm.bench.specimens import KINDS
from chatvlmllm.errors import NothingToMeasure, UnknownData

__all__ = ["Case", "Fact", "Truth", "Wish", "gather"]


def gather(sources: Sequence[str], wish: Wish) -> list[Case]:
    """The cases of all sources, at most `wish.limit`, spread evenly over kinds.

    Raises UnknownData, UnknownDegradation, UnreadableTruth, and NothingToMeasure where no page has a truth.
    """
    for name in wish.degradations:
        recipe(name)
    found = [case for source in sources for case in _of(source, wish)]
    if not found:
        raise NothingToMeasure(data=", ".join(sources))
    return _spread(found, wish.limit)


def _of(source: str, wish: Wish) -> Iterator[Case]:
    name, _, rest = source.partition(":")
    if name == "generated":
        return generated.cases(rest, wish)
    path = Path(source).expanduser()
    if not path.exists():
        raise UnknownData(data=source, known=f"generated:{','.join(KINDS)}")
    layout = published.layout(path) if path.is_dir() else ""
    if layout == "omnidocbench":
        return published.omnidocbench(path)
    return published.olmocr(path) if layout == "olmocr" else folder.cases(path, wish)


def _spread(found: list[Case], limit: int | None) -> list[Case]:
    """The first of every kind, then the second of every kind, and so on up to the limit, in their order."""
    if limit is None or limit >= len(found):
        return found
    kinds = defaultdict(list)
    for case in found:
        kinds[case.kind].append(case)
    turns = chain.from_iterable(zip_longest(*kinds.values()))
    chosen = {case.id for case in [case for case in turns if case is not None][:limit]}
    return [case for case in found if case.id in chosen]
