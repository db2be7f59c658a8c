"""What the workbench does before any browser: words, safe text, data of pictures, corrections."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatvlmllm import forms
from chatvlmllm.corrections import Corrections, checked, mended
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Cell, Doubt, Evidence, Kind, Reading, Repair, Table, Verdict
from chatvlmllm.ui import formulas, safe, shown, talking
from chatvlmllm.ui.views.compare import difference
from chatvlmllm.ui.words import catalogue


def reading(*texts: str, doubts: tuple[Doubt, ...] = (), repairs: tuple[Repair, ...] = ()) -> Reading:
    blocks = tuple(Block(Kind.TEXT, text, Box(0, 10 * n, 50, 10 * n + 9)) for n, text in enumerate(texts))
    evidence = Evidence(doubts=doubts, repairs=repairs)
    return Reading(page=1, size=Size(100, 100), verdict=Verdict.OK, asked="auto", blocks=blocks, evidence=evidence)


def test_both_languages_of_the_workbench_say_the_same_things() -> None:
    """The two catalogues have the same keys and name the same values."""
    import string

    def shape(language: str) -> dict[str, set[str | None]]:
        return {
            key: {name for _, name, *_ in string.Formatter().parse(text) if name}
            for key, text in catalogue(language).items()
        }

    assert shape("ru") == shape("en")
    assert all(text.strip() for language in ("ru", "en") for text in catalogue(language).values())


def test_every_sentence_that_is_used_exists() -> None:
    """Whatever key the code names is in the catalogue, and nothing else is."""
    import ast
    from pathlib import Path

    import chatvlmllm.ui

    named: set[str] = set()
    patterns: set[str] = set()
    for file in Path(chatvlmllm.ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                patterns.add(str(node.values[0].value))
    plural = {f"{key}.{form}" for key in ("plural.files", "plural.pages") for form in ("one", "few", "many")}
    known = set(catalogue("ru"))
    unused = known - named - plural - {k for k in known if any(k.startswith(p) for p in patterns if "." in p)}
    assert unused == set()


def test_t45_the_interface_loads_no_engine() -> None:
    """Drawing pages needs no network library, no reader and no GPU: the server has them."""
    code = (
        "import sys, chatvlmllm.ui.frame, chatvlmllm.server.presence;"
        "print(*sorted({name.split('.')[0] for name in sys.modules} | set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    heavy = {"torch", "transformers", "onnxruntime", "cv2", "tesserocr", "pypdfium2", "fastapi", "pynvml"}
    assert heavy.isdisjoint(loaded)
    assert {"chatvlmllm.pipeline", "chatvlmllm.engines.host", "chatvlmllm.page"}.isdisjoint(loaded)


def test_t33_every_category_has_a_colour_and_a_word_of_its_own() -> None:
    """No category is grey for want of a name, and each colour is readable on white paper."""
    assert set(shown.COLOURS) == set(Kind)
    assert len(set(shown.COLOURS.values())) == len(Kind)
    for colour in shown.COLOURS.values():
        assert contrast(colour, "#ffffff") >= 4.5
    for language in ("ru", "en"):
        assert len({catalogue(language)[f"kinds.{kind.value}"] for kind in Kind}) == len(Kind)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@given(st.text(alphabet="<>&\"'`![]()*_#=|\\ \nabжscriptimgonerrorhttp:/.", max_size=200))
def test_t28_no_text_becomes_a_tag_a_link_or_a_picture(text: str) -> None:
    """Markdown of a document or a model gives only the tags of text itself, without attributes."""
    import re

    tags = re.findall(r"<[^>]*>", safe.to_html(text) + safe.paragraph(text))
    allowed = {"p", "em", "strong", "code", "pre", "br", "ul", "ol", "li", "blockquote", "hr", "table", "thead"}
    allowed |= {"tbody", "tr", "th", "td", *(f"h{level}" for level in range(1, 7))}
    for tag in tags:
        assert re.fullmatch(r'</?(\w+)( ?/)?>|<p class="plain">|<ol start="\d+">|<code class="[^"<>]*">', tag), tag
        assert re.match(r"</?(\w+)", tag)[1] in allowed  # type: ignore[index]


@given(st.lists(st.text(alphabet="абв1 ", max_size=12), max_size=4), st.data())
def test_pieces_are_the_whole_text(texts: list[str], data: st.DataObject) -> None:
    """Cut where doubts begin and end, a block's pieces put together are its text again."""
    whole = reading(*texts)
    length = len(whole.text)
    ends = [tuple(sorted(data.draw(st.tuples(*[st.integers(0, length)] * 2)))) for _ in range(3)]
    doubts = tuple(Doubt(start, end, "mixed_script", "x") for start, end in ends)
    for block, entry in zip(
        [one for one in whole.blocks if one.text],
        shown.blocks(reading(*texts, doubts=doubts), lambda key: key, "ru"),
        strict=True,
    ):
        assert "".join(piece["text"] for piece in entry["pieces"]) == block.text


@given(st.lists(st.text(alphabet="абв ", min_size=1, max_size=8), min_size=2, max_size=4), st.text("где", max_size=9))
def test_a_corrected_text_keeps_the_doubts_of_the_others(texts: list[str], new: str) -> None:
    """Whoever puts one block right loses nothing that was said about the rest of the page."""
    before = reading(*texts)
    start = before.text.rindex(texts[-1])
    doubt = Doubt(start, start + len(texts[-1]), "mixed_script", texts[-1])
    own = Doubt(0, len(texts[0]), "mixed_script", texts[0])
    found = mended(reading(*texts, doubts=(own, doubt)), Corrections(blocks={"1:0": new}))
    assert found.blocks[0].text == new
    assert [one.code for one in found.notices] == ["corrected"]
    last = found.evidence.doubts[-1]
    assert found.text[last.start : last.end] == texts[-1]
    if new != texts[0]:
        assert len(found.evidence.doubts) == 1


def test_a_corrected_cell_is_in_every_notation() -> None:
    """The grid and the source text of a corrected table say the same; the other cells stay."""
    table = Table(1, 2, (Cell(0, 0, "Итого"), Cell(0, 1, "1О0")))
    page = replace(reading("x"), blocks=(Block(Kind.TABLE, "<table>…</table>", None, table=table),))
    found = mended(page, Corrections(cells={"1:0:0:1": "100"})).blocks[0]
    assert found.table is not None
    assert found.table.grid() == [["Итого", "100"]]
    assert "100" in found.text
    assert "1О0" not in found.text


def test_a_corrected_field_is_checked_again() -> None:
    """A wrong check digit that was put right passes, and the check says so."""
    page = reading("Счет на оплату № 5 от 1 марта 2026 г.", "ИНН 7707083894", "Поставщик ООО «Ромашка», ИНН 7707083894")
    paper = forms.extract([page], "invoice")
    form = forms.find("invoice")
    wrong = next(one for one in paper.fields if one.kind == "inn" and one.value)
    assert wrong.outcome == "failed"
    found = checked(paper, form, Corrections(fields={wrong.key: "7707083893"}))
    right = next(one for one in found.fields if one.key == wrong.key)
    assert (right.value, right.outcome) == ("7707083893", "ok")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "a & b < c"])
def test_differences_are_inert(hostile: str) -> None:
    """Compared texts are shown to the letter; only the marks of the difference are tags."""
    import re

    found = difference("первый текст", f"первый {hostile} текст")
    assert set(re.findall(r"</?[a-z]+[^>]*>", found)) <= {"<ins>", "</ins>", "<del>", "</del>"}
    assert difference("один", "один") == "один"


def test_a_conversation_is_sent_whole() -> None:
    """Every question travels with the pictures that came with it; a reader gets all pictures with the last one."""
    messages = [
        {"role": "user", "text": "первый", "pictures": [1, 2]},
        {"role": "assistant", "text": "ответ"},
        {"role": "user", "text": "второй", "pictures": []},
    ]
    first = talking.sent(messages[0], lambda number: bytes([number]))
    assert [part["type"] for part in first["content"]] == ["image_url", "image_url", "text"]
    assert talking.sent(messages[1], lambda _: b"") == {"role": "assistant", "content": "ответ"}
    assert talking.sent(messages[2], lambda _: b"")["content"] == "второй"


@pytest.mark.parametrize(
    "latex",
    [
        "a $$ ![p](http://198.51.100.7/p.png) $$ b",
        r"\href{javascript:window.hacked=1}{x}",
        r"\htmlStyle{position:fixed}{x}",
        r"\rule{900em}{900em}",
        r"\def\a{\a\a}\a",
        "x" * 10_000,
    ],
)
def test_t28_a_formula_that_would_act_is_text(latex: str) -> None:
    """A formula can neither end its place, nor lead anywhere, nor draw over the page, nor grow without end."""
    assert formulas.drawable(latex) is None
    for drawn, piece in formulas.pieces(f"До ${latex}$ после, $x$"):
        if drawn:
            assert latex not in dollars(piece)[1]


@given(st.text(alphabet="ab $|*_`[]()<>!:\\\n#-1.@", max_size=60))
@example(r"$a\$ ![p](http://198.51.100.7/p.png) $")
@example("$a $$ ![p](http://198.51.100.7/p.png) $$ b$")
def test_t28_only_formulas_act_where_formulas_are_drawn(text: str) -> None:
    """Outside formulas every sign that Markdown knows is escaped, or was written by us."""
    for drawn, piece in formulas.pieces(text):
        if drawn:
            assert not set("[]()<>!`@:$") & set(dollars(piece)[0])


def dollars(markdown: str) -> tuple[str, list[str]]:
    """What is outside formulas, escapes taken away, and the formulas: as the browser's Markdown takes them."""
    outside, inside, at = "", list[str](), 0
    while at < len(markdown):
        run = re.match(r"\$+", markdown[at:])
        ends = [] if run is None else [m.start() for m in re.finditer(r"\$+", markdown[at + run.end() :])
                                       if len(m[0]) == run.end()]  # fmt: skip
        if run is not None and ends:
            inside.append(markdown[at + run.end() : at + run.end() + ends[0]])
            at += 2 * run.end() + ends[0]
        elif markdown[at] == "\\":
            at += 2
        else:
            outside += markdown[at]
            at += 1
    return outside, inside
