"""Text inside XML: nothing that was read can become markup or break a parser."""

import re
from html import escape

#: What XML 1.0 (section 2.2) cannot hold, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """`text` with U+FFFD in the place of every character that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def quoted(text: str) -> str:
    """`text` for an element or for an attribute in double quotes."""
    return escape(clean(text), quote=True).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
