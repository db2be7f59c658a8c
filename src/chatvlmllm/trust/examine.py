"""From two readings of one page to evidence: what the witness contradicts, what it never saw, what the reading lacks.

The engine is asked for closer looks through `ask`, only where there is a suspicion; everything else is pure.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from chatvlmllm.geometry import Size
from chatvlmllm.reading import Doubt, Evidence, Notice, Word
from chatvlmllm.trust import numbers
from chatvlmllm.trust.looks import MOST_NUMBERS, Look, number_looks, page_look
from chatvlmllm.trust.numbers import NumberDiff
from chatvlmllm.trust.witness import (
    INVENTED_LETTERS,
    MISSING_LETTERS,
    SUPPORTED,
    Comparison,
    Span,
    compare,
    missing,
    runs,
    unsupported,
)

#: Reads one look; may answer with nothing.
Ask = Callable[[Look], Sequence[Word]]

#: A word that differs from what the witness is this sure of is marked, though it decides nothing.
_SURE = 0.9
#: So many looks, the first included, have to read the same other number.
_AGREEING_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What the looks left of the suspicions about one comparison."""

    differing: tuple[NumberDiff, ...]
    unconfirmed: tuple[NumberDiff, ...]
    invented: tuple[Span, ...]
    lacking: tuple[Span, ...]
    support: tuple[float, ...]


def examine(text: str, words: Sequence[Word], size: Size, languages: Sequence[str], ask: Ask) -> Evidence:
    """Compare `text` with the witness's `words` on a page of `size`, look again where they differ, and say what stands.

    The evidence has reasons only where the reading is contradicted; doubts also where it merely was not confirmed.
    """
    first = compare(text, words)
    look = page_look(first, size, languages)
    second = compare(text, ask(look)) if look else None
    support = tuple(map(max, first.alignment.support, second.alignment.support)) if second else first.alignment.support
    confirmed, unconfirmed = _numbers(first, second, size, languages, ask)
    finding = Finding(
        confirmed,
        unconfirmed,
        tuple(span for span in _still(first, support) if span.letters >= INVENTED_LETTERS),
        tuple(span for span in missing(first) if span.letters >= MISSING_LETTERS),
        support,
    )
    return Evidence(
        reasons=tuple(_reasons(finding)),
        measures=_measures(first, finding),
        doubts=tuple(sorted(_doubts(first, finding), key=lambda doubt: (doubt.start, doubt.end))),
    )


def _numbers(
    first: Comparison, second: Comparison | None, size: Size, languages: Sequence[str], ask: Ask
) -> tuple[tuple[NumberDiff, ...], tuple[NumberDiff, ...]]:
    """Numbers that every look contradicts, and those that no look confirmed or contradicted."""
    confirmed, unconfirmed = [], []
    for count, diff in enumerate(numbers.differing(first)):
        if second and numbers.agrees(first.tokens[diff.token].key, second.alignment.echo[diff.token]):
            continue
        looks = number_looks(first, diff, size, languages) if count < MOST_NUMBERS else ()
        answer = _look(first, diff.token, looks, ask)
        if answer is None:
            unconfirmed.append(diff)
        elif answer:
            confirmed.append(replace(diff, seen=answer))
    return tuple(confirmed), tuple(unconfirmed)


def _look(first: Comparison, token: int, looks: Sequence[Look], ask: Ask) -> str | None:
    """What the looks agree on instead of a number: "" when one of them reads the number after all.

    None when too few looks read the same other number: then nothing is known.
    """
    start, end = first.beside(token)
    text = first.text[first.tokens[start].start : first.tokens[end - 1].end]
    key, before = first.tokens[token].key, first.alignment.echo[token]
    others = Counter([before] if numbers.contradicts(key, before) else [])
    sure = min((first.words[first.owner[j]].confidence or 0 for j in first.alignment.partners[token]), default=0)
    for look in looks:
        seen = compare(text, ask(look))
        echo = seen.alignment.echo[token - start]
        whole = "".join(seen.others[j].key for j in seen.alignment.partners[token - start])
        # A single figure inside a misread word agrees with anything.
        if numbers.agrees(key, echo) and (len(key) > 1 or whole == echo):
            return ""
        if numbers.contradicts(key, echo):
            others[echo] += 1
    value, times = others.most_common(1)[0] if others else ("", 0)
    if len(value) != len(key):
        # A digit more or less is more often a smudge than another digit is.
        return value if times > _AGREEING_LOOKS else None
    alone = others.total() == times and value == before and sure >= _SURE
    return value if alone or times >= _AGREEING_LOOKS else None


def _still(first: Comparison, support: Sequence[float]) -> Iterator[Span]:
    """The unsupported runs, cut at words that a second look supports."""
    for span in unsupported(first):
        share = span.letters / max(1, sum(len(first.tokens[i].key) for i in range(span.first, span.last)))
        for start, end in runs([support[i] < SUPPORTED for i in range(span.first, span.last)]):
            left, right = span.first + start, span.first + end
            letters = sum(len(first.tokens[i].key) for i in range(left, right))
            yield Span(left, right, round(letters * share))


def _reasons(finding: Finding) -> Iterator[Notice]:
    if finding.differing:
        yield Notice("numbers_differ", {"count": len(finding.differing)})
    if finding.invented:
        yield Notice("text_unsupported", {"letters": sum(span.letters for span in finding.invented)})
    if finding.lacking:
        yield Notice("text_missing", {"letters": sum(span.letters for span in finding.lacking)})


def _measures(first: Comparison, finding: Finding) -> dict[str, float]:
    """Shares are of letters: `unsupported` of the reading's, `missing` of the witness's."""
    mine = [len(token.key) for token in first.tokens]
    lost = sum(length for length, value in zip(mine, finding.support, strict=True) if value < SUPPORTED)
    others = sum(len(token.key) for token in first.others)
    lacking = sum(span.letters for span in missing(first))
    return {
        "unsupported": round(lost / sum(mine), 4) if mine else 0.0,
        "missing": round(lacking / others, 4) if others else 0.0,
        "numbers": sum(token.number for token in first.tokens),
        "numbers_differ": len(finding.differing),
        "numbers_unseen": len(finding.unconfirmed) + numbers.unseen(first),
    }


def _doubts(first: Comparison, finding: Finding) -> Iterator[Doubt]:
    partners = first.alignment.partners
    for code, diffs in (("differs", finding.differing), ("unconfirmed", finding.unconfirmed)):
        for diff in diffs:
            chosen = partners[diff.token]
            raw = first.text[diff.start : diff.end]
            yield Doubt(diff.start, diff.end, f"{diff.kind}_{code}", raw, first.seen(chosen), first.box(chosen))
    decided = {diff.token for diff in (*finding.differing, *finding.unconfirmed)}
    for start, end in runs([value < SUPPORTED and i not in decided for i, value in enumerate(finding.support)]):
        left, right = first.tokens[start].start, first.tokens[end - 1].end
        chosen = tuple(sorted({j for i in range(start, end) for j in partners[i]}))
        yield Doubt(left, right, "unsupported", first.text[left:right], first.seen(chosen), first.box(chosen))
    yield from _misread(first, finding.support)
    yield from _missing(first, finding.lacking)


def _misread(first: Comparison, support: Sequence[float]) -> Iterator[Doubt]:
    """Words of which the witness reads other letters, and is sure of them."""
    for i, token in enumerate(first.tokens):
        chosen = first.alignment.partners[i]
        if token.number or not SUPPORTED <= support[i] < 1 or not chosen:
            continue
        sure = [first.words[first.owner[j]].confidence or 0 for j in chosen]
        if min(sure) >= _SURE:
            yield Doubt(token.start, token.end, "word_differs", token.text, first.seen(chosen), first.box(chosen))


def _missing(first: Comparison, spans: Sequence[Span]) -> Iterator[Doubt]:
    """Where text belongs: after the word whose partner stands before it in the witness's order."""
    after = {j: first.tokens[i].end for i, chosen in enumerate(first.alignment.partners) for j in chosen}
    for span in spans:
        before = max((j for j in after if j < span.first), default=None)
        place = after[before] if before is not None else 0
        chosen = range(span.first, span.last)
        yield Doubt(place, place, "missing", "", first.seen(chosen), first.box(chosen))
