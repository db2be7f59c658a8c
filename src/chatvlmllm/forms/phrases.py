"""Values inside known phrases: whole turns of speech with places for values, as in `Акт № {number} от {date}`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from chatvlmllm.forms.form import Form
from chatvlmllm.forms.found import Ask, Found, cut, look
from chatvlmllm.forms.nouns import Layer
from chatvlmllm.forms.paper import Paper
from chatvlmllm.forms.sheet import Sheet, Stream
from chatvlmllm.forms.turns import Said, compiled, search

_DATE_SHAPE = (
    r"[\"«»'“”„<\s]*\d{1,2}[\"«»'“”„>\s]*[\s./\-]+[^\s\d]{0,9}[\s./\-]*\d{1,2}?[\s./\-]*\d{2,4}(?!\.?\d)(?:\s?г)?"
)
_MONEY_SHAPE = r"[\dобзliв|][\dобзliв|\s.,\-=/']*(?:руб\w*\.?\s*\d\d\s*коп)?"
_DEFAULT_SHAPE = r"[\dобзliв|]+(?:[ \-][\dобзliв|]+)*"
_SHAPES: Mapping[str, str] = {
    "date": _DATE_SHAPE,
    "birth_date": _DATE_SHAPE,
    "code": r"[\w][\w./\\\-–]*",
    "integer": r"\d+",
    "money": _MONEY_SHAPE,
    "decimal": _MONEY_SHAPE,
    "percent": rf"{_MONEY_SHAPE}(?:%|проц\w*)?",
    "kbk": r"(?<!\d)(?:[\dобзliв|] ?){20}(?!\d)",
    "oktmo": r"(?<!\d)(?:[\dобзliв|]{11}|[\dобзliв|]{8})(?!\d)",
    "city": r"\b(?:г|с|п|пос|гор)\.\s*[а-яё][а-яё\- ]*?",
    "person": r"[^,;:\d]{5,60}",
    "organisation": r".{3,140}?",
    "text": r".{2,200}?",
    "address": r".{8,200}?",
    "place_ru": r".{2,80}?",
    "place_latin": r".{2,80}?",
    "spoken_money": r".{5,160}?",
}


def by_phrases(paper: Paper) -> Iterator[Found]:
    """Every value inside a phrase of the form, in the reader's order of text and in that of visual rows."""
    shapes = {key: _SHAPES.get(rule.kind, _DEFAULT_SHAPE) for key, rule in paper.form.fields.items()}
    turns = [compiled(phrase, shapes) for phrase in paper.form.phrases]
    for sheet in paper.sheets:
        rows = Stream(tuple(word for segment in sheet.segments for word in segment.words))
        for order, stream in enumerate((sheet.reading, rows)):
            for rank, turn in enumerate(turns):
                for one in search(turn, stream):
                    yield from _of_match(paper.form, sheet, stream, one, 1.1 - 0.01 * order - 0.02 * rank)


def _of_match(form: Form, sheet: Sheet, stream: Stream, said: Said, weight: float) -> Iterator[Found]:
    for key, (start, end) in said.spans.items():
        ask = Ask(key, form.fields[key].kind, form.language)
        found = look(ask, cut(stream, start, end), sheet, Layer.PHRASE)
        if found is not None:
            yield replace(found, score=found.score * weight)
