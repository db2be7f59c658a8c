"""Checked fields as JSON, CSV and XLSX, if wanted with personal data masked.

The one CSV table is long: one row per field, so that every value keeps its place and its checks. The workbook has one
sheet for single fields and one per repeating group, with real dates and numbers.
"""

import io
import json as library
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal

from chatvlmllm.errors import MissingExtra
from chatvlmllm.export.sheet import defuse, row
from chatvlmllm.forms.form import Form
from chatvlmllm.forms.kinds import KINDS
from chatvlmllm.forms.nouns import Candidate, Check, Extraction, Field, Group, Reread
from chatvlmllm.forms.sentences import render

HEADER = (
    "file", "form", "key", "title", "value", "raw", "outcome", "supported", "confidence_percent", "layer", "page",
    "x1", "y1", "x2", "y2", "checks",
)  # fmt: skip
_NUMBERS = {"money", "decimal", "percent", "spoken_money"}
_DATES = {"date", "birth_date"}
_KEPT = 2


@dataclass(frozen=True, slots=True)
class Paper:
    """An extraction with the name of its file and the type it was read as (None for no known type)."""

    name: str
    extraction: Extraction
    form: Form | None


def masked(paper: Paper) -> Paper:
    """The same with every personal value hidden but for its last two characters, wherever it stands."""
    if paper.form is None:
        return paper
    found = paper.extraction
    return replace(
        paper,
        extraction=replace(
            found,
            fields=tuple(_hidden(one, paper.form) for one in found.fields),
            groups=tuple(
                Group(g.key, tuple({k: _hidden(c, paper.form) for k, c in r.items()} for r in g.rows))
                for g in found.groups
            ),
            checks=tuple(_bare(check, paper.form) for check in found.checks),
        ),
    )


def personal(form: Form, key: str) -> bool:
    """Whether a field of the form holds data about a person."""
    rule = form.rule(key)
    return rule.personal or KINDS[rule.kind].personal


def hide(text: str) -> str:
    """Letters and digits as asterisks except the last two; a text of four or fewer wholly."""
    signs = [place for place, sign in enumerate(text) if sign.isalnum()]
    shown = set(signs[-_KEPT:]) if len(signs) > 2 * _KEPT else set()
    return "".join("*" if sign.isalnum() and place not in shown else sign for place, sign in enumerate(text))


def _hidden(one: Field, form: Form) -> Field:
    checks = tuple(_bare(check, form) for check in one.checks)
    if not personal(form, one.key):
        return replace(one, checks=checks)
    return replace(
        one,
        value=hide(one.value) if one.value is not None else None,
        raw=hide(one.raw),
        source=replace(one.source, text=hide(one.source.text)) if one.source else None,
        checks=checks,
        candidates=tuple(_candidate(other) for other in one.candidates),
        rereads=tuple(_reread(other) for other in one.rereads),
    )


def _candidate(one: Candidate) -> Candidate:
    return replace(one, value=hide(one.value), source=replace(one.source, text=hide(one.source.text)))


def _reread(one: Reread) -> Reread:
    return replace(one, text=hide(one.text), value=hide(one.value) if one.value is not None else None)


def _bare(check: Check, form: Form) -> Check:
    """A check's details without the values of personal fields."""
    if not any(personal(form, key) for key in check.fields):
        return check
    return replace(check, details={name: hide(value) for name, value in check.details.items()})


def json(papers: Iterable[Paper]) -> Iterator[str]:
    """One JSON object per paper and line."""
    for paper in papers:
        yield library.dumps({"file": paper.name, **asdict(paper.extraction)}, ensure_ascii=False) + "\n"


def plain(papers: Iterable[Paper], language: str) -> Iterator[str]:
    """For people: one line per value that was found, with its failed checks in words."""
    for paper in papers:
        title = paper.form.title[language] if paper.form else render("other", language, {})
        yield f"{paper.name}: {title} ({paper.extraction.detection.score:.2f})\n"
        for one in paper.extraction.every():
            if one.value is not None:
                yield f"  {titled(paper, one.key, language)}: {one.value}{_mark(one)}\n"
        for check in paper.extraction.checks:
            if check.outcome == "failed":
                yield f"  ! {', '.join(check.fields[:3])}: {check.sentence(language)}\n"


def _mark(one: Field) -> str:
    return {"ok": "  ✓", "failed": "  ✗"}.get(one.outcome.value, "") + ("  ?" if one.supported is False else "")


def titled(paper: Paper, key: str, language: str) -> str:
    """What a field of a paper of known type is called for people."""
    assert paper.form is not None
    rule = paper.form.rule(key)
    place = re.search(r"\[(\d+)\]", key)
    return f"{int(place[1]) + 1}. {rule.title[language]}" if place else rule.title[language]


def csv(papers: Iterable[Paper], language: str, delimiter: str) -> Iterator[str]:
    """One row per field; write it with the codec utf-8-sig."""
    yield row(HEADER, delimiter)
    for paper in papers:
        for one in paper.extraction.every():
            yield row(_cells(paper, one, language), delimiter)


def _cells(paper: Paper, one: Field, language: str) -> tuple[object, ...]:
    source, box = one.source, one.source.box if one.source else None
    checks = " ".join(check.sentence(language) for check in one.checks if check.outcome != "not_applicable")
    return (
        paper.name,
        paper.extraction.form,
        one.key,
        titled(paper, one.key, language),
        one.value or "",
        one.raw,
        one.outcome.value,
        "" if one.supported is None else str(one.supported).lower(),
        "" if one.confidence is None else round(one.confidence * 100),
        source.layer.value if source else "",
        source.page if source else "",
        *((round(box.x1), round(box.y1), round(box.x2), round(box.y2)) if box else ("", "", "", "")),
        checks,
    )


def xlsx(papers: Iterable[Paper], language: str) -> bytes:
    """A workbook: the sheet of single fields, then one sheet per repeating group; raises MissingExtra."""
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtra(feature="XLSX", command="pip install 'chatvlmllm[xlsx]'") from error
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, options)
    day, money = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"num_format": "#,##0.00"})
    for name, rows in _sheets(list(papers), language).items():
        sheet = book.add_worksheet(name)
        for index, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                _write(sheet, (index, column), cell, {"date": day, "number": money})
        sheet.freeze_panes(1, 0)
    book.close()
    return stream.getvalue()


#: A cell: its kind ("text", "date", "number") and its value.
Cell = tuple[str, str]


def _sheets(papers: list[Paper], language: str) -> Mapping[str, list[list[Cell]]]:
    found: dict[str, list[list[Cell]]] = {}
    single = found.setdefault(render("sheets.fields", language, {}), [])
    single.append([("text", render(f"sheets.{name}", language, {})) for name in ("file", "title", "value", "outcome")])
    for paper in papers:
        for one in paper.extraction.fields:
            single.append(
                [
                    ("text", paper.name),
                    ("text", titled(paper, one.key, language)),
                    _typed(one),
                    ("text", _outcome(one, language)),
                ]
            )
        for group in paper.extraction.groups:
            assert paper.form is not None
            rule = paper.form.groups[group.key]
            rows = found.setdefault(_sheet_name(rule.title[language], found), [])
            titles = [("text", column.title[language]) for column in rule.columns.values()]
            rows.append([("text", render("sheets.file", language, {})), *titles])
            rows += [[("text", paper.name), *(_typed(cell) for cell in cells.values())] for cells in group.rows]
    return found


def _sheet_name(title: str, taken: Mapping[str, object]) -> str:
    """A name that Excel accepts: at most 31 characters, no brackets, colons, stars or slashes, each once."""
    name = re.sub(r"[\[\]:*?/\\]", " ", title)[:28]
    return name if name not in taken else f"{name} {len(taken)}"


def _typed(one: Field) -> Cell:
    if one.value is not None and one.kind in _NUMBERS and re.fullmatch(r"-?\d+(\.\d+)?", one.value):
        return "number", one.value
    if one.value is not None and one.kind in _DATES and re.fullmatch(r"\d{4}-\d\d-\d\d", one.value):
        return "date", one.value
    return "text", one.value or ""


def _outcome(one: Field, language: str) -> str:
    told = [check.sentence(language) for check in one.checks if check.outcome == one.outcome]
    return " ".join(dict.fromkeys(told))


def _write(sheet: "object", place: tuple[int, int], cell: Cell, formats: Mapping[str, object]) -> None:
    kind, value = cell
    if kind == "number":
        sheet.write_number(*place, float(Decimal(value)), formats[kind])  # type: ignore[attr-defined]
    elif kind == "date":
        sheet.write_datetime(*place, date.fromisoformat(value), formats[kind])  # type: ignore[attr-defined]
    else:
        sheet.write_string(*place, defuse(value) if value[:1] in "=+-@" else value)  # type: ignore[attr-defined]
