"""What is to be read and where its results go. Pure."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatvlmllm.errors import BadPageRange, PageOutOfRange
from chatvlmllm.run import Options

#: Inclusive page numbers from 1; None is an open end.
Range = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for: these files, these pages of each (none means all), in this way."""

    files: tuple[Path, ...]
    ranges: tuple[Range, ...]
    options: Options


_RANGE = re.compile(r"(\d{1,9})?(-)?(\d{1,9})?")


def parse_pages(text: str) -> tuple[Range, ...]:
    """`1-3,7,10-` as ranges; raises BadPageRange."""
    ranges = []
    for part in text.replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        if not match or not part or part == "-":
            raise BadPageRange(text=text)
        first = int(match[1] or 1)
        last = int(match[3]) if match[3] else (None if match[2] else first)
        if first < 1 or (last is not None and last < first):
            raise BadPageRange(text=text)
        ranges.append((first, last))
    return tuple(ranges)


def select(ranges: Sequence[Range], name: str, pages: int) -> list[int]:
    """The page numbers that `ranges` mean in a document of `pages` pages, each once; raises PageOutOfRange."""
    if not ranges:
        return list(range(1, pages + 1))
    for first, last in ranges:
        wrong = first if first > pages else last if last is not None and last > pages else None
        if wrong is not None:
            raise PageOutOfRange(name=name, page=wrong, pages=pages)
    return list(dict.fromkeys(n for first, last in ranges for n in range(first, (last or pages) + 1)))


def output_stems(files: Sequence[Path]) -> list[str]:
    """A distinct name without extension for every input: its stem, or more of its name where stems collide."""
    stems = Counter(file.stem.lower() for file in files)
    taken: Counter[str] = Counter()
    names = []
    for file in files:
        name = file.stem if stems[file.stem.lower()] == 1 else file.name
        taken[name.lower()] += 1
        names.append(name if taken[name.lower()] == 1 else f"{name}-{taken[name.lower()]}")
    return names
