"""How many typed values were found: accuracy and F1 of fields, rows of repeating groups aligned first.

Truth and answer map a key to a normalised value, or a group to a list of such mappings. A value agrees when the
normalised texts are equal (spaces collapsed, typographic marks unified, case kept); numbers agree when they are
equal as decimals, so `120`, `120.0` and `120.00` are one.

* accuracy = agreeing fields / fields of the truth;
* precision = agreeing / answered; recall is the accuracy; F1 their harmonic mean.

Rows of a group are aligned in order so that the number of agreeing fields is the largest possible; rows without
partner count with all their fields as missing or as surplus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.metrics.score import Score, unscored

Row = Mapping[str, str]
Record = Mapping[str, str | Sequence[Row]]


@dataclass(frozen=True)
class FieldVerdict:
    """One field: `status` is ok, wrong, missing or surplus; `key` names a row by its index (`items[2].price`)."""

    key: str
    status: str
    truth: str = ""
    answer: str = ""


@dataclass(frozen=True)
class FieldScores:
    """Accuracy, precision and F1 with the verdict on every field."""

    accuracy: Score
    precision: Score
    f1: Score
    verdicts: tuple[FieldVerdict, ...]


def fields(truth: Record, answer: Record) -> FieldScores:
    """Compare two records."""
    verdicts = tuple(_verdicts(truth, answer))
    counts = {name: sum(one.status == name for one in verdicts) for name in ("ok", "wrong", "missing", "surplus")}
    true, said = counts["ok"] + counts["wrong"] + counts["missing"], counts["ok"] + counts["wrong"] + counts["surplus"]
    explanation = ", ".join(f"{count} {name}" for name, count in counts.items())
    hits = counts["ok"]
    return FieldScores(
        Score(hits / true, explanation, true) if true else unscored("the truth has no fields"),
        Score(hits / said, explanation, said) if said else unscored("no field was answered"),
        Score(2 * hits / (true + said), explanation, true + said)
        if true + said
        else unscored("no fields on either side"),
        verdicts,
    )


def same_value(truth: str, answer: str) -> bool:
    """Whether two normalised values agree."""
    if normalise.text(truth) == normalise.text(answer):
        return True
    if not _looks_decimal(truth) or not _looks_decimal(answer):
        return False
    try:
        return Decimal(truth) == Decimal(answer)
    except InvalidOperation:
        return False


def _looks_decimal(value: str) -> bool:
    """A plain decimal; identifiers such as 0012 are not numbers and must agree digit by digit."""
    digits = value.lstrip("-")
    plain = digits.replace(".", "", 1)
    return plain.isdecimal() and not (len(digits) > 1 and digits[0] == "0" and digits[1] != ".")


def _verdicts(truth: Record, answer: Record) -> list[FieldVerdict]:
    found: list[FieldVerdict] = []
    for key in dict.fromkeys((*truth, *answer)):
        true, said = truth.get(key), answer.get(key)
        if isinstance(true, str) or isinstance(said, str):
            found.append(
                _verdict(key, true if isinstance(true, str) else None, said if isinstance(said, str) else None)
            )
            true, said = (None if isinstance(part, str) else part for part in (true, said))
        if true or said:
            found += _rows(key, true or (), said or ())
    return found


def _verdict(key: str, true: str | None, said: str | None) -> FieldVerdict:
    if true is None:
        return FieldVerdict(key, "surplus", "", said or "")
    if said is None:
        return FieldVerdict(key, "missing", true)
    return FieldVerdict(key, "ok" if same_value(true, said) else "wrong", true, said)


def _rows(group: str, truth: Sequence[Row], answer: Sequence[Row]) -> list[FieldVerdict]:
    found = []
    for index, (true, said) in enumerate(_aligned(truth, answer)):
        for key in dict.fromkeys((*(true or ()), *(said or ()))):
            verdict = _verdict(f"{group}[{index}].{key}", (true or {}).get(key), (said or {}).get(key))
            found.append(verdict)
    return found


def _aligned(truth: Sequence[Row], answer: Sequence[Row]) -> list[tuple[Row | None, Row | None]]:
    """Order-keeping alignment with the most agreeing fields; on ties rows are paired rather than left alone."""
    gains = [[0.0] * (len(answer) + 1) for _ in range(len(truth) + 1)]
    for i in range(len(truth) - 1, -1, -1):
        for j in range(len(answer) - 1, -1, -1):
            gains[i][j] = max(_gain(truth[i], answer[j]) + gains[i + 1][j + 1], gains[i + 1][j], gains[i][j + 1])
    pairs: list[tuple[Row | None, Row | None]] = []
    i = j = 0
    while i < len(truth) and j < len(answer):
        if gains[i][j] == _gain(truth[i], answer[j]) + gains[i + 1][j + 1]:
            pairs.append((truth[i], answer[j]))
            i, j = i + 1, j + 1
        elif gains[i][j] == gains[i + 1][j]:
            pairs.append((truth[i], None))
            i += 1
        else:
            pairs.append((None, answer[j]))
            j += 1
    return [*pairs, *((row, None) for row in truth[i:]), *((None, row) for row in answer[j:])]


def _gain(true: Row, said: Row) -> float:
    """Agreeing fields of two rows, and a little for being a pair at all (binary fractions keep sums exact)."""
    return sum(same_value(value, said[key]) for key, value in true.items() if key in said) + 2.0**-16
