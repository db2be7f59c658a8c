"""How much of the formatting was kept: headings, lists, bold, italic, struck, code and quotations in Markdown.

A mark is `h1` … `h6`, `li`, `strong`, `em`, `s`, `code` or `quote`. A word that stands under several marks counts once
for each; words without a mark do not count. Formatting F1 = 2 · hits / (marked words true + answered), where hits is
the size of the intersection of both multisets of (mark, normalised word). Reading order plays no part, and a word that
was misread counts as lost formatting as well.
"""

from __future__ import annotations

from collections import Counter

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.metrics.normalise import DEFAULT, Rules
from chatvlmllm.bench.metrics.score import Score, unscored

_OPENS = {"list_item_open": "li", "blockquote_open": "quote", "strong_open": "strong", "em_open": "em", "s_open": "s"}
_CLOSES = {name.replace("_open", "_close"): mark for name, mark in _OPENS.items()}
_CODE = {"code_inline", "code_block", "fence"}


def formatting_f1(truth: str, answer: str, rules: Rules = DEFAULT) -> Score:
    """F1 of the marked words of two Markdown texts, 0…1, 1 is perfect."""
    true, said = marked_words(truth, rules), marked_words(answer, rules)
    if not true:
        return unscored("the truth has no formatting")
    hits, total = (true & said).total(), true.total() + said.total()
    explanation = f"{hits} marked words agree; {true.total()} true, {said.total()} answered"
    return Score(2 * hits / total, explanation, total)


def marked_words(markdown: str, rules: Rules = DEFAULT) -> Counter[tuple[str, str]]:
    """Every word under a mark with that mark, as often as it occurs."""
    from markdown_it import MarkdownIt

    found: Counter[tuple[str, str]] = Counter()
    blocks: list[str] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        _step(blocks, token.type, token.tag)
        if token.type in _CODE:
            _count(found, token.content, (*blocks, "code"), rules)
        spans: list[str] = []
        for child in token.children or ():
            _step(spans, child.type, child.tag)
            if child.content and child.type in ("text", *_CODE):
                code = ("code",) if child.type in _CODE else ()
                _count(found, child.content, (*blocks, *spans, *code), rules)
    return found


def _step(open_marks: list[str], kind: str, tag: str) -> None:
    """Open or close the mark that a token stands for."""
    if kind == "heading_open":
        open_marks.append(tag)
    elif kind == "heading_close":
        open_marks.remove(tag)
    elif kind in _OPENS:
        open_marks.append(_OPENS[kind])
    elif kind in _CLOSES:
        open_marks.remove(_CLOSES[kind])


def _count(found: Counter[tuple[str, str]], text: str, marks: tuple[str, ...], rules: Rules) -> None:
    for word in normalise.words(text, rules):
        for mark in dict.fromkeys(marks):
            found[mark, word] += 1
