"""Amounts and quantities as papers write them, to a decimal with a point."""

import re
from decimal import Decimal

_SPACE = "[    ]"
_GROUPED = "|".join(
    (
        rf"\d{{1,3}}(?:{_SPACE}\d{{3}})+",
        rf"(?<![./])\d{{4,6}}(?:{_SPACE}\d{{3}})+(?=,\d\d(?!\d))",  # the space after the millions is easily lost
        r"\d{1,3}(?:['’]\d{3})+",
        r"\d{1,3}(?:,\d{3})+(?=\.\d{1,2}(?!\d))",
        r"\d{1,3}(?:\.\d{3})+(?=,\d{1,2}(?!\d))",
        r"\d{1,3}(?:,\d{3}){2,}",
        r"\d{1,3}(?:\.\d{3}){2,}",
        rf"\d{{1,3}}(?:{_SPACE}\d{{3}})*{_SPACE}\d{{3}}(?=\d\d(?![\d.,]))",  # the mark before the kopecks is lost
    )
)
_ROUBLES = rf"{_SPACE}*(?:руб(?:л[а-яё]+)?\.?|р\.){_SPACE}*(?P<kop>\d{{2}}){_SPACE}*(?:коп|к\.)"
_TAIL = rf"{_SPACE}?[.,]{_SPACE}?\d{{1,4}}(?!\d)|[-–—=]\d{{2}}(?!\d)|(?<=\d{{3}})\d{{2}}(?!\d)|(?==)"

#: An amount: digits, perhaps grouped, perhaps with hundredths after a comma, point, dash, or «руб. … коп.».
AMOUNT = re.compile(
    # No part of a longer number that dots divide, as a date, a time or an amount with a mark too many.
    rf"(?<!\d)(?<!\d[.,:])(?P<sign>[-–−](?=\d))?(?P<whole>{_GROUPED}|\d+)"
    rf"(?:(?P<words>{_ROUBLES})|(?P<tail>{_TAIL}))?(?![.,:]?\d)",
    re.IGNORECASE,
)


def find(text: str, language: str = "ru") -> list[tuple[int, int, str]]:
    """Every amount in `text` as (start, end, decimal string)."""
    return [(m.start(), m.end(), _value(m, language)) for m in AMOUNT.finditer(text)]


def _value(match: re.Match[str], language: str) -> str:
    whole = re.sub(r"\D", "", match["whole"])
    tail = re.sub(r"\D", "", match["kop"] or match["tail"] or "")
    # English papers group by commas: 1,234 is a thousand there and a little over one in Russian ones.
    if language == "en" and len(tail) == 3 and match["tail"][0] == "," and len(whole) <= 3 and not match["words"]:
        whole, tail = whole + tail, ""
    return ("-" if match["sign"] else "") + (f"{int(whole)}.{tail}" if tail else str(int(whole)))


#: How hundredths end an amount.
_HUNDREDTHS = re.compile(r"(?:[.,\-–—=]\s?\d\d|\s\d{5}|к(?:оп)?\.?|=)$", re.IGNORECASE)


def exact(text: str) -> bool:
    """Whether an amount as printed says its hundredths."""
    return _HUNDREDTHS.search(text) is not None


def amount(text: str, language: str = "ru") -> str | None:
    """The first amount with two decimals, or None."""
    found = find(text, language)
    return two_places(found[0][2]) if found else None


def two_places(value: str) -> str | None:
    """Money has at most two decimals: 12.5 → 12.50; None for more."""
    number = Decimal(value)
    rounded = number.quantize(Decimal("0.01"))
    return str(rounded) if rounded == number else None


def quantity(value: str) -> str:
    """A quantity without idle zeros: 2.500 → 2.5."""
    return f"{Decimal(value).normalize():f}"


def decimal(value: str | None) -> Decimal | None:
    """The number behind a normalised value; None when it is absent or no number."""
    if value is None or not re.fullmatch(r"-?\d+(?:\.\d+)?", value):
        return None
    return Decimal(value)
