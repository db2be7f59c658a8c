"""Text from documents and models as HTML that cannot do anything: no tags, links, pictures or scripts of its own."""

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

#: What could load something from elsewhere, lead there, or hide text.
_RULES = ["image", "link", "autolink", "reference", "html_block", "html_inline", "code", "lheading"]

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@])")


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable(_RULES)


def to_html(markdown: str) -> str:
    """Markdown as HTML; whatever looks like HTML in it comes out as text, addresses of pictures and links likewise."""
    rendered: str = _parser().render(markdown)
    return rendered


def paragraph(text: str) -> str:
    """Plain text as HTML that keeps its line breaks."""
    return f'<p class="plain">{escape(text)}</p>'


def label(text: str) -> str:
    """Text for a place that Streamlit renders as Markdown (labels, captions), shown there to the letter."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


__all__ = ["escape", "label", "paragraph", "to_html"]
