"""Measures of an answer against the truth, as pure functions on texts, rows and boxes.

Each module's docstring is the definition of its measures. Every function returns a `Score`: a value with the
reason for it, or unscored with the reason why; lower is better for CER, WER, NED, formula and order distance,
higher for all others.
"""

from chatvlmllm.bench.metrics.compare import Comparison, Interval, bootstrap, compare
from chatvlmllm.bench.metrics.facts import Said, facts
from chatvlmllm.bench.metrics.fields import FieldScores, FieldVerdict, fields, same_value
from chatvlmllm.bench.metrics.formatting import formatting_f1, marked_words
from chatvlmllm.bench.metrics.formula import formula_distance
from chatvlmllm.bench.metrics.layout import (
    Region,
    box_f1,
    heading_f1,
    iou,
    kind_f1,
    mean_average_precision,
    order_distance,
)
from chatvlmllm.bench.metrics.normalise import DEFAULT, EXACT, LOOSE, Rules
from chatvlmllm.bench.metrics.score import Score, mean, unscored
from chatvlmllm.bench.metrics.table import GridCell, cell_f1, grid_html, teds
from chatvlmllm.bench.metrics.text import WordScores, bag_of_words, cer, edits, line_cer, ned, wer, words

__all__ = [
    "DEFAULT",
    "EXACT",
    "LOOSE",
    "Comparison",
    "FieldScores",
    "FieldVerdict",
    "GridCell",
    "Interval",
    "Region",
    "Rules",
    "Said",
    "Score",
    "WordScores",
    "bag_of_words",
    "bootstrap",
    "box_f1",
    "cell_f1",
    "cer",
    "compare",
    "edits",
    "facts",
    "fields",
    "formatting_f1",
    "formula_distance",
    "grid_html",
    "heading_f1",
    "iou",
    "kind_f1",
    "line_cer",
    "marked_words",
    "mean",
    "mean_average_precision",
    "ned",
    "order_distance",
    "same_value",
    "teds",
    "unscored",
    "wer",
    "words",
]
