"""Is the model repeating itself? Watched while it speaks, so that a loop costs seconds and not the whole budget.

A loop is a tail that consists of one unit said over and over, longer than any page would: real pages have dotted
leaders, columns of zeros, empty forms and lists of the same item, so how long it may go on depends on what the unit
is. Only exact repetition counts: a counter that goes up is a table until proven otherwise.
"""

import re
from dataclasses import dataclass

#: Longest unit that is looked for, in characters.
LONGEST_UNIT = 2000
#: A verdict is sought each time this many more characters have come.
STEP = 256

_WINDOW = 12_800
_PROBES = (64, 512, 2000)
_TAGS = re.compile(r"</?(?:td|th|tr|tbody|thead|table)\b[^<>]*>|<(?:[felux]cel|ched|rhed|srow|nl)>|[|&]", re.IGNORECASE)
_ROW_END = re.compile(r"<tr|</tr|<nl>|\n|\\\\", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Loop:
    """`unit` is said `times` times from character `start` of the text on, counted until it was noticed."""

    start: int
    unit: str
    times: int

    @property
    def keep(self) -> int:
        """How much of the text to keep: everything before the loop, and its unit once."""
        return self.start + len(self.unit)


class LoopWatch:
    """Fed with text as it comes; says once when a loop is certain. Chunking does not change the answer."""

    def __init__(self) -> None:
        self._tail = ""
        self._seen = 0
        self._found: Loop | None = None

    def feed(self, text: str) -> Loop | None:
        """The loop that the text so far ends in, if it does; the same one again after that."""
        at = 0
        while self._found is None and at < len(text):
            piece = text[at : at + STEP - self._seen % STEP]
            at += len(piece)
            self._seen += len(piece)
            self._tail += piece
            if self._seen % STEP == 0:
                self._tail = self._tail[-_WINDOW:]
                self._found = _loop(self._tail, self._seen)
        return self._found


def find_loop(text: str) -> Loop | None:
    """The first loop in `text`, as a watch would have seen it."""
    return LoopWatch().feed(text)


def _loop(tail: str, seen: int) -> Loop | None:
    backwards = tail[::-1]
    for probe in _PROBES:
        period = backwards.find(backwards[:probe], 1)
        if 0 < period <= LONGEST_UNIT and len(tail) >= probe:
            run = _run(tail, period)
            if run >= _needed(tail[-period:]):
                start = len(tail) - run
                return Loop(seen - run, tail[start : start + period], run // period)
    return None


def _run(tail: str, period: int) -> int:
    """Length of the longest end of `tail` that repeats with `period`, by bisection over slices."""
    shortest, longest = period, len(tail)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if tail[len(tail) - middle : -period] == tail[len(tail) - middle + period :]:
            shortest = middle
        else:
            longest = middle - 1
    return shortest


def _needed(unit: str) -> int:
    """How many characters of `unit` after `unit` no page would have.

    Figures from what pages do have: leaders and signature lines stay under 250 characters; forms have at most some
    forty equal rows on a page and rows at most a hundred cells; columns repeat a word some fifty times.
    """
    turned = unit * 2  # a loop may be met in the middle of a tag
    if _TAGS.search(turned):
        row = _ROW_END.search(turned)
        return min(max(4000, 40 * len(unit)), 12_000) if row else max(1000, 12 * len(unit))
    if not any(char.isalnum() for char in unit):
        return max(400, 10 * len(unit))
    if len(unit) <= 300:
        return max(600, 10 * len(unit))
    return 3000 + 3 * (len(unit) - 300)
