"""Damaged replies: cut anywhere, repeated, mixed up, spoiled. A decoder saves what it can and invents nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatvlmllm.decode import Decoded, Decoder, grounding, layout, markdown, qwen_html, qwen_markdown, text
from chatvlmllm.errors import UndecodableReply
from chatvlmllm.exchange import Reply, Request
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Kind

RECORDINGS = Path(__file__).parents[1] / "recordings" / "dialects"
SPECIMENS = [path.read_text(encoding="utf-8") for path in sorted(RECORDINGS.glob("*/*.txt"))]
PAGE = Size(1240, 1754)

DECODERS: dict[str, Decoder] = {
    "deepseek": grounding.deepseek(),
    "dots": layout.dots(),
    "formula": text.formula,
    "markdown": markdown.decode,
    "qwen_html": qwen_html.decode,
    "qwen_markdown": qwen_markdown.decode,
    "spans": grounding.spans(),
    "spotting": layout.spotting(),
    "tables": text.tables,
    "text": text.decode,
}

GARBAGE = st.sampled_from(
    ['"', "'", "\\", "{", "}", "[", "]", ",", ":", "\x00", "\x1b[2J", "\r", "\n\n", "\t", "\u2028", "\ud83d\ude00", "```"]
    + ["NaN", "-1e999", "9" * 400, "1e9", "null", "\\u", "\\ud83d", "\\u0416", "\\n", "\\f", "\\frac", "&", "&amp;", "&#0;"]
    + ["<", ">", "<td>", "</table>", "<table>", "<td colspan=1000000000 rowspan='-3'>", "<!--", "-->", "<br>", "<script>"]
    + ["<|det|>", "<|/det|>", "<|ref|>", "<|box_start|>", "(", ")", "$$", "\\[", "\\begin{tabular}{l}", "\\end{tabular}"]
    + ["&", "\\\\", "|", "|---|", "# ", "- ", "> ", "<fcel>", "<lcel>", "<nl>", "~~~", "Ж", "  ", '"bbox":', '{"text": "']
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A specimen after a few accidents."""
    reply = draw(st.sampled_from(SPECIMENS))
    for _ in range(draw(st.integers(0, 4))):
        a, b = sorted((draw(st.integers(0, len(reply))), draw(st.integers(0, len(reply)))))
        match draw(st.sampled_from(["cut", "repeat", "drop", "swap", "inject", "noise"])):
            case "cut":
                reply = reply[:b]
            case "repeat":
                reply = reply[:b] + reply[a:]
            case "drop":
                reply = reply[:a] + reply[b:]
            case "swap":
                reply = reply[b:] + reply[a:b] + reply[:a]
            case "inject":
                reply = reply[:a] + draw(GARBAGE) + reply[a:]
            case _:
                reply = reply[:a] + draw(st.text(max_size=8)) + reply[a:]
    return reply


@pytest.mark.parametrize("dialect", sorted(DECODERS))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=damaged())
def test_no_damage_makes_a_decoder_fail_or_invent(
    dialect: str,
    ask: Callable[..., Request],
    answer: Callable[..., Reply],
    sound: Callable[[Decoded, str, Size], None],
    raw: str,
) -> None:
    """Whatever happens to a reply, every text shown is a piece of it, every box is on the page, no cells overlap."""
    try:
        decoded = DECODERS[dialect](answer(raw), ask(PAGE, sent=Size(868, 1232)))
    except UndecodableReply:
        return
    sound(decoded, raw, PAGE)


@pytest.mark.parametrize("dialect", ["dots", "deepseek", "qwen_html", "qwen_markdown", "markdown", "tables"])
def test_t21_a_reply_cut_anywhere_keeps_what_was_complete(
    dialect: str, ask: Callable[..., Request], answer: Callable[..., Reply]
) -> None:
    """The longer the part of a reply that arrived, the more of its text is kept: no cut loses finished blocks."""
    recording = {"dots": "dots/page", "deepseek": "deepseek/page", "qwen_html": "qwen_html/page"}
    name = recording.get(dialect, "qwen_markdown/page" if dialect != "tables" else "tables/html")
    raw = (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8").rstrip()
    seen = 0
    for end in range(0, len(raw), 3):
        try:
            decoded = DECODERS[dialect](answer(raw[:end]), ask(PAGE))
        except UndecodableReply:
            assert seen == 0
            continue
        kept = sum(_weight(block.kind, block.text) for block in decoded.blocks)
        assert kept >= seen - 60, f"cut at {end}: {kept} after {seen}"
        seen = max(seen, kept)


def _weight(kind: Kind, text: str) -> int:
    return len("".join(text.split())) if kind is not Kind.PICTURE else 0


@pytest.mark.parametrize("dialect", sorted(DECODERS))
@given(raw=st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_at_all_is_decoded_or_refused(
    dialect: str,
    ask: Callable[..., Request],
    answer: Callable[..., Reply],
    sound: Callable[[Decoded, str, Size], None],
    raw: str,
) -> None:
    """Even text that is no specimen of anything gives a sound result or `UndecodableReply`."""
    try:
        decoded = DECODERS[dialect](answer(raw), ask(PAGE))
    except UndecodableReply:
        return
    sound(decoded, raw, PAGE)


HOSTILE = {
    "brackets": "[" * 60_000,
    "objects": '{"a":' * 20_000,
    "quotes": '[{"text":"' + '", "' * 20_000,
    "commented": "--><!--" * 10_000,
    "cells": "<table>" + "<tr><td rowspan=9999 colspan=9999>" * 5_000,
    "nested_tables": "<table><tr><td>" * 8_000,
    "pipes": "a|b\n-|-\n" + "|" * 40_000,
    "refs": "<|ref|>" * 20_000,
    "boxes": "<|ref|>a<|/ref|><|det|>[[" + "1," * 40_000,
    "tabulars": "\\begin{tabular}{l}" * 4_000,
    "braces": "\\begin{tabular}{l}" + "\\multicolumn{2}{" * 8_000,
    "titles": "\\title{" * 6_000,
    "formulas": "\\[\n" * 20_000,
    "dollars": "$$\nx\n" * 10_001,
    "quoted": ">" * 20_000,
    "lists": "- " * 10_000,
    "divs": "<div data-bbox='1 1 2 2'>" * 8_000,
    "otsl": "<fcel><nl>" * 20_000,
    "fences": "```\n" * 10_001,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_replies_take_linear_time(
    name: str, ask: Callable[..., Request], answer: Callable[..., Reply]
) -> None:
    """No dialect needs more than seconds, or the interpreter's stack, for a reply made to exhaust it."""
    import time

    for dialect, decoder in DECODERS.items():
        begin = time.perf_counter()
        try:
            decoder(answer(HOSTILE[name]), ask(PAGE))
        except UndecodableReply:
            pass
        assert time.perf_counter() - begin < 3, dialect
