"""Checked fields leave the program as JSON, CSV and XLSX: typed, harmless, and masked when asked."""

import csv
import io
import json
from datetime import datetime

import openpyxl
import pytest

from chatvlmllm.export import fields
from chatvlmllm.export.fields import Paper
from chatvlmllm.forms import extract, find
from tests.forms.papers import readings, typed


def _paper(kind: str, seed: int = 11) -> Paper:
    return Paper("a.pdf", extract(readings(kind, seed), kind), find(kind))


@pytest.fixture(scope="module")
def invoice() -> Paper:
    return _paper("invoice")


def test_json_has_every_field_with_its_provenance(invoice: Paper) -> None:
    """One object per paper; a field keeps value, text, page, box and checks."""
    data = json.loads("".join(fields.json([invoice])))
    total = next(one for one in data["fields"] if one["key"] == "total")
    assert data["file"] == "a.pdf"
    assert total["source"]["box"]["x1"] > 0
    assert {check["outcome"] for check in total["checks"]} == {"ok"}
    assert data["groups"][0]["key"] == "items"


def test_csv_has_one_row_per_field_and_defuses_formulas() -> None:
    """Text that a spreadsheet would run is put behind an apostrophe; numbers stay numbers."""
    page = typed("Счет на оплату № 7 от 03.01.2024\n\nБанк получателя: =cmd|' /C calc'!A0\nВсего к оплате: 100,00")
    paper = Paper("=a.pdf", extract([page], "invoice"), find("invoice"))
    rows = list(csv.DictReader(io.StringIO("".join(fields.csv([paper], "en", ";"))), delimiter=";"))
    by_key = {row["key"]: row for row in rows}
    assert len(rows) == len(list(paper.extraction.every()))
    assert by_key["total"]["value"] == "100.00"
    assert all(not cell.startswith(("=", "+", "@", "-")) for row in rows for cell in row.values())
    assert by_key["total"]["file"] == "'=a.pdf"


def test_a_workbook_has_a_sheet_per_group_with_real_dates_and_numbers(invoice: Paper) -> None:
    """Dates are dates, sums are numbers, items have a sheet of their own."""
    book = openpyxl.load_workbook(io.BytesIO(fields.xlsx([invoice], "ru")))
    single, items = book.worksheets
    values = {row[1].value: row[2].value for row in single.iter_rows(min_row=2)}
    assert isinstance(values["дата"], datetime)
    assert isinstance(values["всего к оплате"], float | int)
    assert len(list(items.iter_rows(min_row=2))) == len(invoice.extraction.groups[0].rows)
    amounts = [row[-1].value for row in items.iter_rows(min_row=2)]
    assert all(isinstance(value, float | int) for value in amounts)


@pytest.mark.parametrize("kind", ["passport_rf", "snils", "inn_certificate", "foreign_passport"])
def test_a_mask_hides_personal_data_everywhere(kind: str) -> None:
    """No personal value, nor the text it was read from, is left in any export; its last two characters may show."""
    paper = _paper(kind)
    secrets = {
        text
        for one in paper.extraction.every()
        if one.value is not None and fields.personal(find(kind), one.key)
        for text in (one.value, one.raw)
        if len(text) > 4
    }
    open_values = {one.raw for one in paper.extraction.every() if not fields.personal(find(kind), one.key)}
    secrets = {secret for secret in secrets if not any(secret in text for text in open_values)}
    assert secrets
    hidden = fields.masked(paper)
    for text in (
        "".join(fields.json([hidden])),
        "".join(fields.csv([hidden], "ru", ";")),
        "".join(fields.plain([hidden], "en")),
    ):
        assert [secret for secret in secrets if secret in text] == []


def test_a_mask_leaves_the_rest(invoice: Paper) -> None:
    """Numbers and sums of the paper itself stay readable."""
    hidden = fields.masked(invoice).extraction
    assert hidden.value("total") == invoice.extraction.value("total")
    assert hidden.value("seller_inn") != invoice.extraction.value("seller_inn")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_plain_form_speaks(invoice: Paper, language: str) -> None:
    """People get the type, titles and outcome in their language."""
    text = "".join(fields.plain([invoice, Paper("b.pdf", extract([typed("Привет")]), None)], language))
    assert find("invoice").title[language] in text
    assert "✓" in text
    assert "b.pdf" in text
