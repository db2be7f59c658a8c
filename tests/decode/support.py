"""What every test of a dialect needs: a request, a reply, and the one rule that no decoder may break."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chatvlmllm.decode import Decoded, Decoder, grounding, layout, markdown, markup, qwen_html, qwen_markdown, text
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Box, Size, whole
from chatvlmllm.reading import Block, Table

RECORDINGS = Path(__file__).parents[1] / "recordings" / "dialects"
PAGE = Size(1000, 1400)

#: Every dialect by the folder of its recordings.
DIALECTS: dict[str, Decoder] = {
    "deepseek": grounding.deepseek(),
    "dots": layout.dots(),
    "formula": text.formula,
    "got": markdown.decode,
    "markdown": markdown.decode,
    "qwen_html": qwen_html.decode,
    "qwen_markdown": qwen_markdown.decode,
    "spans": grounding.spans(),
    "spotting": layout.spotting(),
    "tables": text.tables,
    "text": text.decode,
}


def ask(page: Size = PAGE, sent: Size | None = None, region: Box | None = None) -> Request:
    """A request whose image has the size `sent`; no pixels are needed to decode."""
    image: Any = SimpleNamespace(size=(sent.width, sent.height)) if sent else None
    return Request(model="specimen", task=Task.LAYOUT, page=page, region=region or whole(page), image=image)


def answer(text: str, stop: Stop = Stop.END) -> Reply:
    return Reply(text=text, stop=stop, model="specimen", engine="scripted", device="cpu")


# The invariant. A decoder may return only what the model wrote: each text, whitespace aside, is a piece of one of the
# forms that the raw reply takes when the escapes of the notations that it may be written in are undone.

_JSON_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_JSON_MEANS = {'"': '"', "'": "'", "\\": "\\", "/": "/", "n": "\n", "r": "\r", "t": "\t"}
_COMMANDS = "nabla|neq|notin|rho|right|rightarrow|rangle|rceil|rfloor|times|theta|tau|triangle|tfrac|tilde"
_LATEX = rf"({_COMMANDS})\b|text(bf|it|rm)?\{{"
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


def _json(text: str) -> str:
    """JSON's escapes undone; those that mean nothing, stand for LaTeX or name half a character stay as written."""

    def means(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        following = text[found.end() : found.end() + 12]
        if code in "bf" and not re.match("[A-Za-z]", following):
            return {"b": "\b", "f": "\f"}[code]
        if code in "nrt" and re.match(_LATEX, code + following):
            return found[0]
        return _JSON_MEANS.get(code, found[0])

    joined = _JSON_ESCAPE.sub(means, text)
    joined = _PAIR.sub(lambda m: (m[1] + m[2]).encode("utf-16", "surrogatepass").decode("utf-16"), joined)
    return re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", joined)


def _html(text: str) -> str:
    """Tags gone, entities decoded."""
    return "".join(piece.text for piece in markup.pieces(text) if isinstance(piece, markup.Text))


def _latex(text: str) -> str:
    """Special characters unescaped, wrappers of bold and italics gone."""
    special = re.sub(r"\\([&%$#_{}])", r"\1", text)
    return re.sub(r"\\(?:textbf|textit|emph|underline|text|textrm|textsf)\{([^{}\\$]*)\}", r"\1", special)


def _pipes(text: str) -> str:
    """Escaped bars and line breaks of Markdown tables."""
    return re.sub(r"<br\s*/?>", "\n", text.replace("\\|", "|"), flags=re.IGNORECASE)


_TAG_NAMES = r"(?:object_|box_|quad_|)(?:ref_)?(?:start|end)|ref|det|grounding|rotate_\w+|im_end|endoftext"


def _tags(text: str) -> str:
    """Location tags gone."""
    return re.sub(rf"<\|/?(?:{_TAG_NAMES})\|>|<｜[^<>｜]{{1,40}}｜>", "", text)


def _squeeze(text: str) -> str:
    return "".join(text.split())


def forms(raw: str) -> list[str]:
    """Every form of `raw` that a text of a reading may be a piece of."""
    plain = [raw, _json(raw)]
    unescaped = [undo(form) for form in (*plain, _tags(raw)) for undo in (_html, _latex, _pipes)]
    return [_squeeze(form) for form in (*plain, *unescaped)]


def texts(blocks: tuple[Block, ...]) -> Iterator[str]:
    """Every text that a reading shows."""
    for block in blocks:
        yield block.text
        for line in block.lines:
            yield line.text
            yield from (word.text for word in line.words)
        if block.table:
            yield from (cell.text for cell in block.table.cells)


def assert_said(decoded: Decoded, raw: str) -> None:
    """Nothing is invented: every text of `decoded` is a piece of `raw`, escapes undone."""
    known = forms(raw)
    for shown in texts(decoded.blocks):
        wanted = _squeeze(shown)
        assert any(wanted in form for form in known), f"nobody said {shown!r}"


def assert_table(table: Table) -> None:
    """Cells are in row-major order, inside the grid, and no two of them overlap."""
    places = [
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.rows)
        for column in range(cell.column, cell.column + cell.columns)
    ]
    assert len(places) == len(set(places))
    assert all(0 <= row < table.rows and 0 <= column < table.columns for row, column in places)
    assert [(c.row, c.column) for c in table.cells] == sorted((c.row, c.column) for c in table.cells)


def assert_sound(decoded: Decoded, raw: str, page: Size) -> None:
    """Everything that holds for every decoded reply, however damaged."""
    assert_said(decoded, raw)
    for block in decoded.blocks:
        for box in (block.box, *(line.box for line in block.lines)):
            if box is not None:
                assert not box.empty
                assert box == box.clip(page)
        if block.table:
            assert_table(block.table)
    for notice in decoded.notices:
        assert notice.details["count"] >= 1
