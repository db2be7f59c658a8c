"""Repeating groups without a table: rows of one phrase each, as on till receipts and in lists of people."""

from collections.abc import Iterator, Mapping, Sequence

from chatvlmllm.forms.form import Form, GroupRule
from chatvlmllm.forms.found import Ask, Found, cut, look
from chatvlmllm.forms.labels import hits
from chatvlmllm.forms.nouns import Layer
from chatvlmllm.forms.sheet import Sheet, Stream
from chatvlmllm.forms.turns import compiled, search
from chatvlmllm.reading import Word

_SHAPES: Mapping[str, str] = {
    "money": r"=?\s*\d[\d ]*[.,]\d\d",
    "decimal": r"\d+(?:[.,]\d+)?",
    "integer": r"\d+",
    "text": r"[^:;]{3,80}?",
    "person": r"[^:;\d]{5,60}",
}


def rows(form: Form, key: str, rule: GroupRule, sheets: Sequence[Sheet]) -> Iterator[Mapping[str, Found]]:
    """The rows of the group that its phrase finds, pages in order."""
    count = 0
    turn = compiled(rule.line, {name: _SHAPES.get(column.kind, r"\S+") for name, column in rule.columns.items()})
    for sheet in sheets:
        above: list[Word] = []
        for words in _inside(rule, sheet):
            stream = Stream(words)
            said = next(search(turn, stream), None)
            if said is None:
                above = [*above, *words] if count else list(words)
                continue
            found: dict[str, Found] = {}
            for name, span in said.spans.items():
                ask = Ask(f"{key}[{count}].{name}", rule.columns[name].kind, form.language)
                value = look(ask, cut(stream, *span), sheet, Layer.PHRASE)
                if value is not None:
                    found[name] = value
            if rule.above and (above or said.start):
                ask = Ask(f"{key}[{count}].{rule.above}", rule.columns[rule.above].kind, form.language)
                value = look(ask, (*above, *cut(stream, 0, said.start)), sheet, Layer.PHRASE)
                if value is not None:
                    found[rule.above] = value
            above = []
            count += 1
            yield found


def _inside(rule: GroupRule, sheet: Sheet) -> Iterator[tuple[Word, ...]]:
    """The words of each visual row after a start word and before an end word."""
    starts = [hit.segment.row for hit in hits(rule.starts, sheet.segments) if hit.first]
    first = starts[0] + 1 if starts else 0
    ends = [hit.segment.row for hit in hits(rule.until, sheet.segments) if hit.first and hit.segment.row >= first]
    last = min(ends, default=len(sheet.rows))
    for row in sheet.rows[first:last]:
        yield tuple(word for segment in row for word in segment.words)
