"""Text from documents and models as HTML that cannot do anything: no tags, links, pictures or scripts of its own."""

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

#: What could load something from elsewhere, lead there, or hide text.
_RULES = ["image", "link", "autolink", "reference", "html_block", "html_inline", "code", "lheading"]

_ADDRESS = re.compile(r"https?:|www|@", re.IGNORECASE)
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@])")


def parser() -> "MarkdownIt":
    """A new parser of the Markdown that is shown here."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable(_RULES)


def to_html(markdown: str) -> str:
    """Markdown as HTML; whatever looks like HTML in it comes out as text, addresses of pictures and links likewise."""
    rendered: str = _parser().render(markdown)
    return rendered


@cache
def _parser() -> "MarkdownIt":
    return parser()


def paragraph(text: str) -> str:
    """Plain text as HTML that keeps its line breaks."""
    return f'<p class="plain">{escape(text)}</p>'


def literal(text: str) -> str:
    """Text within Markdown of Streamlit's that is shown there to the letter.

    Addresses would become links even so; a space without width keeps them apart.
    """
    return _MARKS.sub(r"\\\1", _ADDRESS.sub("\\g<0>\u200b", text))


def label(text: str) -> str:
    """A line for a place that Streamlit renders as Markdown (labels, captions), shown there to the letter."""
    return literal(" ".join(text.split()))


__all__ = ["escape", "label", "literal", "paragraph", "parser", "to_html"]
