"""What each dialect promises beyond its recordings, and the traps that it must keep out."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatvlmllm.decode import Decoded, grounding, layout, markdown, qwen_html, qwen_markdown, text
from chatvlmllm.decode.blocks import build, known
from chatvlmllm.decode.boxes import thousand
from chatvlmllm.decode.tally import Tally
from chatvlmllm.errors import UndecodableReply
from chatvlmllm.exchange import Stop
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Format, Kind
from tests.decode.support import answer, ask


def codes(decoded: Decoded) -> set[str]:
    return {notice.code for notice in decoded.notices}


def element(text: str, category: str = "Text", bbox: object = (10, 10, 90, 90)) -> dict[str, object]:
    return {"bbox": bbox, "category": category, "text": text}


def test_t21_a_cut_is_told_even_if_the_engine_says_the_end() -> None:
    """A layout that breaks off is marked as cut by its own form; the reason that the engine gave is not needed."""
    raw = json.dumps([element("Акт"), element("Итого")], ensure_ascii=False)
    assert "reply_cut" not in codes(layout.dots()(answer(raw), ask()))
    decoded = layout.dots()(answer(raw[:-30], Stop.END), ask())
    assert "reply_cut" in codes(decoded)
    assert decoded.blocks[0].text == "Акт"


@pytest.mark.parametrize(
    "said", ["А123ВС 77", "№5А", "**жирно**", "a   b", "0 0 0", "Cчёт", "l1I|", "—— ··· ……", "1  234,50"]
)
def test_t24_text_is_never_cleaned(said: str) -> None:
    """Blanks, stars, look-alike letters, zeros and dashes come out of every dialect as they went in."""
    as_json = json.dumps([element(said)], ensure_ascii=False)
    assert layout.dots()(answer(as_json), ask()).blocks[0].text == said
    tagged = f"<|ref|>text<|/ref|><|det|>[[1, 1, 9, 9]]<|/det|>\n{said}"
    assert grounding.deepseek()(answer(tagged), ask()).blocks[0].text == said
    assert markdown.decode(answer(said), ask()).blocks[0].text == said
    assert text.decode(answer(said), ask()).blocks[0].text == said
    assert qwen_markdown.decode(answer(said), ask()).blocks[0].text == said


def test_t24_the_reply_itself_is_untouched() -> None:
    """Decoding makes new values; the raw reply stays as the model said it."""
    raw = '```json\n[{"bbox": [1, 1, 9, 9], "category": "Text", "text": "а\nб"}]\n```'
    reply = answer(raw)
    layout.dots()(reply, ask())
    assert reply.text == raw


def test_t25_quotes_and_line_breaks_in_texts_lose_no_element() -> None:
    """Raw line breaks, inner quotes and HTML attributes in texts leave all fourteen elements found."""
    rows = [f'{{"bbox": [1, {n}, 90, {n + 9}], "category": "Text", "text": "ряд {n}\nООО "Ель", <b class="x">да</b>"}}'
            for n in range(14)]  # fmt: skip
    decoded = layout.dots()(answer("[" + ",\n".join(rows) + "]"), ask())
    assert [block.text for block in decoded.blocks] == [f'ряд {n}\nООО "Ель", <b class="x">да</b>' for n in range(14)]
    assert all(block.box for block in decoded.blocks)


def test_t26_a_footer_after_the_json_does_not_turn_it_into_text() -> None:
    """Prose behind the list is set aside with a notice; the elements are read as elements."""
    raw = json.dumps([element("Акт")], ensure_ascii=False) + "\n\n*Страница обработана за 3 с*"
    decoded = layout.dots()(answer(raw), ask())
    assert [block.text for block in decoded.blocks] == ["Акт"]
    assert codes(decoded) == {"text_outside_json"}


def test_t27_no_block_of_markdown_is_indented_like_code() -> None:
    """Indented paragraphs and tables from a model lose the indentation that would show them as source code."""
    raw = "    Абзац с отступом\n\n      <table><tr><td>1</td></tr></table>\n\n\tЕщё"
    decoded = markdown.decode(answer(raw), ask())
    assert [block.kind for block in decoded.blocks] == [Kind.TEXT, Kind.TABLE, Kind.TEXT]
    assert not any(block.text.startswith((" ", "\t")) for block in decoded.blocks)


def test_t31_each_reply_has_its_own_boxes() -> None:
    """Nothing is kept between replies: each is decoded into its own blocks, equal for equal replies."""
    decode = layout.dots()
    first = answer(json.dumps([element("один")], ensure_ascii=False))
    second = answer(json.dumps([element("два", bbox=[20, 20, 40, 40])], ensure_ascii=False))
    before = decode(first, ask())
    decode(second, ask())
    assert decode(first, ask()) == before
    assert [block.box for block in before.blocks] == [Box(10, 10, 90, 90)]


def test_t31_an_element_said_twice_is_shown_once() -> None:
    """Exact repetitions of a located element are dropped and counted; equal texts in other places stay."""
    rows = [element("Итого"), element("Итого"), element("Итого", bbox=[10, 100, 90, 190])]
    decoded = layout.dots()(answer(json.dumps(rows)), ask())
    assert len(decoded.blocks) == 2
    assert [(n.code, n.details["count"]) for n in decoded.notices] == [("duplicates_dropped", 1)]


def test_t32_boxes_are_rescaled_from_the_image_as_sent() -> None:
    """dots.ocr counts in the resized image that it was sent; blocks are in pixels of the page."""
    request = ask(Size(2000, 2800), sent=Size(980, 1372))
    decoded = layout.dots()(answer(json.dumps([element("x", bbox=[490, 686, 980, 1372])])), request)
    assert decoded.blocks[0].box == Box(1000, 1400, 2000, 2800)


@given(
    bbox=st.lists(st.one_of(st.integers(-(10**12), 10**12), st.floats(), st.none(), st.text(max_size=4)), max_size=9)
)
@example(bbox=["", float("inf"), "["])
def test_t32_a_bad_box_costs_the_box_and_not_the_text(bbox: list[object]) -> None:
    """Whatever stands in a box, the text is kept; without a usable box there is a notice."""
    decoded = layout.dots()(answer(json.dumps([element("Важный текст", bbox=bbox)])), ask())
    assert [block.text for block in decoded.blocks] == ["Важный текст"]
    assert decoded.blocks[0].box is not None or codes(decoded) & {"boxes_dropped"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Section-header", Kind.HEADING),
        ("section_header", Kind.HEADING),
        ("Section-Header", Kind.HEADING),
        ("SECTION HEADER", Kind.HEADING),
        ("Page-header", Kind.HEADER),
        ("List-item", Kind.LIST),
        ("table_caption", Kind.CAPTION),
        ("Table", Kind.TABLE),
        ("seal", Kind.STAMP),
        ("Tablet", None),
        ("Textual", None),
        ("", None),
    ],
)
def test_t33_categories_are_known_by_their_whole_name(name: str, kind: Kind | None) -> None:
    """Case and hyphens do not matter, parts of names do not count: "Tablet" is no table."""
    assert known(name) is kind


def test_t33_an_unknown_category_is_text_with_a_notice() -> None:
    """A made-up category keeps its text and box, and its name is told."""
    decoded = layout.dots()(answer(json.dumps([element("x", "Watermark")])), ask())
    assert decoded.blocks[0].kind is Kind.TEXT
    assert [(n.code, n.details) for n in decoded.notices] == [("unknown_category", {"count": 1, "name": "Watermark"})]


@pytest.mark.parametrize("category", ["Caption", "Footnote", "Formula", "List-item", "Page-footer", "Page-header",
                                      "Picture", "Section-header", "Table", "Text", "Title"])  # fmt: skip
def test_every_category_of_the_dots_prompt_is_known(category: str) -> None:
    """The eleven categories that the prompt allows are all kinds of ours."""
    assert known(category) is not None


def test_a_layout_without_elements_is_refused_by_name() -> None:
    """JSON that holds no element is an undecodable reply that names the model; an empty list is an empty page."""
    with pytest.raises(UndecodableReply) as caught:
        layout.dots()(answer('{"error": {"code": 7}}'), ask())
    assert caught.value.details["model"] == "specimen"
    assert layout.dots()(answer("[]"), ask()) == Decoded()
    assert layout.dots()(answer(" \n"), ask()) == Decoded()


def test_elements_are_found_inside_wrappers() -> None:
    """A model that wraps its list in an object, or writes one object per line, is understood the same."""
    rows = [element("один"), element("два", bbox=[10, 100, 90, 190])]
    forms = [
        json.dumps({"layout": rows}),
        "\n".join(json.dumps(row) for row in rows),
        json.dumps([[rows[0]], [rows[1]]]),
    ]
    assert len({layout.dots()(answer(form), ask()).blocks for form in forms}) == 1


def test_spotted_lines_are_words_with_places() -> None:
    """Spotting gives lines with boxes in page pixels, whether the model says text_content, text or label."""
    for name in ("text_content", "text", "label"):
        raw = json.dumps([{"bbox_2d": [0, 0, 500, 500], name: " Чек № 8 "}], ensure_ascii=False)
        block = layout.spotting()(answer(raw), ask(Size(200, 400))).blocks[0]
        assert (block.text, block.lines[0].box) == ("Чек № 8", Box(0, 0, 100, 200))


def test_location_tags_that_are_not_pairs_lose_no_text() -> None:
    """Stray, unclosed and unknown tags leave the text between them readable."""
    raw = "До <|/ref|> и <|det|>[[1, 2<|ref|>text<|/ref|> после <|det|>[[9, 9, 1, 1]]<|/det|> конец"
    decoded = grounding.deepseek()(answer(raw), ask())
    said = " ".join(block.text for block in decoded.blocks)
    assert all(word in said for word in ("До", "и", "после", "конец"))
    assert "boxes_dropped" in codes(decoded)


def test_grids_of_tags_can_be_chosen() -> None:
    """A card may say in which grid its model counts."""
    raw = "<|ref|>Акт<|/ref|><|det|>[[0, 0, 500, 500]]<|/det|>"
    block = grounding.deepseek(thousand)(answer(raw), ask(Size(1000, 1000))).blocks[0]
    assert block.box == Box(0, 0, 500, 500)


def test_html_outside_of_elements_and_unknown_tags_stay_text() -> None:
    """Text without an element, and what only looks like a tag, is read; scripts and styles are not."""
    raw = "<style>p{color:red}</style>Без тега <ФИО> и x < 3<script>alert(1)</script><p>Дальше"
    decoded = qwen_html.decode(answer(raw), ask())
    assert [block.text for block in decoded.blocks] == ["Без тега <ФИО> и x < 3", "Дальше"]


def test_a_comment_without_its_table_gives_no_box_to_others() -> None:
    """A place announced for a table is not given to a paragraph; it is dropped and counted."""
    decoded = qwen_markdown.decode(answer("<!-- Table (1, 2, 30, 40) -->\nПросто текст"), ask())
    assert [(block.kind, block.box) for block in decoded.blocks] == [(Kind.TEXT, None)]
    assert codes(decoded) == {"boxes_dropped"}


@pytest.mark.parametrize(
    ("source", "text", "level"),
    [
        ("# Акт", "Акт", 1),
        ("### 1. Предмет ###", "1. Предмет", 3),
        ("C#", "C#", None),
        ("#5 без пробела", "#5 без пробела", None),
    ],
)
def test_heading_marks_become_levels(source: str, text: str, level: int | None) -> None:
    """The marks of a heading are its level; a number sign that is content stays."""
    block = build(Kind.HEADING, source, None, Tally())
    assert (block.text, block.level) == (text, level)


@pytest.mark.parametrize(
    "source", ["$$x^2$$", "\\[x^2\\]", "\\( x^2 \\)", "$x^2$", "x^2", "```latex\n\\[\nx^2\n\\]\n```"]
)
def test_formulas_lose_their_delimiters(source: str) -> None:
    """One formula in any delimiters, fenced or not, is the LaTeX between them."""
    block = text.formula(answer(source), ask()).blocks[0]
    assert (block.kind, block.format, block.text) == (Kind.FORMULA, Format.LATEX, "x^2")


def test_two_formulas_are_not_taken_for_one() -> None:
    """Delimiters are removed only when they enclose the whole."""
    assert build(Kind.FORMULA, "$a$ и $b$", None, Tally()).text == "$a$ и $b$"


def test_inline_formulas_stay_in_their_sentence() -> None:
    """Only a formula on lines of its own is a block."""
    raw = "Пусть $$x$$ больше \\[2\\], тогда \\\\[2pt] конец"
    assert [block.text for block in markdown.decode(answer(raw), ask()).blocks] == [raw]


@given(raw=st.text(st.sampled_from("абв12 #*-|`~>$\\[](){}_<>/=+.\n\r\t"), max_size=200))
def test_markdown_loses_no_letter(raw: str) -> None:
    """Every letter and digit of a Markdown reply is in some block, in the same order."""
    decoded = markdown.decode(answer(raw), ask())
    wanted = [c for c in raw if c in "абв"]
    assert [c for block in decoded.blocks for c in block.text if c in "абв"] == wanted


def test_a_whole_answer_in_a_fence_is_taken_out() -> None:
    """A fence around everything is packaging; a fence around a part is content and its text stays."""
    assert markdown.decode(answer("```markdown\n# Акт\n```"), ask()).blocks[0].text == "Акт"
    assert markdown.decode(answer("```markdown\n# Акт"), ask()).blocks[0].text == "Акт"
    blocks = markdown.decode(answer("Код:\n```\nпечать(1)\n```\nКонец"), ask()).blocks
    assert [block.text for block in blocks] == ["Код:", "печать(1)", "Конец"]
