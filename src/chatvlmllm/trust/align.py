"""Which words of one reading stand in another, whatever order each of them reads the page in.

Three rounds, from certain to guessed: (1) the longest common runs of words first, wherever they stand (greedy string
tiling, M. Wise 1993), so that columns read in another order still match; (2) what is left between two runs is compared
with what the other reading has at that place, word by word and then letter by letter, so that split, joined and misread
words match; (3) single words that are left match equal or similar single words that are left. Every word is used once.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import LCSseq, Levenshtein
from rapidfuzz.fuzz import ratio

from chatvlmllm.trust.tokens import Token

#: A run of this many words anchors a place; shorter ones may be chance.
_ANCHOR = 2
#: Letters that a word needs before a similar one elsewhere on the page counts for it.
_LONG = 5
#: Similarity (0…100, Indel) from which two long words are one word with a misread letter.
_SIMILAR = 75
#: Share of a word's letters from which it counts as the same word, misread.
_HALF = 0.5
#: Digits that a number needs before another number of the gap may be its twin.
_TWIN = 2


@dataclass(frozen=True, slots=True)
class Alignment:
    """How two readings match, word by word.

    `support[i]` is the share of word i's letters that the other reading has (0…1), `partners[i]` the other reading's
    words at its place, `echo[i]` what they say there; `seen[j]` is the share for word j of the other reading.
    """

    support: tuple[float, ...]
    partners: tuple[tuple[int, ...], ...]
    echo: tuple[str, ...]
    seen: tuple[float, ...]


def align(reading: Sequence[Token], witness: Sequence[Token]) -> Alignment:
    """Lay the witness's words over the reading's; exact matches have support 1."""
    state = _State([t.key for t in reading], [t.key for t in witness])
    _tile(state, _ANCHOR)
    _fill_gaps(state)
    _tile(state, 1)
    _match_similar(state)
    return Alignment(tuple(state.support), tuple(map(tuple, state.partners)), tuple(state.echo), tuple(state.seen))


class _State:
    """What is matched so far; `at[i]` is the witness's word for word i, -1 for none."""

    def __init__(self, left: list[str], right: list[str]) -> None:
        self.left, self.right = left, right
        self.at, self.back = [-1] * len(left), [-1] * len(right)
        self.support, self.seen = [0.0] * len(left), [0.0] * len(right)
        self.partners: list[list[int]] = [[] for _ in left]
        self.echo = [""] * len(left)

    def free(self, i: int, j: int) -> bool:
        """Whether both words are still without any support."""
        return self.support[i] == 0 and self.seen[j] == 0

    def run(self, i: int, j: int) -> int:
        """How many free words match from word i and word j on."""
        length = 0
        while (
            i + length < len(self.left)
            and j + length < len(self.right)
            and self.left[i + length] == self.right[j + length]
            and self.free(i + length, j + length)
        ):
            length += 1
        return length

    def take(self, i: int, j: int) -> None:
        self.at[i], self.back[j] = j, i
        self.support[i] = self.seen[j] = 1.0
        self.partners[i] = [j]
        self.echo[i] = self.right[j]


def _tile(state: _State, shortest: int) -> None:
    """Match the longest common run of free words, again and again, down to `shortest` words.

    Among runs of one length the one that stands at the most similar place of its text wins.
    """
    scale = len(state.right) / max(1, len(state.left))
    heap: list[tuple[int, float, int, int]] = []

    def offer(i: int, j: int) -> None:
        length = state.run(i, j)
        if length >= shortest:
            heapq.heappush(heap, (-length, abs(i * scale - j), i, j))

    for i, j in _starts(state):
        offer(i, j)
    while heap:
        negative, _, i, j = heapq.heappop(heap)
        if state.run(i, j) == -negative:
            for step in range(-negative):
                state.take(i + step, j + step)
        else:
            # A longer run has taken a part of this one: every free piece of it is offered again.
            for step in _pieces([state.free(i + step, j + step) for step in range(-negative)]):
                offer(i + step, j + step)


def _starts(state: _State) -> Iterator[tuple[int, int]]:
    """Where common runs of free words begin in both readings."""
    places = defaultdict(list)
    for j, word in enumerate(state.right):
        if state.seen[j] == 0:
            places[word].append(j)
    for i, word in enumerate(state.left):
        for j in places.get(word, ()):
            inside = i > 0 and j > 0 and state.left[i - 1] == state.right[j - 1] and state.free(i - 1, j - 1)
            if not inside:
                yield i, j


def _pieces(free: Sequence[bool]) -> list[int]:
    """Where the runs of free places begin."""
    return [step for step, here in enumerate(free) if here and not (step and free[step - 1])]


def _fill_gaps(state: _State) -> None:
    """Compare what lies between two anchored runs with what the witness has at that place: by word, then by letter.

    Without the words first, the letters of a word may be found all over a line that the reading lacks.
    """
    for start, end in list(_gaps(state.support)):
        others = _opposite(state, start, end)
        left, right = [state.left[i] for i in range(start, end)], [state.right[j] for j in others]
        for step in LCSseq.opcodes(left, right):
            if step.tag == "equal":
                for offset in range(step.src_end - step.src_start):
                    state.take(start + step.src_start + offset, others[step.dest_start + offset])
    for start, end in list(_gaps(state.support)):
        others = _opposite(state, start, end)
        if others:
            _compare(state, range(start, end), others)


def _gaps(support: Sequence[float]) -> Iterator[tuple[int, int]]:
    start = None
    for i, value in enumerate([*support, 1.0]):
        if value == 0 and start is None:
            start = i
        elif value and start is not None:
            yield start, i
            start = None


def _opposite(state: _State, start: int, end: int) -> list[int]:
    """The witness's free words after the run before the gap and before the run after it."""
    after = state.at[start - 1] + 1 if start else 0
    before = state.at[end] - 1 if end < len(state.left) else len(state.right) - 1
    found: set[int] = set()
    while after < len(state.right) and state.seen[after] == 0:
        found.add(after)
        after += 1
    while before >= 0 and state.seen[before] == 0:
        found.add(before)
        before -= 1
    return sorted(found)


def _compare(state: _State, mine: Sequence[int], others: Sequence[int]) -> None:
    """Letter by letter, blanks ignored: each word gets the share of its letters that the other side has."""
    left, owner = _spell(state.left, mine)
    right, other = _spell(state.right, others)
    kept, seen = Counter[int](), Counter[int]()
    places: dict[int, list[int]] = defaultdict(list)
    taken = set[int]()
    for a, b, equal in _pairs(left, right):
        places[owner[a]].append(b)
        taken.add(b)
        if equal:
            kept[owner[a]] += 1
            seen[other[b]] += 1
    for i in mine:
        share = kept[i] / len(state.left[i])
        twin = _twin(state, i, others)
        if twin is not None:
            state.echo[i], state.partners[i] = state.right[twin], [twin]
        elif places[i]:
            first, last = _widened((min(places[i]), max(places[i])), right, other, taken)
            state.echo[i] = right[first : last + 1]
            state.partners[i] = sorted(set(other[first : last + 1]))
        if share >= _HALF:
            state.support[i] = share
            for j in {other[b] for b in places[i]}:
                state.seen[j] = max(state.seen[j], seen[j] / len(state.right[j]))


def _twin(state: _State, i: int, others: Sequence[int]) -> int | None:
    """The word of the gap that is number i with another digit: surer than a place found letter by letter."""
    key = state.left[i]
    if len(key) < _TWIN or not key.isdecimal() or key in (state.right[j] for j in others):
        return None
    alike = [j for j in others if len(state.right[j]) == len(key) and state.right[j].isdecimal()]
    best = min(alike, key=lambda j: Levenshtein.distance(key, state.right[j]), default=None)
    if best is None or Levenshtein.distance(key, state.right[best]) > len(key) // 2:
        return None
    return best


def _pairs(left: str, right: str) -> Iterator[tuple[int, int, bool]]:
    """Letters that stand at the same place of both, and whether they are equal (Levenshtein's alignment)."""
    for step in Levenshtein.opcodes(left, right):
        if step.tag in ("equal", "replace"):
            for offset in range(step.src_end - step.src_start):
                yield step.src_start + offset, step.dest_start + offset, step.tag == "equal"


def _widened(place: tuple[int, int], text: str, owner: Sequence[int], taken: set[int]) -> tuple[int, int]:
    """Digits beside a place, of the same word, that answer nothing else belong to it: 123 is not confirmed by 1234."""

    def joined(inner: int, outer: int) -> bool:
        inside = 0 <= outer < len(text) and outer not in taken and owner[outer] == owner[inner]
        return inside and text[inner].isdigit() and text[outer].isdigit()

    first, last = place
    while joined(first, first - 1):
        first -= 1
    while joined(last, last + 1):
        last += 1
    return first, last


def _spell(words: Sequence[str], chosen: Sequence[int]) -> tuple[str, list[int]]:
    return "".join(words[i] for i in chosen), [i for i in chosen for _ in words[i]]


def _match_similar(state: _State) -> None:
    """Long words that are still alone match the most similar long word that is alone too; numbers never do."""
    lonely = [j for j, value in enumerate(state.seen) if value == 0 and len(state.right[j]) >= _LONG]
    for i, word in enumerate(state.left):
        if state.support[i] or len(word) < _LONG or any(char.isdigit() for char in word):
            continue
        best = max(lonely, key=lambda j: ratio(word, state.right[j]), default=None)
        if best is not None and ratio(word, state.right[best]) >= _SIMILAR:
            state.support[i] = state.seen[best] = ratio(word, state.right[best]) / 100
            state.partners[i], state.echo[i] = [best], state.right[best]
            lonely.remove(best)
