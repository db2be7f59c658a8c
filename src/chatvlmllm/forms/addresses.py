"""Postal addresses: where they begin in a text, and one way to write the parts of a Russian one."""

import re

#: What stands before the name of a town or street, and before a number.
_NAMED = "обл|г|гор|с|п|пос|ул|пер|просп|наб|ш|пл"
_NUMBERED = "д|к|корп|стр|кв|оф|пом"
_INDEX = re.compile(r"(?<!\d)\d{6}(?!\d)[.,\s]")
#: A short word of an address with whatever was read between it and its neighbours.
_PART = re.compile(
    rf"(?P<before>\s*[.,;]?\s*)(?<!\w)(?:(?P<named>{_NAMED}|у[пя])[.,]?\s?(?=[А-ЯЁ«\d])|(?P<numbered>{_NUMBERED}|[0О]ф)[.,]?\s?(?=\d))"
)


def begin(text: str) -> int:
    """Where an address begins: at a postal index near the start of the text, else at its start."""
    index = _INDEX.search(text)
    return index.start() if index and index.start() < 40 else 0


def spelled(address: str) -> str:
    """Parts of a Russian address with a comma before and a full stop after their short words.

    Readers lose and confuse these signs, and type «ул.» as «уп.» or «оф.» as «0ф.»; nothing else is touched.
    """
    whole = re.sub(r"^(\d{6})[.,]?\s*(?=\D)", r"\1, ", address)
    return _PART.sub(_part, whole).lstrip(" ,")


def _part(match: re.Match[str]) -> str:
    short = match["named"] or match["numbered"]
    stop = "." if "." in match["before"] and _SHORTENED.search(match.string[: match.start()]) else ""
    return f"{stop}, {_MISREAD.get(short, short)}. "


#: A shortened word, whose full stop stays: «обл. г. …».
_SHORTENED = re.compile(r"(?<!\w)[а-яё\-]{1,4}$")
_MISREAD = {"уп": "ул", "уя": "ул", "0ф": "оф", "Оф": "оф"}
