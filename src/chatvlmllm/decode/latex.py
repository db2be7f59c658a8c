r"""LaTeX tables as GOT and Qwen3-VL write them: rows of cells with their columns and spans.

Understands `tabular`, `tabularx`, `array` and their like, `\multicolumn`, `\multirow`, rules, nesting and the escapes
of special characters. Does not run macros; what it does not know stays in the cell as written. A `%` is a percent sign:
models do not write comments.
"""

import re
from dataclasses import dataclass

from chatvlmllm.decode.grid import Draft

_ENVIRONMENTS = r"(?:tabular[xy*]?|array|longtable|tblr)"
BEGIN_TABULAR = re.compile(rf"\\begin\{{({_ENVIRONMENTS})\}}")
_TOKEN = re.compile(
    r"(\\\\|\\tabularnewline\b)(?:\[[^\]\n]{0,20}\])?"
    r"|(\\(?:hline|toprule|midrule|bottomrule|endhead|endfoot|endfirsthead|cline\s*\{[^{}]*\}|cmidrule\s*(?:\([^()]*\))?\s*\{[^{}]*\}))"
    r"|\\begin\{(\w+\*?)\}|\\end\{(\w+\*?)\}"
    r"|\\.|(&)|([{}])"
)
_WRAPPER = re.compile(r"\\(?:textbf|textit|emph|underline|text|textrm|textsf)\{([^{}\\$]*)\}")
_SPECIAL = re.compile(r"\\([&%$#_{}])")
_MULTI = re.compile(r"\\(multicolumn|multirow)\s*(?:\[[^\]]*\]\s*)?\{\s*(\d{1,9})\s*\}\s*(?:([*=])|\{)")
_OPENING = re.compile(r"\s*\{")
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Group:
    """The inside of `{…}`, and where the text goes on."""

    inside: str
    end: int


def group(text: str, at: int) -> Group:
    """The braces that open at `at`; an unclosed group reaches to the end of the text."""
    depth, position = 0, at
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, at):
        position = found.end()
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return Group(text[at + 1 : position - 1], position)
    return Group(text[at + 1 :], len(text))


def plain(text: str) -> str:
    """Text without the wrappers of bold and italics and with special characters unescaped; formulas are left alone."""
    if "$" not in text.replace("\\$", "") and "\\(" not in text:
        text = _WRAPPER.sub(r"\1", _SPECIAL.sub(r"\1", text))
    return _BLANK.sub(" ", text).strip()


def rows(text: str) -> list[list[Draft]]:
    """The rows of the first table in `text`; those made only of rules are left out."""
    begin = BEGIN_TABULAR.search(text)
    if begin is None:
        return []
    found = [_row(cells) for cells in _cells(text, _body_start(text, begin))]
    return [row for row in found if row]


def _body_start(text: str, begin: re.Match[str]) -> int:
    """Where the rows begin: behind the optional position, the width of `tabularx` and the column types."""
    at = begin.end()
    groups = 2 if begin[1] in ("tabularx", "tabulary", "tabular*") else 1
    while at < len(text) and (text[at] in "[ \n" or (text[at] == "{" and groups)):
        if text[at] == "{":
            at, groups = group(text, at).end, groups - 1
        elif text[at] == "[":
            close = text.find("]", at)
            at = close + 1 if close >= 0 else len(text)
        else:
            at += 1
    return at


def _cells(text: str, at: int) -> list[list[str]]:
    r"""Sources of cells by row, down to the `\end` that matches or the end of the text."""
    table: list[list[str]] = [[]]
    said: list[str] = []
    braces = nested = 0
    for token in _TOKEN.finditer(text, at):
        said.append(text[at : token.start()])
        at = token.end()
        line_end, rule, begin, end, cell_end, brace = token.groups()
        nested += bool(begin) - bool(end)
        if nested < 0:
            break
        braces = max(0, braces + {"{": 1, "}": -1}.get(brace, 0))
        if (line_end or cell_end) and not nested and not braces:
            table[-1].append("".join(said))
            said.clear()
            if line_end:
                table.append([])
        elif rule and not nested and not any(part.strip() for part in said):
            said.clear()  # a rule between rows; elsewhere it is text that something has damaged
        else:
            said.append(token[0])
    else:
        said.append(text[at:])
    table[-1].append("".join(said))
    return table


def _row(sources: list[str]) -> list[Draft]:
    drafts: list[Draft] = []
    column = 0
    for source in sources:
        draft = _cell(source.strip(), column)
        drafts.append(draft)
        column += min(draft.columns, 1000)
    only = len(drafts) == 1 and not drafts[0].text and drafts[0].columns == drafts[0].rows == 1
    return [] if only else drafts


def _cell(source: str, column: int) -> Draft:
    r"""A cell out of its `\multicolumn` and `\multirow` wrappers, in either order."""
    spans = {"multicolumn": 1, "multirow": 1}
    for _ in range(2):
        found = _MULTI.match(source)
        if found is None:
            break
        width = found.end() if found[3] else group(source, found.end() - 1).end
        content = _OPENING.match(source, width)
        inner = group(source, content.end() - 1) if content else None
        if inner is None or source[inner.end :].strip():
            break
        spans[found[1]] = int(found[2])
        source = inner.inside.strip()
    return Draft(plain(source), spans["multirow"], spans["multicolumn"], column=column)
