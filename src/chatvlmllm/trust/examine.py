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
from chatvlmllm.trust.thresholds import FITTED, Thresholds
from chatvlmllm.trust.witness import SUPPORTED, Comparison, Span, compare, missing, runs, unsupported

#: Reads one look; may answer with nothing.
Ask = Callable[[Look], Sequence[Word]]

#: Signs around a number that are not of it.
_AROUND = " .,;:()[]|«»\"'"
#: A word that differs from what the witness is this sure of is marked, though it decides nothing.
_SURE = 0.9


@dataclass(frozen=True, slots=True)
class Finding:
    """What the looks left of the suspicions about one comparison."""

    differing: tuple[NumberDiff, ...]
    unconfirmed: tuple[NumberDiff, ...]
    invented: tuple[Span, ...]
    lacking: tuple[Span, ...]
    support: tuple[float, ...]
    unread: int


def examine(
    text: str, words: Sequence[Word], size: Size, languages: Sequence[str], ask: Ask, bar: Thresholds = FITTED
) -> Evidence:
    """Compare `text` with the witness's `words` on a page of `size`, look again where they differ, and say what stands.

    The evidence has reasons only where the reading is contradicted; doubts also where it merely was not confirmed.
    """
    first = compare(text, words)
    look = page_look(first, size, languages, bar)
    second = compare(text, ask(look)) if look else None
    support = tuple(map(max, first.alignment.support, second.alignment.support)) if second else first.alignment.support
    confirmed, unconfirmed = _Inquiry(first, second, size, tuple(languages), ask, bar).numbers()
    lacking = tuple(missing(first, bar.sure))
    finding = Finding(
        confirmed,
        unconfirmed,
        tuple(span for span in _still(first, support, bar.sure) if span.letters >= bar.invented),
        tuple(span for span in lacking if span.letters >= bar.missing),
        support,
        sum(span.letters for span in lacking),
    )
    return Evidence(
        reasons=tuple(_reasons(finding)),
        measures=_measures(first, finding),
        doubts=tuple(sorted(_doubts(first, finding), key=lambda doubt: (doubt.start, doubt.end))),
    )


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """The numbers of a reading that the first look contradicts, and what further looks say of them."""

    first: Comparison
    second: Comparison | None
    size: Size
    languages: tuple[str, ...]
    ask: Ask
    bar: Thresholds

    def numbers(self) -> tuple[tuple[NumberDiff, ...], tuple[NumberDiff, ...]]:
        """Numbers that are contradicted, and those that no look confirmed or contradicted."""
        confirmed, unconfirmed = [], []
        for count, diff in enumerate(numbers.differing(self.first)):
            if self.second and numbers.agrees(
                self.first.tokens[diff.token].key, self.second.alignment.echo[diff.token]
            ):
                continue
            known = count < MOST_NUMBERS
            looks = number_looks(self.first, diff, self.size, self.languages) if known else ()
            answer = self._answer(diff.token, looks)
            if answer is None:
                unconfirmed.append(diff)
            elif answer:
                confirmed.append(replace(diff, seen=answer))
        return tuple(confirmed), tuple(unconfirmed)

    def _answer(self, token: int, looks: Sequence[Look]) -> str | None:
        """What the looks read instead of a number: "" when one of them reads the number after all.

        None when too few looks read the same other number: then nothing is known.
        """
        first, bar = self.first, self.bar
        key, before = first.tokens[token].key, first.alignment.echo[token]
        others = Counter([before] if numbers.contradicts(key, before) else [])
        for look in looks:
            echo, again = self._echoes(token, self.ask(look))
            if numbers.agrees(key, echo):
                return ""
            if again:
                others[before] += 1
            elif numbers.contradicts(key, echo):
                others[echo] += 1
        value, times = others.most_common(1)[0] if others else ("", 0)
        # A digit more or less is more often a smudge than another digit is.
        if len(value) != len(key):
            return value if times > bar.agreeing else None
        alone = value == before and others.total() == times and self._sure(token) >= bar.alone
        return value if times >= bar.agreeing or (times and alone) else None

    def _echoes(self, token: int, words: Sequence[Word]) -> tuple[str, bool]:
        """What one look reads at the place of a word, "" when that cannot be told, and whether it reads there again
        what the first look read.
        """
        first = self.first
        start, end = first.beside(token)
        seen = compare(first.text[first.tokens[start].start : first.tokens[end - 1].end], words)
        echo = seen.alignment.echo[token - start]
        whole = "".join(seen.others[j].key for j in seen.alignment.partners[token - start])
        # A single figure inside a misread word agrees with anything.
        told = len(first.tokens[token].key) > 1 or whole == echo
        return (echo if told else ""), self._again(token, words)

    def _again(self, token: int, words: Sequence[Word]) -> bool:
        """Whether a look confirms the first one at the place of a word."""
        first, before = self.first, self.first.alignment.echo[token]
        chosen = [j for j, owner in enumerate(first.owner) if owner in first.place(token)]
        own = [n for n, j in enumerate(chosen) if j in first.alignment.partners[token]]
        if not numbers.contradicts(first.tokens[token].key, before) or len(own) != 1:
            return False
        if before != first.others[chosen[own[0]]].key:
            return False
        seen = compare(" ".join(first.others[j].text for j in chosen), words)
        return len(seen.tokens) == len(chosen) and numbers.same(before, seen.alignment.echo[own[0]])

    def _sure(self, token: int) -> float:
        """How sure the first look is of what it reads at the place of a word."""
        chosen = self.first.alignment.partners[token]
        return min((self.first.words[self.first.owner[j]].confidence or 0 for j in chosen), default=0)


def _still(first: Comparison, support: Sequence[float], sure: float) -> Iterator[Span]:
    """The unsupported runs, cut at words that a second look supports."""
    for span in unsupported(first, sure):
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
    return {
        "unsupported": round(lost / sum(mine), 4) if mine else 0.0,
        "missing": round(finding.unread / others, 4) if others else 0.0,
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
            seen = first.seen(chosen).strip(_AROUND)
            yield Doubt(diff.start, diff.end, f"{diff.kind}_{code}", raw, seen, first.box(chosen))
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
