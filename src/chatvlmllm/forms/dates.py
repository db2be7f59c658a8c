"""Dates as papers write them, to ISO. Day before month unless the paper is American by its own evidence (13…31)."""

import re
from datetime import date

_MONTHS = (
    ("январь", "января", "янв", "january", "jan"),
    ("февраль", "февраля", "фев", "february", "feb"),
    ("март", "марта", "мар", "march", "mar"),
    ("апрель", "апреля", "апр", "april", "apr"),
    ("май", "мая", "май", "may", "may"),
    ("июнь", "июня", "июн", "june", "jun"),
    ("июль", "июля", "июл", "july", "jul"),
    ("август", "августа", "авг", "august", "aug"),
    ("сентябрь", "сентября", "сен", "september", "sep", "sept"),
    ("октябрь", "октября", "окт", "october", "oct"),
    ("ноябрь", "ноября", "ноя", "november", "nov"),
    ("декабрь", "декабря", "дек", "december", "dec"),
)
_NAMES = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_GAP = r"[\s,]*"
_DAY, _YEAR = r"(?P<d>[0-3]?\d)", r"(?P<y>(?:19|20)\d\d|\d\d)"
_QUOTE = r"[\"'«»“”„<>*_\s]*"

#: Every spelling that `parse` understands; the longer ones first so that a search takes the whole date.
SHAPES = (
    r"(?<!\d)(?P<y>(?:19|20)\d\d)-(?P<m>[01]\d)-(?P<d>[0-3]\d)(?!\d)",
    rf"(?<![\d.,])(?P<d>[0-3]?\d)\s?[./\-,]\s?(?P<m>[0-3]?\d)\s?[./\-,]\s?{_YEAR}(?!\d)",
    r"(?<![\d.,:])(?P<d>[0-3]\d)[.,:](?P<m>[01]\d)[.,:](?P<y>(?:19|20)\d\d)(?![\d:])",  # a point seen double
    rf"(?<!\d){_QUOTE}{_DAY}(?:st|nd|rd|th)?{_QUOTE}[.\-/]?(?P<n>[^\W\d_]{{3,9}}){_QUOTE}[.\-/]?{_GAP}{_YEAR}(?!\d)",
    rf"(?P<n>[^\W\d_]{{3,9}})\.?{_GAP}{_DAY}(?:st|nd|rd|th)?{_GAP}(?P<y>(?:19|20)\d\d)(?!\d)",
    r"(?<!\d)(?P<d>[0-3]\d)\s(?P<m>[01]\d)\s(?P<y>(?:19|20)\d\d)(?!\d)",
)
#: A letter that a reader takes for the second digit of a day.
_UNIT, _LOOKS_LIKE = re.compile(r"(?<=\b[0-3])[бОоOoЗз](?=[»”\"'.])"), str.maketrans("бОоOoЗз", "6000033")
_COMPILED = tuple(re.compile(shape, re.IGNORECASE) for shape in SHAPES)


def find(text: str) -> list[tuple[int, int, str]]:
    """Every date in `text` as (start, end, ISO); overlapping readings are given once, the fuller first."""
    found: list[tuple[int, int, str]] = []
    text = _UNIT.sub(lambda match: match.group().translate(_LOOKS_LIKE), text)
    for pattern in _COMPILED:
        for match in pattern.finditer(text):
            value = _iso(match.groupdict())
            if value and not any(start < match.end() and match.start() < end for start, end, _ in found):
                found.append((*_trimmed(match), value))
    return sorted(found)


def _trimmed(match: re.Match[str]) -> tuple[int, int]:
    """The span without the quotes that only the pattern needed."""
    lead = len(match.group()) - len(match.group().lstrip(" \"'«»“”„<>*_"))
    return match.start() + lead, match.end()


def parse(text: str) -> str | None:
    """The first date of `text` in ISO, or None."""
    dates = find(text)
    return dates[0][2] if dates else None


def _iso(parts: dict[str, str | None]) -> str | None:
    day, year = int(parts["d"] or 0), _year(parts["y"] or "")
    month = int(parts["m"] or 0) if parts.get("m") else _month(parts.get("n") or "")
    if month > 12 >= day > 0:
        day, month = month, day
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _year(text: str) -> int:
    """Two digits are of this century up to 49, else of the last."""
    return int(text) if len(text) == 4 else int(text) + (2000 if int(text) < 50 else 1900)


def _month(name: str) -> int:
    """1…12, or 0; one wrong letter is forgiven in names of at least four."""
    folded = name.casefold()
    if folded in _NAMES:
        return _NAMES[folded]
    if len(folded) < 4:
        return 0
    from rapidfuzz.distance import Levenshtein

    near = {number for known, number in _NAMES.items() if Levenshtein.distance(folded, known, score_cutoff=1) <= 1}
    return near.pop() if len(near) == 1 else 0
