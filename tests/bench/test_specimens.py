"""The generator keeps its word: what it says stands on the page, and the numbers agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pypdfium2
import pytest
import stdnum.iban
from num2words import num2words
from stdnum.ru import inn, ogrn

from chatvlmllm.bench import specimens
from chatvlmllm.bench.specimens import KINDS, make, module_of, raster, titles
from chatvlmllm.bench.specimens.draw import Draw, amount_in_words, page_style
from chatvlmllm.bench.truth import of_pdf, rescaled

SEEDS = {"simple", "table", "driving_licence", "multilingual", "complex"}
TYPES = {
    "passport_rf", "foreign_passport", "driving_licence", "snils", "inn_certificate", "invoice", "vat_invoice", "upd",
    "payment_order", "cash_receipt", "contract", "act", "tender_notice", "technical_spec", "price_justification",
    "estimate", "protocol", "bank_guarantee", "invoice_en", "receipt_en",
}  # fmt: skip


# nothing on these pages stands beside anything else, so the order of drawing is the order of reading
LINEAR = {"simple", "multilingual", "act", "bank_guarantee", "protocol", "snils", "driving_licence"}


def _plain(text: str) -> str:
    return "".join(text.split())


def _layer(text: str) -> str:
    """Signs without white space; hyphens aside, because the reader of the layer drops them at line ends."""
    return _plain(text).translate(dict.fromkeys(map(ord, "-\x02\ufffe")))


def _flat(fields: Any) -> dict[str, dict[str, Any]]:
    """`items[0].name` → its entry."""
    found = {}
    for key, entry in fields.items():
        if isinstance(entry, list):
            found.update({f"{key}[{i}].{name}": part for i, row in enumerate(entry) for name, part in row.items()})
        else:
            found[key] = entry
    return found


def _value(specimen: specimens.Specimen, key: str) -> Decimal:
    return Decimal(specimen.fields[key]["value"])


def test_every_promised_kind_is_there() -> None:
    """The five seed documents and every document type are drawn."""
    assert set(KINDS) == SEEDS | TYPES


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_named_in_both_languages(kind: str) -> None:
    """Each kind has a Russian and an English title."""
    names = titles(kind)
    assert set(names) == {"ru", "en"}
    assert all(names.values())


@pytest.mark.parametrize("kind", KINDS)
def test_truth_text_is_the_layer_of_the_pdf(kind: str, drawn: Any) -> None:
    """Every sign of the PDF's own text layer is in the truth, and in the same order but for running heads."""
    specimen = drawn(kind)
    document = pypdfium2.PdfDocument(specimen.pdf)
    assert len(document) == len(specimen.pages)
    for index, page in enumerate(specimen.pages):
        layer = _layer(document[index].get_textpage().get_text_range())
        assert Counter(layer) == Counter(_layer(page.text))
        assert _plain(page.text) == _plain("".join(word.text for word in page.words))
        if kind in LINEAR:
            assert layer == _layer(page.text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_box_contains_ink(kind: str, drawn: Any) -> None:
    """Inside each box something contrasts with the paper, and the box lies on the page."""
    specimen = drawn(kind)
    for index, page in enumerate(specimen.pages[:2]):
        small = rescaled(page, 100)
        pixels = np.asarray(raster(specimen, index, 100).convert("L"), dtype=int)
        height, width = pixels.shape
        for word in small.words:
            left, top, right, bottom = word.box
            assert -1 <= left < right <= width + 1, word
            assert -1 <= top < bottom <= height + 1, word
            part = pixels[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1]
            assert part.max() - part.min() > 12, word


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_documented_and_printed(kind: str, drawn: Any) -> None:
    """Keys stand in FIELDS, printed values stand in the text, boxes stand on the named page."""
    specimen, known = drawn(kind), module_of(kind).FIELDS
    whole = _plain(specimen.text)
    for key, entry in _flat(specimen.fields).items():
        group, _, rest = key.partition("[")
        assert (f"{group}[].{rest.partition('].')[2]}" if rest else key) in known
        assert _plain(entry["text"]) in whole, (key, entry["text"])
        page = specimen.pages[entry["page"]]
        for left, top, right, bottom in entry["boxes"]:
            assert -1 <= left <= right <= page.width + 1
            assert -1 <= top <= bottom <= page.height + 1
    assert bool(specimen.fields) == bool(known) or kind == "table"


@pytest.mark.parametrize("kind", ["act", "complex", "receipt_en"])
def test_one_seed_is_one_document(kind: str, drawn: Any) -> None:
    """Drawn again, the same seed gives the same pixels and the same truth; another seed gives another page."""
    first, again, other = drawn(kind), make(kind, 1), make(kind, 2)
    assert raster(first, 0, 72).tobytes() == raster(again, 0, 72).tobytes()
    assert (first.pages, first.fields) == (again.pages, again.fields)
    assert other.text != first.text


@pytest.mark.parametrize("kind", KINDS)
def test_check_digits_are_valid(kind: str, drawn: Any) -> None:
    """Taxpayer, registration and bank numbers pass their own checks and belong to each other."""
    flat = {key: entry["value"] for key, entry in _flat(drawn(kind).fields).items()}
    for key, value in flat.items():
        for ending, check in CHECKS.items():
            if f"_{key.rpartition('.')[2]}".endswith(ending):
                assert check(value, key, flat), (key, value)
                break


def test_snils_control_number() -> None:
    """Nine digits weighed 9…1, mod 101."""
    number = make("snils", 1).fields["number"]["value"]
    assert sum(int(d) * w for d, w in zip(number[:9], range(9, 0, -1), strict=True)) % 101 % 100 == int(number[9:])


def _correspondent_fits(value: str, key: str, flat: dict[str, str]) -> bool:
    bank = flat[key.replace("correspondent_account", "bik")]
    return value[-3:] == bank[-3:] and _account_sum("0" + bank[4:6] + value) == 0


CHECKS: dict[str, Callable[[str, str, dict[str, str]], bool]] = {
    "_inn": lambda value, _, __: inn.is_valid(value),
    "_ogrn": lambda value, _, __: ogrn.is_valid(value),
    "_iban": lambda value, _, __: stdnum.iban.is_valid(value, check_country=False),
    "_kpp": lambda value, key, flat: len(value) == 9 and value[:4] == flat[key.replace("_kpp", "_inn")][:4],
    "_correspondent_account": _correspondent_fits,
    "_account": lambda value, key, flat: _account_sum(flat[key.replace("_account", "_bik")][-3:] + value) == 0,
}


def _account_sum(digits: str) -> int:
    """Bank of Russia: products with 7, 1, 3 by place end in 0."""
    return sum(int(digit) * (7, 1, 3)[place % 3] for place, digit in enumerate(digits)) % 10


def _mrz_digit(text: str) -> str:
    table = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return str(sum(max(0, table.find(sign)) * (7, 3, 1)[place % 3] for place, sign in enumerate(text)) % 10)


@pytest.mark.parametrize("kind", ["passport_rf", "foreign_passport"])
def test_machine_readable_lines_check(kind: str, drawn: Any) -> None:
    """Two lines of 44 signs whose check digits agree (ICAO Doc 9303, TD3 positions)."""
    first, second = drawn(kind).fields["mrz"]["value"].split("\n")
    assert len(first) == len(second) == 44
    assert second[9] == _mrz_digit(second[:9])
    assert second[19] == _mrz_digit(second[13:19])
    assert second[27] in {_mrz_digit(second[21:27]), "<"}
    assert second[42] in {_mrz_digit(second[28:42]), "<"}
    assert second[43] == _mrz_digit(second[:10] + second[13:20] + second[21:43])


@pytest.mark.parametrize(
    ("kind", "amount", "total"),
    [
        ("act", "amount", "total"), ("invoice", "amount", "total"), ("contract", "amount", "total"),
        ("vat_invoice", "amount_net", "total_net"), ("upd", "amount_net", "total_net"),
        ("vat_invoice", "amount", "total"), ("upd", "amount", "total"), ("cash_receipt", "amount", "total"),
        ("price_justification", "amount", "total"), ("estimate", "amount", "subtotal"),
        ("invoice_en", "amount", "subtotal"), ("receipt_en", "amount", "subtotal"),
    ],
)  # fmt: skip
def test_lines_add_up(kind: str, amount: str, total: str, drawn: Any) -> None:
    """The sums of the lines make the printed total."""
    specimen = drawn(kind)
    summed = sum((Decimal(row[amount]["value"]) for row in specimen.fields["items"]), Decimal(0))
    assert summed == _value(specimen, total)


@pytest.mark.parametrize(
    ("kind", "price", "amount"),
    [
        ("act", "price", "amount"), ("invoice", "price", "amount"), ("contract", "price", "amount"),
        ("vat_invoice", "price", "amount_net"), ("upd", "price", "amount_net"), ("cash_receipt", "price", "amount"),
        ("price_justification", "average_price", "amount"), ("estimate", "price", "amount"),
        ("invoice_en", "price", "amount"), ("receipt_en", "price", "amount"),
    ],
)  # fmt: skip
def test_quantity_times_price_is_the_sum(kind: str, price: str, amount: str, drawn: Any) -> None:
    """Each line's product, rounded to the kopeck, is its sum."""
    for row in drawn(kind).fields["items"]:
        product = Decimal(row["quantity"]["value"]) * Decimal(row[price]["value"])
        assert abs(product - Decimal(row[amount]["value"])) <= Decimal("0.005")


@pytest.mark.parametrize("kind", ["vat_invoice", "upd", "estimate", "invoice_en", "receipt_en"])
def test_tax_on_top_makes_the_total(kind: str, drawn: Any) -> None:
    """Net and tax make the total where the tax is named."""
    specimen = drawn(kind)
    net = "total_net" if "total_net" in specimen.fields else "subtotal"
    tax = _value(specimen, "vat") if "vat" in specimen.fields else Decimal(0)
    assert _value(specimen, net) + tax == _value(specimen, "total")


def test_words_of_a_seed_do_not_depend_on_fonts(drawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with one font family the same seed draws the same text and fields."""
    full = drawn("act")
    monkeypatch.setattr("chatvlmllm.bench.specimens.draw.installed_fonts", lambda: frozenset({"DejaVu Sans"}))
    bare = make("act", 1)
    assert _plain(bare.text) == _plain(full.text)
    assert {key: entry["value"] for key, entry in _flat(bare.fields).items()} == {
        key: entry["value"] for key, entry in _flat(full.fields).items()
    }
    assert all("DejaVu" in font for font in bare.fonts)


def test_amount_in_words_says_the_amount() -> None:
    """Roubles are spelled, kopecks are digits, endings follow the number."""
    assert amount_in_words(Decimal("1234.05")) == "Одна тысяча двести тридцать четыре рубля 05 копеек"
    assert amount_in_words(Decimal("21.01")) == "Двадцать один рубль 01 копейка"
    assert amount_in_words(Decimal("11.12")).startswith(str(num2words(11, lang="ru")).capitalize() + " рублей")


def test_broken_table_repeats_its_head() -> None:
    """A long list goes on over the page and its second part is known as a continuation."""
    specimen = make("table", next(seed for seed in range(1000) if _is_long_list(seed)))
    first, second = (page.tables[0] for page in specimen.pages[:2])
    assert (first.continued, second.continued) == (False, True)
    assert [cell.text for cell in first.cells if cell.row == 0] == [cell.text for cell in second.cells if cell.row == 0]
    assert first.columns == second.columns
    assert len(specimen.fields["items"]) == 48


def _is_long_list(seed: int) -> bool:
    draw = Draw(Random(f"table/{seed}"))
    page_style(draw)
    facts = module_of("table").facts(draw)
    return not facts["groups"] and len(facts["items"]) == 48


def test_complex_layout_has_every_part(drawn: Any) -> None:
    """Columns are read one after another, and each promised part of the page is a block."""
    page = drawn("complex").pages[0]
    kinds = {block.kind for block in page.blocks}
    assert {"title", "heading", "text", "list_item", "table", "picture", "caption", "formula", "header"} <= kinds
    assert "page_number" in kinds
    assert next(block.latex for block in page.blocks if block.kind == "formula")
    headings = [block for block in page.blocks if block.kind == "heading"]
    assert [block.text[0] for block in headings] == ["1", "2", "3", "4"]
    assert max(block.box[0] for block in headings) > page.width / 4 > headings[0].box[0]


def test_table_grid_has_no_holes(drawn: Any) -> None:
    """Cells with their spans cover each place of the grid exactly once."""
    for kind in ("table", "vat_invoice", "price_justification", "payment_order"):
        for table in drawn(kind).pages[0].tables:
            covered = Counter(
                (row, column)
                for cell in table.cells
                for row in range(cell.row, cell.row + cell.row_span)
                for column in range(cell.column, cell.column + cell.column_span)
            )
            assert set(covered.values()) == {1}, kind
            assert len(covered) == table.rows * table.columns, kind


def test_any_pdf_with_a_layer_is_a_case(drawn: Any) -> None:
    """The truth of a PDF by itself agrees with the generator's about words and size."""
    specimen = drawn("act")
    page = of_pdf(specimen.pdf, 200)[0]
    assert (round(page.width), round(page.height)) == (round(specimen.pages[0].width), round(specimen.pages[0].height))
    assert page.text.split() == specimen.pages[0].text.split()
    assert max(abs(a - b) for w, v in zip(page.words, specimen.pages[0].words, strict=True)
               for a, b in zip(w.box, v.box, strict=True)) < 1e-6  # fmt: skip


def test_unknown_kind_is_named() -> None:
    """A wrong kind is an error that lists the right ones."""
    with pytest.raises(ValueError, match="there are act"):
        make("akt", 1)
