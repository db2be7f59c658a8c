"""Postal addresses: where they begin in a text, and one way to write the parts of a Russian one."""

import re
from functools import cache
from importlib.resources import files

#: What stands before the name of a town or street, and before a number.
_NAMED = "обл|г|гор|с|п|пос|ул|пер|просп|наб|ш|пл"
_NUMBERED = "д|к|корп|стр|кв|оф|пом"
_INDEX = re.compile(r"(?<!\d)\d{6}(?!\d)[.,\s]")
#: A short word of an address with whatever was read between it and its neighbours.
_PART = re.compile(
    rf"(?P<before>\s*[.,;]?\s*)(?<!\w)(?:(?P<named>{_NAMED}|у[пя])[.,]?\s?(?=[А-ЯЁ«\d])|(?P<numbered>{_NUMBERED}|[0О]ф)[.,]?\s?(?=\d))"
)


#: Shorter names have too many neighbours.
_LETTERS = 6
_CITY = re.compile(r"(?<!\w)(?P<short>г|с)\. (?P<town>[А-ЯЁ][А-ЯЁа-яё\-]+(?: Новгород| Челны)?)(?![\w\-])")


def begin(text: str) -> int:
    """Where an address begins: at a postal index near the start of the text, else at its start."""
    index = _INDEX.search(text)
    return index.start() if index and index.start() < 40 else 0


def spelled(address: str) -> str:
    """Parts of a Russian address with a comma before and a full stop after their short words.

    Readers lose and confuse these signs, and type «ул.» as «уп.» or «оф.» as «0ф.»; of names, only those of large towns
    are known with a wrong letter.
    """
    whole = re.sub(r"^(\d{6})[.,]?\s*(?=\D)", r"\1, ", address)
    return _CITY.sub(_town, _PART.sub(_part, whole).lstrip(" ,"))


@cache
def _towns() -> tuple[str, ...]:
    """The seats of the regions of Russia and its other towns of half a million people."""
    return tuple(files(__package__).joinpath("towns.txt").read_text("utf-8").splitlines())


def _town(match: re.Match[str]) -> str:
    """A town in its right spelling; after a postal index «с.» before a large town was «г.»."""
    from rapidfuzz.distance import Levenshtein

    short, read = match["short"], match["town"]
    known = [
        town for town in _towns() if len(read) >= _LETTERS and Levenshtein.distance(read, town, score_cutoff=1) <= 1
    ]
    inflected = bool(known) and read.startswith(known[0][:-1]) and read[-1] in "аеиоуыюя" and read != known[0]
    if len(known) != 1 or inflected or (short == "с" and not _INDEX.search(match.string[: match.start()])):
        return match.group()
    return f"г. {known[0]}"


def _part(match: re.Match[str]) -> str:
    short = match["named"] or match["numbered"]
    stop = "." if "." in match["before"] and _SHORTENED.search(match.string[: match.start()]) else ""
    return f"{stop}, {_MISREAD.get(short, short)}. "


#: A shortened word, whose full stop stays: «обл. г. …».
_SHORTENED = re.compile(r"(?<!\w)[а-яё\-]{1,4}$")
_MISREAD = {"уп": "ул", "уя": "ул", "0ф": "оф", "Оф": "оф"}
