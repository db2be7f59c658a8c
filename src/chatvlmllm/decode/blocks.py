"""From what a model calls a piece of a page to a `Block`: names of categories, notations, headings, tables.

A heading's `text` is free of its `#` marks: `level` has their number. A formula's is free of its delimiters. A table's
is its source as written, in whatever notation; the grid stands beside it.
"""

import re

from chatvlmllm.decode import table
from chatvlmllm.decode.tally import Tally
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Format, Kind, Line, Word

_KINDS = {
    Kind.TITLE: "title doctitle documenttitle h1",
    Kind.HEADING: "sectionheader heading header1 paragraphtitle subtitle sectiontitle subheading h2 h3 h4 h5 h6",
    Kind.TEXT: "text plaintext paragraph content abstract reference references referencecontent asidetext code "
    "algorithm verticaltext p div blockquote pre phonetic reftext textblock index tableofcontents toc",
    Kind.LIST: "listitem list ul ol li",
    Kind.TABLE: "table",
    Kind.PICTURE: "picture image figure chart img diagram graphic logo photo barcode qrcode imageblock musicsheet",
    Kind.FORMULA: "formula equation interlineequation isolatedformula displayformula inlineformula equationblock "
    "chemicalformula math",
    Kind.CAPTION: "caption imagecaption figurecaption tablecaption figuretitle tabletitle charttitle figcaption "
    "codecaption formulacaption formulanumber figuretabletitle",
    Kind.FOOTNOTE: "footnote pagefootnote tablefootnote imagefootnote visionfootnote figurefootnote",
    Kind.HEADER: "pageheader header headerimage",
    Kind.FOOTER: "pagefooter footer footerimage",
    Kind.PAGE_NUMBER: "pagenumber number pageno",
    Kind.STAMP: "stamp seal",
    Kind.SIGNATURE: "signature",
}
_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_MARKS = re.compile(r"[\s_-]+")
_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)")
_DELIMITERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_WRAPPED = re.compile(r"<(center|div|p)(?:\s[^<>]*)?>\s*([^<>]*?)\s*</\1>", re.IGNORECASE)
_CLOSING_MARKS = re.compile(r"(?<=[ \t])#+[ \t]*\Z")


def known(name: str) -> Kind | None:
    """The kind that a model's category name means, in any spelling of case, blanks and hyphens; None if unknown."""
    return _BY_NAME.get(_MARKS.sub("", name).casefold())


def kind_of(name: str, tally: Tally) -> Kind:
    """Like `known`, but an unknown name is text, with a notice that tells the name."""
    kind = known(name)
    if kind is None:
        tally.add("unknown_category", name=name.strip())
    return kind or Kind.TEXT


def build(kind: Kind, text: str, box: Box | None, tally: Tally) -> Block:
    """A block whose text a model wrote in Markdown, except tables (any notation) and formulas (LaTeX)."""
    text = _inside(text.strip())
    if kind is Kind.TABLE:
        grid, notation = table.parse(text, tally)
        if grid is None and text:
            tally.add("table_unparsed")
        return Block(kind, text, box, notation, table=grid)
    if kind is Kind.FORMULA:
        return formula(text, box)
    if kind in (Kind.TITLE, Kind.HEADING):
        return heading(kind, text, box)
    return Block(kind, text, box, Format.MARKDOWN if text else Format.TEXT)


def _inside(text: str) -> str:
    """The text within the one element that a model has put around all of it to centre it."""
    wrapped = _WRAPPED.fullmatch(text)
    return wrapped[2] if wrapped else text


def formula(text: str, box: Box | None) -> Block:
    """A displayed formula without the dollars or brackets around it."""
    bare = text.strip()
    for opening, closing in _DELIMITERS:
        if bare.startswith(opening) and closing not in bare[len(opening) : -len(closing)]:
            bare = bare.removeprefix(opening).removesuffix(closing).strip()
            break
    return Block(Kind.FORMULA, bare, box, Format.LATEX if bare else Format.TEXT)


def heading(kind: Kind, text: str, box: Box | None) -> Block:
    """A heading without its marks; one written without any has level 1 as the title and no known level otherwise."""
    marks = _HEADING.match(text)
    level = len(marks[1]) if marks else 1 if kind is Kind.TITLE else None
    bare = text[marks.end() :] if marks else text
    if marks and (closing := _CLOSING_MARKS.search(bare, max(0, len(bare) - 40))):
        bare = bare[: closing.start()]
    return Block(kind, bare.strip(), box, Format.MARKDOWN, level=level)


def spotted(text: str, box: Box | None) -> Block:
    """A line of text that a model has located."""
    text = text.strip()
    if box is None:
        return Block(Kind.TEXT, text)
    return Block(Kind.TEXT, text, box, lines=(Line(text, box, (Word(text, box),)),))
