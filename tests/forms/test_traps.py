"""Defects of earlier programs of this kind, each reproduced and shown absent."""

import logging
from pathlib import Path

import pytest

from chatvlmllm.forms import Aids, extract, find, forms
from chatvlmllm.forms.schema import schema
from chatvlmllm.reading import Block, Cell, Kind, Table
from tests.forms.papers import reading, typed

INN, KPP = "7743880975", "774301001"


@pytest.mark.parametrize(
    "text",
    [
        f"Поставщик: ООО «Кедр», ИНН {INN}КПП {KPP}",
        f"Поставщик: ООО «Кедр», ИНН{INN} КПП{KPP}",
        f"Поставщик: ООО «Кедр», ИНН/КПП {INN}/{KPP}",
        f"Поставщик: ООО «Кедр», ИНН: {INN}, КПП: {KPP}, 8 (000) 000-00-00",
    ],
)
def test_t35_an_inn_is_read_apart_from_what_is_glued_to_it(text: str) -> None:
    """A number ends where its digits end: no text or number glued to it by lost markup becomes part of it."""
    found = extract([typed(f"Счет на оплату № 7 от 03.01.2024\n\n{text}")], "invoice")
    assert (found.value("seller_inn"), found.value("seller_kpp")) == (INN, KPP)


@pytest.mark.parametrize("glued", [INN + KPP, "40702810400000001111" + INN, INN[:-1]])
def test_t35_no_inn_is_cut_out_of_a_longer_or_shorter_number(glued: str) -> None:
    """Two numbers run together, or a number with a digit lost, are no ИНН rather than a wrong one."""
    found = extract([typed(f"Счет на оплату № 7 от 03.01.2024\n\nПоставщик: ООО «Кедр», ИНН {glued}")], "invoice")
    assert found.value("seller_inn") is None


def _table(header: bool) -> Table:
    heads = ("№", "Наименование", "Кол-во", "Цена", "Сумма")
    rows = (("1", "Бумага офисная <br> А4", "2", "100,00", "200,00"), ("2", "Папка & скрепки", "3", "10,00", "30,00"))
    cells = [Cell(0, i, text, header=header) for i, text in enumerate(heads)]
    cells += [Cell(r, c, text) for r, row in enumerate(rows, 1) for c, text in enumerate(row)]
    cells.append(Cell(3, 0, "Итого", columns=4))
    cells.append(Cell(3, 4, "230,00"))
    return Table(4, 5, tuple(cells))


@pytest.mark.parametrize("header", [True, False])
def test_t35_tables_give_rows_with_and_without_marked_headers(header: bool) -> None:
    """Header cells need no mark, spans do not shift columns, and the closing row is no item."""
    page = reading(*typed("Счет на оплату № 7 от 03.01.2024").blocks, Block(Kind.TABLE, "", table=_table(header)))
    rows = extract([page], "invoice").groups[0].rows
    assert [row["quantity"].value for row in rows] == ["2", "3"]
    assert [row["amount"].value for row in rows] == ["200.00", "30.00"]
    assert rows[1]["name"].value == "Папка & скрепки"


def test_t49_types_stay_complete_whatever_else_is_configured(tmp_path: Path) -> None:
    """Asking for other folders, types or models never empties or changes the known types, and fields stay on."""
    before = {key: len(form.fields) for key, form in forms().items()}
    for folder in ((), (tmp_path,)):
        for key in forms(folder):
            schema(find(key, folder))
            extract([typed("Счет на оплату № 7 от 03.01.2024")], "auto", Aids(folders=folder, answer="{}"))
    assert {key: len(form.fields) for key, form in forms().items()} == before
    assert len(before) >= 20
    assert all(before.values())


def test_t54_values_of_one_paper_never_show_up_in_the_next() -> None:
    """Extraction keeps nothing between papers."""
    first = extract([typed(f"Счет на оплату № 7 от 03.01.2024\n\nПоставщик: ООО «Кедр», ИНН {INN}")], "invoice")
    second = extract([typed("Счет на оплату № 8 от 04.01.2024")], "invoice")
    assert first.value("seller_inn") == INN
    assert second.value("seller_inn") is None
    assert second.value("number") == "8"


def test_personal_data_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At the most talkative level the log has no value of the paper."""
    with caplog.at_level(logging.DEBUG):
        extract([typed(f"Счет на оплату № 7 от 03.01.2024\n\nПоставщик: ООО «Кедр», ИНН {INN}")])
    assert INN not in caplog.text
    assert "Кедр" not in caplog.text
