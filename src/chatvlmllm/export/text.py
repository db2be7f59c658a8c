"""Plain text, Markdown, HTML and JSON."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape

from chatvlmllm import messages
from chatvlmllm.export import grid
from chatvlmllm.export.doubts import by_block, marked, sentence
from chatvlmllm.reading import Block, Doubt, Format, Kind, Reading, Verdict
from chatvlmllm.run import Run, to_json
from chatvlmllm.trust.confidence import grade


def plain(readings: Iterable[Reading]) -> Iterator[str]:
    """The text of the pages; a form feed before every page but the first, as other programs do it."""
    for number, reading in enumerate(readings):
        yield ("\f" if number else "") + "\n\n".join(_plain(block) for block in reading.blocks) + "\n"


def _plain(block: Block) -> str:
    if block.table is None or (block.text and block.format is Format.TEXT):
        return block.text
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in block.table.grid())


def markdown(readings: Iterable[Reading]) -> Iterator[str]:
    """Blocks as Markdown; a comment names every page but the first."""
    for number, reading in enumerate(readings):
        if number:
            yield f"\n<!-- page {reading.page} -->\n\n"
        yield "\n\n".join(_markdown(block) for block in reading.blocks) + "\n"


#: Characters that mean something inside a Markdown paragraph, and line starts that would begin another block.
_INLINE = re.compile(r"([\\`*_\[\]<>|~$])")
_LINE_START = re.compile(r"^(\s*)([#+\-=]|\d+[.)])(?=\s|$)", re.MULTILINE)


def _escape_markdown(text: str) -> str:
    text = _INLINE.sub(r"\\\1", text)
    return _LINE_START.sub(lambda match: f"{match[1]}{match[2][:-1]}\\{match[2][-1]}", text)


def _markdown(block: Block) -> str:
    if block.table is not None:
        return grid.to_markdown(block.table, _escape_markdown)
    if block.format is Format.LATEX:
        return f"$$\n{block.text}\n$$"
    body = block.text if block.format is Format.MARKDOWN else _escape_markdown(block.text)
    if block.kind in (Kind.TITLE, Kind.HEADING) and body:
        level = block.level or (1 if block.kind is Kind.TITLE else 2)
        return "#" * level + " " + " ".join(body.split())
    return body


_PAGE_STYLE = """:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid;padding:1rem 0}section>header{font-size:.85rem;opacity:.75}
p{white-space:pre-wrap}table{border-collapse:collapse}td,th{border:1px solid;padding:.2rem .5rem;text-align:left}"""

_TAGS = {Kind.TITLE: "h1", Kind.HEADING: "h2", Kind.FORMULA: "pre", Kind.FOOTNOTE: "small"}


def html(run: Run, readings: Iterable[Reading], language: str) -> Iterator[str]:
    """One self-contained page without scripts; everything that was read is escaped."""
    yield (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(run.document.name)}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n"
    )
    for reading in readings:
        yield _html_page(reading, language)
    yield "</body>\n</html>\n"


def _html_page(reading: Reading, language: str) -> str:
    def say(key: str, **values: object) -> str:
        return escape(messages.render(f"export.{key}", language, values))

    caption = say("page", page=reading.page)
    if reading.verdict is not Verdict.OK:
        caption += " · " + say(f"verdict.{reading.verdict.value}")
    if reading.evidence.calibration and reading.confidence is not None:
        word = messages.render(f"grades.{grade(reading.confidence)}", language)
        caption += " · " + say("grade", grade=word, percent=round(100 * reading.confidence))
    else:
        caption += " · " + say("grade_none")
    if reading.evidence.doubts:
        caption += " · " + say("doubts", count=len(reading.evidence.doubts))
    body = "\n".join(_html(block, doubts, language) for block, doubts in by_block(reading))
    section = f'<section id="page-{reading.page}" data-verdict="{reading.verdict.value}">'
    return f"{section}\n<header>{caption}</header>\n{body}\n</section>\n"


def _html(block: Block, doubts: Sequence[Doubt], language: str) -> str:
    if block.table is not None:
        notes = "".join(f"<li>{escape(sentence(doubt, language))}</li>" for doubt in doubts)
        return grid.to_html(block.table) + (f'\n<ul class="doubts">{notes}</ul>' if notes else "")
    tag = _TAGS.get(block.kind, "p")
    return f"<{tag}>{marked(block.text, doubts, language)}</{tag}>"


def json(run: Run, readings: Iterable[Reading]) -> Iterator[str]:
    """The run with its readings, as `chatvlmllm schema` describes it, written page by page."""
    head, tail = to_json(replace(run, readings=()), indent=2).split('"readings": []', 1)
    yield head + '"readings": ['
    separator = "\n"
    for reading in readings:
        yield separator + to_json(reading, indent=2)
        separator = ",\n"
    yield ("]" if separator == "\n" else "\n  ]") + tail + "\n"
