r"""Assertions about a page instead of a transcript: present, absent, order, table, math, baseline, format.

The kinds and their words are those of olmOCR-bench's JSON lines. Texts are compared after `normalise.text`; with
`max_diffs` = k a text of n characters counts as found when the nearest place of the answer is at most k edits away.

* present / absent: `text` stands (does not stand) in the answer; `case_sensitive` (true), `first_n`, `last_n` limit it.
* order: some place of `before` begins ahead of some place of `after`.
* table: some cell reads `cell`, and the neighbour `up`, `down`, `left`, `right` (immediately) or `top_heading`,
  `left_heading` (any cell above, to the left) reads what is asked.
* math: some formula of the answer has formula distance 0. Stricter than the published runner, which compares drawings.
* format: `text` stands under the mark `format` (heading, bold, italic).
* baseline: the answer has letters or digits, and no word repeats more than 30 times in a row.

The share of facts that hold is the page's score; kinds that are not known here are left out and counted in the
explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.metrics.formatting import marked_words
from chatvlmllm.bench.metrics.formula import formula_distance
from chatvlmllm.bench.metrics.score import Score, unscored
from chatvlmllm.bench.metrics.table import GridCell

Words = Mapping[str, Any]
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_MARKS = {"heading": {f"h{level}" for level in range(1, 7)}, "bold": {"strong"}, "italic": {"em"}}
_MOST_REPEATS = 30


@dataclass(frozen=True)
class Said:
    """An answer as facts see it: Markdown, plain text, formulas as LaTeX, tables as grids of cells."""

    markdown: str
    text: str
    formulas: tuple[str, ...] = ()
    tables: tuple[tuple[GridCell, ...], ...] = ()


def facts(asserted: Sequence[tuple[str, Words]], said: Said) -> Score:
    """Share of the (kind, words) that hold."""
    outcomes = [(kind, holds(kind, words, said)) for kind, words in asserted]
    known = [held for _, held in outcomes if held is not None]
    if not known:
        return unscored("no fact of a known kind")
    failed = sorted(kind for kind, held in outcomes if held is False)
    left = f"; {len(outcomes) - len(known)} of unknown kinds left out" if len(known) < len(outcomes) else ""
    note = f" (failed: {', '.join(failed)})" if failed else ""
    return Score(sum(known) / len(known), f"{sum(known)} of {len(known)} facts hold{note}{left}", len(known))


def holds(kind: str, words: Words, said: Said) -> bool | None:
    """Whether one fact holds; None for a kind that is not known."""
    check = _CHECKS.get(kind)
    return None if check is None else check(words, said)


def _present(words: Words, said: Said) -> bool:
    wanted, text = normalise.text(str(words["text"])), normalise.text(said.text)
    if not words.get("case_sensitive", True):
        wanted, text = wanted.casefold(), text.casefold()
    first, last = words.get("first_n"), words.get("last_n")
    if first or last:
        text = (text[:first] if first else "") + (text[-last:] if last else "")
    return bool(list(_places(wanted, text, int(words.get("max_diffs", 0)))))


def _absent(words: Words, said: Said) -> bool:
    return not _present(words, said)


def _order(words: Words, said: Said) -> bool:
    text, most = normalise.text(said.text), int(words.get("max_diffs", 0))
    before = list(_places(normalise.text(str(words["before"])), text, most))
    after = list(_places(normalise.text(str(words["after"])), text, most))
    return bool(before and after) and min(before) < max(after)


def _places(wanted: str, text: str, most: int) -> Iterator[int]:
    """Where `wanted` stands in the text with at most `most` edits."""
    exact = [found.start() for found in re.finditer(re.escape(wanted), text)]
    yield from exact
    if exact or not most or not wanted:
        return
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Levenshtein

    start, rest = 0, text
    while rest:
        found = fuzz.partial_ratio_alignment(wanted, rest)
        if found is None or Levenshtein.distance(wanted, rest[found.dest_start : found.dest_end]) > most:
            return
        yield start + found.dest_start
        start, rest = start + found.dest_end, rest[found.dest_end :]


def _table(words: Words, said: Said) -> bool:
    return any(_in_table(words, table) for table in said.tables)


def _in_table(words: Words, table: Sequence[GridCell]) -> bool:
    most = int(words.get("max_diffs", 0))
    targets = [cell for cell in table if _alike(str(words["cell"]), cell.text, most)]
    asked = [relation for relation in _BESIDE if words.get(relation)]
    return any(
        all(
            any(_alike(str(words[relation]), other.text, most) for other in table if _BESIDE[relation](cell, other))
            for relation in asked
        )
        for cell in targets
    )


def _alike(wanted: str, found: str, most: int) -> bool:
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(normalise.text(wanted), normalise.text(found)) <= most


def _share_columns(one: GridCell, other: GridCell) -> bool:
    return one.column < other.column + other.column_span and other.column < one.column + one.column_span


def _share_rows(one: GridCell, other: GridCell) -> bool:
    return one.row < other.row + other.row_span and other.row < one.row + one.row_span


_BESIDE = {
    "up": lambda cell, other: _share_columns(cell, other) and other.row + other.row_span == cell.row,
    "down": lambda cell, other: _share_columns(cell, other) and cell.row + cell.row_span == other.row,
    "left": lambda cell, other: _share_rows(cell, other) and other.column + other.column_span == cell.column,
    "right": lambda cell, other: _share_rows(cell, other) and cell.column + cell.column_span == other.column,
    "top_heading": lambda cell, other: _share_columns(cell, other) and other.row < cell.row,
    "left_heading": lambda cell, other: _share_rows(cell, other) and other.column < cell.column,
}


def _math(words: Words, said: Said) -> bool:
    wanted = str(words["math"])
    inline = ["".join(found) for found in _FORMULA.findall(said.markdown)]
    return any(formula_distance(wanted, formula).value == 0 for formula in (*said.formulas, *inline))


def _format(words: Words, said: Said) -> bool:
    marks = _MARKS.get(str(words["format"]), set())
    under = {word for mark, word in marked_words(said.markdown) if mark in marks}
    return set(normalise.words(str(words["text"]))) <= under


def _baseline(words: Words, said: Said) -> bool:
    signs = sum(map(str.isalnum, said.text))
    if words.get("max_length") is not None:
        return signs <= int(words["max_length"])
    return signs > 0 and not re.search(rf"(?:^|\s)(\S+)(?:\s+\1){{{_MOST_REPEATS}}}(?:\s|$)", said.text)


_CHECKS = {
    "present": _present,
    "absent": _absent,
    "order": _order,
    "table": _table,
    "math": _math,
    "format": _format,
    "baseline": _baseline,
}
