"""Closer looks: what the witness should read once more before a suspicion becomes a finding. Pure planning.

A recogniser that reads a whole page at once misreads a digit now and then; the same recogniser seldom makes the same
mistake on the word alone, at another size and with another language's habits. A look that supports the reading ends
the suspicion, so that more looks mean fewer false alarms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.geometry import Box, Size, union, whole
from chatvlmllm.trust.numbers import NumberDiff
from chatvlmllm.trust.witness import INVENTED_LETTERS, Comparison, unsupported

#: Numbers of one page that are looked at again; a page with more contradictions than this is not a matter of digits.
MOST_NUMBERS = 16
#: Sizes at which a word is read again, relative to the page. Fitted: docs/trust.md.
SCALES = (1.0, 0.7)
#: What is shown around a word, in heights of the word.
_MARGIN = 0.3
_LEAST_MARGIN = 4.0


@dataclass(frozen=True, slots=True)
class Look:
    """Read `region` of the page (page pixels) at `scale` in `languages`, as one line ("line"), as words
    anywhere ("sparse") or as a page ("page").
    """

    region: Box
    languages: tuple[str, ...]
    scale: float = 1.0
    layout: str = "line"


def number_looks(comparison: Comparison, diff: NumberDiff, size: Size, languages: Sequence[str]) -> tuple[Look, ...]:
    """The looks at the place of a number that the witness contradicts, the most telling first."""
    place = comparison.place(diff.token)
    if not place:
        return ()
    region = around(union([comparison.words[index].box for index in place]), size)
    return tuple(Look(region, chosen, scale) for scale in SCALES for chosen in _tongues(languages))


def page_look(comparison: Comparison, size: Size, languages: Sequence[str]) -> Look | None:
    """The whole page as scattered words, if a run of words is nowhere on it so far."""
    if all(span.letters < INVENTED_LETTERS for span in unsupported(comparison)):
        return None
    return Look(whole(size), tuple(languages), layout="sparse")


def around(box: Box, size: Size) -> Box:
    """A box with some paper around it, on the page."""
    margin = max(_LEAST_MARGIN, _MARGIN * box.height)
    return Box(box.x1 - margin, box.y1 - margin, box.x2 + margin, box.y2 + margin).clip(size)


def _tongues(languages: Sequence[str]) -> list[tuple[str, ...]]:
    """All languages together, then each alone: a language model's habits reach into its digits."""
    together = tuple(languages)
    return [together] if len(together) == 1 else [together, *((language,) for language in reversed(together))]
