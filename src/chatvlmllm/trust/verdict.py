"""The verdict on a page, from how the model stopped and from what the evidence says. Only ok and blank are good news.

The worst applicable verdict wins, in the order of `_ORDER`; every verdict but ok comes with at least one reason.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chatvlmllm.decode.loops import Loop
from chatvlmllm.exchange import Stop
from chatvlmllm.reading import Evidence, Notice, Verdict
from chatvlmllm.trust.lexicon import LEXICON

_ORDER = (
    Verdict.REFUSED,
    Verdict.LOOPED,
    Verdict.TRUNCATED,
    Verdict.UNSUPPORTED,
    Verdict.FELL_BACK,
    Verdict.BLANK,
    Verdict.OK,
)

#: A refusal is short and begins like one; a page that quotes such words is longer or begins otherwise.
_REFUSAL_LENGTH = 600
_REFUSAL = re.compile(r"\W*(?:" + "|".join(map(re.escape, LEXICON["refusals"]["begin"])) + ")", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the answer came about: why it `stop`ped, the `loop` in it, whether it is `empty`, what it says.

    `mended` means that a loop or a cut was repaired and that the second witness misses nothing.
    """

    stop: Stop
    text: str
    loop: Loop | None = None
    empty: bool = False
    fell_back: bool = False
    mended: bool = False


def decide(course: Course, evidence: Evidence) -> tuple[Verdict, tuple[Notice, ...]]:
    """The verdict and all reasons for it."""
    found = dict(_findings(course, evidence))
    verdict = next((verdict for verdict in _ORDER if verdict in found), Verdict.OK)
    return verdict, tuple(notice for verdict in _ORDER for notice in found.get(verdict, ()))


def refuses(text: str) -> bool:
    """Whether the model declined instead of reading."""
    return len(text) <= _REFUSAL_LENGTH and _REFUSAL.match(text) is not None


def _findings(course: Course, evidence: Evidence) -> Iterator[tuple[Verdict, tuple[Notice, ...]]]:
    if refuses(course.text):
        yield Verdict.REFUSED, (Notice("model_refused"),)
    if not course.mended:
        yield from _broken_off(course)
    if evidence.reasons:
        yield Verdict.UNSUPPORTED, evidence.reasons
    if course.fell_back:
        yield Verdict.FELL_BACK, (Notice("fell_back"),)
    if course.empty:
        yield Verdict.BLANK, (Notice("no_text_found"),)


def _broken_off(course: Course) -> Iterator[tuple[Verdict, tuple[Notice, ...]]]:
    """How the answer failed to come to its end."""
    if course.loop is not None:
        yield Verdict.LOOPED, (Notice("loop_found", {"times": course.loop.times, "at": course.loop.start}),)
    elif course.stop is Stop.LOOP:
        yield Verdict.LOOPED, (Notice("loop_stopped"),)
    if course.stop in (Stop.LENGTH, Stop.TIMEOUT, Stop.CANCELLED):
        yield Verdict.TRUNCATED, (Notice(f"stopped_by_{course.stop}"),)
