"""How far a text is from the truth: characters, words, with and without regard to reading order.

Let d(a, b) be the Levenshtein distance (substitution, insertion, deletion, each 1) of normalised texts.

* CER = d(truth, answer) / len(truth) over code points. It may exceed 1. Not defined for an empty truth:
  unscored, unless the answer is empty too (0).
* WER: the same over words.
* NED = d / max(len(truth), len(answer)), within 0…1, 0 when both are empty (the edit distance of OmniDocBench).
* Word precision, recall, F1: hits of the best word alignment over words answered, over words true, and their
  harmonic mean.
* Bag of words: the same with hits = size of the multiset intersection; reading order plays no part.
* Line CER: each line of the truth, longest first, takes the piece of the answer nearest to it; pieces are taken
  once; what no line took counts as insertions. Columns or blocks read in another order cost nothing; spaces
  between pieces are free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.metrics.normalise import DEFAULT, Rules
from chatvlmllm.bench.metrics.score import Score, unscored


@dataclass(frozen=True)
class Edits:
    """One cheapest way from the truth to the answer."""

    hits: int
    substitutions: int
    insertions: int
    deletions: int

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    def __str__(self) -> str:
        return f"{self.substitutions} substituted, {self.insertions} inserted, {self.deletions} missing"


@dataclass(frozen=True)
class WordScores:
    """Precision, recall and F1 of words."""

    precision: Score
    recall: Score
    f1: Score


def edits(truth: Sequence[Hashable], answer: Sequence[Hashable]) -> Edits:
    """Count the steps of one optimal alignment of two sequences (characters of a string, or words)."""
    from rapidfuzz.distance import Levenshtein

    counts = Counter(step.tag for step in Levenshtein.editops(truth, answer))
    deletions, substitutions = counts["delete"], counts["replace"]
    return Edits(len(truth) - deletions - substitutions, substitutions, counts["insert"], deletions)


def cer(truth: str, answer: str, rules: Rules = DEFAULT) -> Score:
    """Character error rate; weight is the number of true characters."""
    return _rate(normalise.text(truth, rules), normalise.text(answer, rules), "characters")


def wer(truth: str, answer: str, rules: Rules = DEFAULT) -> Score:
    """Word error rate; weight is the number of true words."""
    return _rate(normalise.words(truth, rules), normalise.words(answer, rules), "words")


def ned(truth: str, answer: str, rules: Rules = DEFAULT) -> Score:
    """Edit distance over the longer length, 0…1."""
    return _bounded(normalise.text(truth, rules), normalise.text(answer, rules))


def words(truth: str, answer: str, rules: Rules = DEFAULT) -> WordScores:
    """Precision, recall, F1 of words in their order."""
    true, said = normalise.words(truth, rules), normalise.words(answer, rules)
    return _word_scores(edits(true, said).hits, len(true), len(said), "in order")


def bag_of_words(truth: str, answer: str, rules: Rules = DEFAULT) -> WordScores:
    """Precision, recall, F1 of words regardless of order."""
    true, said = normalise.words(truth, rules), normalise.words(answer, rules)
    hits = (Counter(true) & Counter(said)).total()
    return _word_scores(hits, len(true), len(said), "in any order")


def line_cer(truth: str, answer: str, rules: Rules = DEFAULT) -> Score:
    """Character error rate with lines matched wherever they stand; weight is the number of true characters."""
    true = sorted(normalise.lines(truth, rules), key=lambda line: (-len(line), line))
    pieces = normalise.lines(answer, rules)
    length = sum(map(len, true))
    if length == 0:
        return _rate("", " ".join(pieces), "characters")
    errors = 0
    for line in true:
        cost, place, left, right = _nearest(line, pieces)
        errors += cost
        if place >= 0:
            piece = pieces.pop(place)
            pieces += [part for part in (piece[:left].strip(), piece[right:].strip()) if part]
    surplus = sum(map(len, pieces))
    explanation = f"{errors} errors within {len(true)} lines and {surplus} surplus characters over {length}"
    return Score((errors + surplus) / length, explanation, length)


def _nearest(line: str, pieces: Sequence[str]) -> tuple[int, int, int, int]:
    """Cheapest piece of the answer for a line: its cost, the index (−1: none is better than missing it), its bounds."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Levenshtein

    best = (len(line), 0, -1, 0, 0)
    for index, piece in enumerate(pieces):
        windows = [(0, len(piece))]
        if len(piece) > len(line):
            found = fuzz.partial_ratio_alignment(line, piece)
            if found is not None:
                windows.append((found.dest_start, found.dest_end))
        for left, right in windows:
            cost = Levenshtein.distance(line, piece[left:right], score_cutoff=best[0])
            rank = (cost, len(piece) - (right - left), index, left, right)
            if cost <= best[0] and (rank[:2] < best[:2] or (best[2] < 0 and cost < len(line))):
                best = rank
    return best[0], best[2], best[3], best[4]


def _rate(true: Sequence[Hashable], said: Sequence[Hashable], unit: str) -> Score:
    if not true:
        if said:
            return unscored(f"the truth is empty, the answer has {len(said)} {unit}")
        return Score(0.0, "both are empty", 0.0)
    found = edits(true, said)
    return Score(found.errors / len(true), f"{found} of {len(true)} {unit}", len(true))


def _bounded(true: str, said: str) -> Score:
    longer = max(len(true), len(said))
    if not longer:
        return Score(0.0, "both are empty", 0.0)
    found = edits(true, said)
    return Score(found.errors / longer, f"{found}; the longer text has {longer} characters", longer)


def _word_scores(hits: int, true: int, said: int, how: str) -> WordScores:
    explanation = f"{hits} words agree {how}; {true} true, {said} answered"
    if not true and not said:
        nothing = unscored("no words on either side")
        return WordScores(nothing, nothing, nothing)
    precision = Score(hits / said, explanation, said) if said else unscored("nothing was answered")
    recall = Score(hits / true, explanation, true) if true else unscored("the truth has no words")
    return WordScores(precision, recall, Score(2 * hits / (true + said), explanation, true + said))
