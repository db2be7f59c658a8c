"""Cases: drawn documents, the user's own folder, PDFs with a layer, and published sets in their layouts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from chatvlmllm.bench.cases import Wish, gather
from chatvlmllm.bench.specimens import make
from chatvlmllm.bench.truth import of_pdf
from chatvlmllm.errors import NothingToMeasure, UnknownData, UnknownDegradation, UnreadableTruth
from tests.conftest import encoded, picture


def test_a_drawn_case_repeats_itself() -> None:
    """One seed gives the same pages and the same truth; another seed gives other ones; every degradation is a case."""
    wish = Wish(7, ("clean", "scan"))
    first, again, other = (gather(["generated:snils"], one) for one in (wish, wish, Wish(8, ("clean", "scan"))))
    assert [case.id for case in first] == ["generated/snils-7-p1-clean", "generated/snils-7-p1-scan"]
    assert [(case.draw(), case.truth) for case in first] == [(case.draw(), case.truth) for case in again]
    assert first[0].draw() != other[0].draw()
    assert first[0].truth.text == first[1].truth.text
    assert first[0].truth.form == "snils"
    assert first[0].truth.fields


def test_boxes_follow_the_degradation() -> None:
    """Truth boxes are those of the picture that is given out: on a turned page they are turned."""
    clean, turned = gather(["generated:snils"], Wish(1, ("clean", "turn=90")))
    width, height = Image.open(io.BytesIO(clean.draw())).size
    assert Image.open(io.BytesIO(turned.draw())).size == (height, width)
    (_, (left, top, right, bottom)), (_, moved) = clean.truth.words[0], turned.truth.words[0]
    assert moved == pytest.approx((height - bottom, left, height - top, right), abs=2)


def test_movement_is_that_of_the_whole_degradation() -> None:
    """The cheap way to know where points go agrees with really spoiling the page."""
    from chatvlmllm.bench.cases.recipes import movement, spoil

    page = Image.new("RGB", (600, 800), "white")
    for name in ("photo", "bad_scan", "fold=0.5+noise=0.3+skew=0.7"):
        assert movement((600, 800), name, 3) == spoil(page, name, 3)[1]


def test_own_folder_with_truth_beside(tmp_path: Path) -> None:
    """Text, fields, tables and formulas are found beside their files, by either way of naming them."""
    (tmp_path / "bills").mkdir()
    (tmp_path / "bills" / "a.png").write_bytes(encoded(picture(), "PNG"))
    (tmp_path / "bills" / "a.png.gt.txt").write_text("Hello world\n")
    (tmp_path / "bills" / "b.jpg").write_bytes(encoded(picture(), "JPEG"))
    (tmp_path / "bills" / "b.gt.txt").write_text("Привет")
    (tmp_path / "bills" / "b.html").write_text("<p>x</p><table><tr><td>1</table><table><tr><td>2</table>")
    fields = {"type": "invoice", "fields": {"number": "17", "favourite_colour": "red"}}
    (tmp_path / "bills" / "b.fields.json").write_text(json.dumps(fields))
    (tmp_path / "unlabelled.png").write_bytes(encoded(picture(), "PNG"))
    first, second = gather([str(tmp_path)], Wish())
    assert (first.kind, first.truth.text, first.draw()) == (
        "bills", "Hello world", (tmp_path / "bills" / "a.png").read_bytes(),
    )  # fmt: skip
    assert (second.kind, second.truth.form, second.truth.fields) == ("invoice", "invoice", {"number": "17"})
    assert len(second.truth.tables) == 2


def test_pages_of_one_file_are_parted_by_form_feeds(tmp_path: Path) -> None:
    """A two-page TIFF with a two-page truth is two cases with a picture each."""
    pages = [picture("one"), picture("two")]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    (tmp_path / "both.tif").write_bytes(stream.getvalue())
    (tmp_path / "both.gt.txt").write_text("one\fzwei")
    cases = gather([str(tmp_path)], Wish())
    assert [case.truth.text for case in cases] == ["one", "zwei"]
    assert [Image.open(io.BytesIO(case.draw())).tobytes() for case in cases] == [page.tobytes() for page in pages]


def test_a_born_digital_pdf_needs_no_truth(tmp_path: Path) -> None:
    """Its own layer is the truth of each page and degradation, word for word, and every word lies on the picture."""
    specimen = make("invoice_en", 3)
    (tmp_path / "bill.pdf").write_bytes(specimen.pdf)
    cases = gather([str(tmp_path / "bill.pdf")], Wish(5, ("clean", "skew=0.5")))
    layer = of_pdf(specimen.pdf)
    assert len(cases) == 2 * len(layer)
    for case in cases:
        assert case.truth.text == layer[0].text
        width, height = Image.open(io.BytesIO(case.draw())).size
        assert all(
            0 <= box[0] < box[2] <= width + 1 and 0 <= box[1] < box[3] <= height + 1 for _, box in case.truth.words
        )


def test_a_scanned_pdf_without_truth_is_no_case(tmp_path: Path) -> None:
    """A PDF that is only a picture has no layer to learn the truth from."""
    picture().save(tmp_path / "scan.pdf")
    with pytest.raises(NothingToMeasure):
        gather([str(tmp_path)], Wish())


def test_limit_spreads_over_kinds() -> None:
    """Few pages are taken from every kind rather than all from the first."""
    cases = gather(["generated:snils,inn_certificate:3"], Wish(limit=4))
    assert sorted(case.kind for case in cases) == ["inn_certificate", "inn_certificate", "snils", "snils"]


def test_what_is_unknown_is_named() -> None:
    """Unknown kinds, paths and degradations are errors that list the known ones."""
    with pytest.raises(UnknownData, match="passport_rf"):
        gather(["generated:pasport"], Wish())
    with pytest.raises(UnknownData, match="no/such/folder"):
        gather(["no/such/folder"], Wish())
    for wrong in ("scann", "blur=much", "blur"):
        with pytest.raises(UnknownDegradation, match="bad_scan"):
            gather(["generated:snils"], Wish(degradations=(wrong,)))


def test_broken_truth_is_an_error_not_a_silent_gap(tmp_path: Path) -> None:
    """A field file that is no JSON object stops the run and names itself."""
    (tmp_path / "a.png").write_bytes(encoded(picture(), "PNG"))
    (tmp_path / "a.png.fields.json").write_text("[1, 2")
    with pytest.raises(UnreadableTruth, match=r"a\.png"):
        gather([str(tmp_path)], Wish())


def test_omnidocbench_layout(tmp_path: Path) -> None:
    """Blocks in their order make the text; tables, formulas, kinds and boxes are kept; ignored blocks are not."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "p1.png").write_bytes(encoded(picture(), "PNG"))

    def block(kind: str, order: int | None, **more: object) -> dict[str, object]:
        return {"category_type": kind, "order": order, "poly": [1, 2, 11, 2, 11, 8, 1, 8], "ignore": False, **more}

    page = {
        "page_info": {"image_path": "p1.png", "width": 640, "height": 160, "page_attribute": {"data_source": "book"}},
        "layout_dets": [
            block("text_block", 2, text="second"),
            block("title", 1, text="First"),
            block("table", 3, html="<table><tr><td>a</td></tr></table>"),
            block("equation_isolated", 4, latex="$$a+b$$"),
            block("text_block", 5, text="hidden", ignore=True),
            block("text_mask", None),
        ],
    }
    missing = {"page_info": {"image_path": "gone.png"}, "layout_dets": []}
    (tmp_path / "OmniDocBench.json").write_text(json.dumps([page, missing]))
    (case,) = gather([str(tmp_path)], Wish())
    assert (case.kind, case.truth.text) == ("book", "First\nsecond")
    assert (case.truth.tables, case.truth.formulas) == (("<table><tr><td>a</td></tr></table>",), ("$$a+b$$",))
    assert [region.kind for region in case.truth.regions] == ["title", "text", "table", "formula"]
    assert case.truth.regions[0].box == (1, 2, 11, 8)


def test_olmocr_layout(tmp_path: Path) -> None:
    """Facts of all files about one page are one case, with that page of the PDF as its picture."""
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "pdfs" / "x.pdf").write_bytes(make("invoice_en", 3).pdf)
    place = {"pdf": "x.pdf", "page": 1, "max_diffs": 0}
    (tmp_path / "headers.jsonl").write_text(json.dumps({**place, "id": "1", "type": "absent", "text": "Page 1"}))
    lines = [{**place, "id": "2", "type": "present", "text": "Invoice"}, {**place, "id": "3", "type": "order"}]
    (tmp_path / "text.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    (case,) = gather([str(tmp_path)], Wish())
    assert [fact.rule for fact in case.truth.facts] == ["absent", "present", "order"]
    assert case.truth.facts[1].words["text"] == "Invoice"
    assert Image.open(io.BytesIO(case.draw())).size[0] > 1000
