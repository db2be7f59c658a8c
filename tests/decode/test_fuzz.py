"""Damaged replies: cut anywhere, repeated, mixed up, spoiled. A decoder saves what it can and invents nothing."""

import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatvlmllm.errors import UndecodableReply
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Kind
from tests.decode.support import DIALECTS, RECORDINGS, answer, ask, assert_sound

SPECIMENS = [path.read_text(encoding="utf-8") for path in sorted(RECORDINGS.glob("*/*.txt"))]
PAGE = Size(1240, 1754)

WORDS = r"""
" ' \ { } [ ] , : ``` NaN -1e999 1e9 null \u \ud83d \u0416 \n \f \frac & &amp; &#0; < > <td> </table> <table> <!--
--> <br> <script> <|det|> <|/det|> <|ref|> <|box_start|> ( ) $$ \[ \begin{tabular}{l} \end{tabular} \\ | |---| # - >
<fcel> <lcel> <nl> ~~~ Ж "bbox": {"text":" \multirow{2}{*}{
"""
OTHERS = [
    "\x00",
    "\x1b[2J",
    "\r",
    "\n\n",
    "\t",
    "\u2028",
    "😀",
    "9" * 400,
    "<td colspan=1000000000 rowspan='-3'>",
    "- ",
    "# ",
]
GARBAGE = st.sampled_from(WORDS.split() + OTHERS)


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


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=damaged())
def test_no_damage_makes_a_decoder_fail_or_invent(
    dialect: str,
    raw: str,
) -> None:
    """Whatever happens to a reply, every text shown is a piece of it, every box is on the page, no cells overlap."""
    try:
        decoded = DIALECTS[dialect](answer(raw), ask(PAGE, sent=Size(868, 1232)))
    except UndecodableReply:
        return
    assert_sound(decoded, raw, PAGE)


@pytest.mark.parametrize("dialect", ["dots", "deepseek", "qwen_html", "qwen_markdown", "markdown", "tables"])
def test_t21_a_reply_cut_anywhere_keeps_what_was_complete(dialect: str) -> None:
    """The longer the part of a reply that arrived, the more of its text is kept: no cut loses finished blocks."""
    name = "html" if dialect == "tables" else "page"
    raw = (RECORDINGS / dialect / f"{name}.txt").read_text(encoding="utf-8").rstrip()
    seen = 0
    for end in range(0, len(raw), 3):
        try:
            decoded = DIALECTS[dialect](answer(raw[:end]), ask(PAGE))
        except UndecodableReply:
            assert seen == 0
            continue
        kept = sum(_weight(block.kind, block.text) for block in decoded.blocks)
        assert kept >= seen - 60, f"cut at {end}: {kept} after {seen}"
        seen = max(seen, kept)


def _weight(kind: Kind, text: str) -> int:
    return len("".join(text.split())) if kind is not Kind.PICTURE else 0


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@given(raw=st.text(max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_text_at_all_is_decoded_or_refused(
    dialect: str,
    raw: str,
) -> None:
    """Even text that is no specimen of anything gives a sound result or `UndecodableReply`."""
    try:
        decoded = DIALECTS[dialect](answer(raw), ask(PAGE))
    except UndecodableReply:
        return
    assert_sound(decoded, raw, PAGE)


HOSTILE = {
    "brackets": "[" * 40_000,
    "objects": '{"a":' * 8_000,
    "quotes": '[{"text":"' + '", "' * 8_000,
    "commented": "--><!--" * 5_000,
    "cells": "<table>" + "<tr><td rowspan=9999 colspan=9999>" * 1_500,
    "nested_tables": "<table><tr><td>" * 3_000,
    "pipes": "a|b\n-|-\n" + "|" * 3_000,
    "refs": "<|ref|>" * 8_000,
    "boxes": "<|ref|>a<|/ref|><|det|>[[" + "1," * 40_000,
    "tabulars": "\\begin{tabular}{l}" * 4_000,
    "braces": "\\begin{tabular}{l}" + "\\multicolumn{2}{" * 3_000,
    "titles": "\\title{" * 2_000,
    "formulas": "\\[\n" * 8_000,
    "dollars": "$$\nx\n" * 3_001,
    "quoted": ">" * 8_000,
    "lists": "- " * 5_000,
    "divs": "<div data-bbox='1 1 2 2'>" * 3_000,
    "otsl": "<fcel><nl>" * 8_000,
    "fences": "```\n" * 3_001,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_replies_take_linear_time(name: str) -> None:
    """No dialect needs more than seconds, or the interpreter's stack, for a reply made to exhaust it."""
    for dialect, decoder in DIALECTS.items():
        begin = time.process_time()
        with suppress(UndecodableReply):
            decoder(answer(HOSTILE[name]), ask(PAGE))
        assert time.process_time() - begin < 3, dialect
