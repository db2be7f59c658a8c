"""An answer against the truth of its case: every measure by name, each with its explanation, some unscored.

A page that was not read is an empty answer: all of its text, fields, tables and formulas count as missing. What a
subject does not offer at all (an outside program that gives plain text has no tables) is unscored, not nought.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chatvlmllm.bench.answer import Answer
from chatvlmllm.bench.cases import Truth
from chatvlmllm.bench.metrics import (
    GridCell,
    Said,
    Score,
    bag_of_words,
    box_f1,
    cer,
    facts,
    fields,
    formatting_f1,
    formula_distance,
    heading_f1,
    kind_f1,
    line_cer,
    mean,
    ned,
    order_distance,
    teds,
    unscored,
    wer,
    words,
)
from chatvlmllm.bench.metrics.table import cells_of

if TYPE_CHECKING:
    from chatvlmllm.bench.metrics import Region

#: Measures where less is better; of all others more is.
LOWER = ("cer", "wer", "line_cer", "ned", "formula", "order")
#: Every measure, in the order of reports.
MEASURES = (
    "cer", "wer", "line_cer", "ned", "word_precision", "word_recall", "word_f1", "bag_precision", "bag_recall",
    "bag_f1", "field_accuracy", "field_precision", "field_f1", "teds", "teds_s", "formula", "formatting", "kind_f1",
    "heading_f1", "order", "box_f1", "facts",
)  # fmt: skip
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)


def score(truth: Truth, answer: Answer) -> dict[str, Score]:
    """Every measure of `MEASURES`."""
    found = {**_texts(truth, answer), **_fields(truth, answer), **_parts(truth, answer), **_layout(truth, answer)}
    return {name: found[name] for name in MEASURES}


def _texts(truth: Truth, answer: Answer) -> dict[str, Score]:
    if truth.text is None:
        nothing = unscored("there is no transcript")
        return dict.fromkeys(MEASURES[:10], nothing)
    in_order, in_any = words(truth.text, answer.text), bag_of_words(truth.text, answer.text)
    return {
        "cer": cer(truth.text, answer.text),
        "wer": wer(truth.text, answer.text),
        "line_cer": line_cer(truth.text, answer.text),
        "ned": ned(truth.text, answer.text),
        "word_precision": in_order.precision,
        "word_recall": in_order.recall,
        "word_f1": in_order.f1,
        "bag_precision": in_any.precision,
        "bag_recall": in_any.recall,
        "bag_f1": in_any.f1,
    }


def _fields(truth: Truth, answer: Answer) -> dict[str, Score]:
    names = ("field_accuracy", "field_precision", "field_f1")
    if not truth.form or not truth.fields:
        return dict.fromkeys(names, unscored("the truth has no fields of a known document type"))
    if answer.markdown is None and answer.fields is None and answer.failure is None:
        return dict.fromkeys(names, unscored("it gives no fields"))
    found = fields(truth.fields, answer.fields or {})
    return {"field_accuracy": found.accuracy, "field_precision": found.precision, "field_f1": found.f1}


def _parts(truth: Truth, answer: Answer) -> dict[str, Score]:
    """Tables, formulas, formatting and facts."""
    plain_only = answer.markdown is None and answer.failure is None
    said = Said(answer.markdown or answer.text, answer.text, formulas_of(answer), _grids(answer.tables))
    asserted = [(fact.rule, fact.words) for fact in truth.facts]
    found = {
        "teds": tables_score(truth.tables, answer.tables),
        "teds_s": tables_score(truth.tables, answer.tables, structure_only=True),
        "formula": _formulas(truth.formulas, formulas_of(answer)),
        "formatting": unscored("the truth has no formatting")
        if truth.markdown is None
        else formatting_f1(truth.markdown, answer.markdown or ""),
    }
    if plain_only:
        found = dict.fromkeys(found, unscored("it gives plain text only"))
    return {**found, "facts": facts(asserted, said) if asserted else unscored("nothing is asserted")}


def tables_score(truth: Sequence[str], answer: Sequence[str], *, structure_only: bool = False) -> Score:
    """Mean TEDS over the truth's tables; each takes the most alike table of the answer that is still free."""
    if not truth:
        return unscored("the truth has no table")
    pairs = sorted(
        (-(teds(one, other, structure_only).value or 0.0), i, j)
        for i, one in enumerate(truth)
        for j, other in enumerate(answer)
    )
    best, taken = dict[int, float](), set[int]()
    for value, i, j in pairs:
        if i not in best and j not in taken:
            best[i] = -value
            taken.add(j)
    note = f"{len(best)} of {len(truth)} tables found, {len(answer)} answered"
    return Score(sum(best.values()) / len(truth), note, len(truth))


def _formulas(truth: Sequence[str], answer: Sequence[str]) -> Score:
    """Mean distance of the truth's formulas to the nearest of the answer's; 1 for one that has none."""
    if not truth:
        return unscored("the truth has no formula")
    nearest = [min((formula_distance(one, other).value or 0.0 for other in answer), default=1.0) for one in truth]
    return mean([Score(value, "", 1.0) for value in nearest])


def formulas_of(answer: Answer) -> tuple[str, ...]:
    """Formulas of an answer: those marked as such, and those between delimiters in its Markdown."""
    inline = ("".join(found) for found in _FORMULA.findall(answer.markdown or ""))
    return (*answer.formulas, *(formula for formula in inline if formula not in answer.formulas))


def _grids(tables: Sequence[str]) -> tuple[tuple[GridCell, ...], ...]:
    return tuple(cells_of(html) for html in tables)


def _layout(truth: Truth, answer: Answer) -> dict[str, Score]:
    names = ("kind_f1", "heading_f1", "order", "box_f1")
    if not truth.regions:
        return dict.fromkeys(names, unscored("the truth has no blocks"))
    if answer.regions is None and answer.failure is None:
        return dict.fromkeys(names, unscored("it gives no blocks"))
    said = answer.regions or ()
    placed = any(region.box for region in said) or answer.failure is not None
    return {
        "kind_f1": kind_f1(truth.regions, said),
        "heading_f1": heading_f1(truth.regions, said),
        "order": order_distance(truth.regions, said),
        "box_f1": box_f1(_anywhere(truth.regions), _anywhere(said)) if placed else unscored("it gives no places"),
    }


def _anywhere(regions: Sequence[Region]) -> list[Region]:
    """Boxes without their kinds: where something stands, whatever it is taken for."""
    from dataclasses import replace

    return [replace(region, kind="block") for region in regions]


def best(measure: str, values: Mapping[str, float]) -> str:
    """The name with the best value of a measure."""
    return min(values, key=lambda name: values[name] if measure in LOWER else -values[name])
