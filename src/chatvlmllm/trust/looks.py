"""Closer looks: what the witness should read once more before a suspicion becomes a finding. Pure planning.

A recogniser that reads a whole page misreads a digit now and then; it seldom makes the same mistake on the word alone,
and another recogniser seldom makes it too. A look that supports the reading ends the suspicion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.geometry import Box, Size, union, whole
from chatvlmllm.trust.numbers import NumberDiff
from chatvlmllm.trust.thresholds import Thresholds
from chatvlmllm.trust.witness import Comparison, unsupported

#: Numbers of one page that are looked at again; a page with more contradictions than this is not a matter of digits.
MOST_NUMBERS = 16
#: What is shown around a word, in heights of the first witness's boxes, which have room already. More shows neighbours:
#: of 46 numbers read again, 44 came out alike with 0.1 and 37 with 0.3.
_MARGIN = 0.1
#: The other witness reads letters of 25 pixels best and expects paper around a line, in pixels.
_HEIGHT = 44
_PAPER = 10


@dataclass(frozen=True, slots=True)
class Look:
    """Read `region` of the page (page pixels) at `scale` in `languages`, as one line ("line") or as a page ("page").

    `reader` counts the witnesses from 0; `paper` is the white put around a line, in pixels.
    """

    region: Box
    languages: tuple[str, ...]
    scale: float = 1.0
    layout: str = "line"
    reader: int = 0
    paper: int = 0


def number_looks(comparison: Comparison, diff: NumberDiff, size: Size, languages: Sequence[str]) -> tuple[Look, ...]:
    """The looks at the place of a number that the witness contradicts, the most telling first."""
    place = comparison.place(diff.token)
    if not place:
        return ()
    region = around(union([comparison.words[index].box for index in place]), size)
    scale = _HEIGHT / max(1.0, region.height)
    together = tuple(languages)
    tongues = [together] if len(together) == 1 else [together, together[-1:]]
    return (Look(region, together), *(Look(region, chosen, scale, reader=1, paper=_PAPER) for chosen in tongues))


def page_look(comparison: Comparison, size: Size, languages: Sequence[str], bar: Thresholds) -> Look | None:
    """The whole page by the other witness, if invented text is suspected."""
    if all(span.letters < bar.invented for span in unsupported(comparison, bar.sure)):
        return None
    return Look(whole(size), tuple(languages), layout="page", reader=1)


def around(box: Box, size: Size) -> Box:
    """A box with some paper around it, on the page."""
    margin = _MARGIN * box.height
    return Box(box.x1 - margin, box.y1 - margin, box.x2 + margin, box.y2 + margin).clip(size)
