"""Machine readable zones of passports and cards: TD1, TD2, TD3 (ICAO Doc 9303, parts 3 to 6) and the Russian inner one.

A character that cannot stand where it was read (a letter in a date, a digit in a name) is read as its look-alike, and
the part says so. Everywhere else the text stays as read: when a check digit disagrees, the look-alikes that would make
it agree are listed as candidates and nothing is changed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from chatvlmllm.forms.digits import mrz as check_digit

_TO_DIGIT = str.maketrans("OQDUILZSGBTA", "000011256874"[:12])
#: Letters that also stand for a second digit: where only digits may stand, the check digits tell which.
_SECOND = {"T": "1", "Z": "7", "G": "9", "B": "3", "A": "8"}
_MOST_SECOND = 4
_TO_LETTER = str.maketrans("0158264", "OISBZGA")
_CYRILLIC = str.maketrans("АВСЕНКМОРТХУЗБ«‹›»{(£", "ABCEHKMOPTXY38<<<<<<<"[:21])
_TWINS = ("0OQD", "1IL", "2Z", "5S", "6G", "8B", "4A", "7T")
_LENGTHS = {"TD1": (30, 3), "TD2": (36, 2), "TD3": (44, 2)}

#: Where the parts stand: line, start, end, alphabet (n digits, a letters, x any), place of the check digit or -1.
_Span = tuple[int, int, int, str, int]
_LAYOUTS: Mapping[str, Mapping[str, _Span]] = {
    "TD3": {
        "document_code": (0, 0, 2, "a", -1), "issuer": (0, 2, 5, "a", -1), "name": (0, 5, 44, "a", -1),
        "number": (1, 0, 9, "x", 9), "nationality": (1, 10, 13, "a", -1), "birth_date": (1, 13, 19, "n", 19),
        "sex": (1, 20, 21, "a", -1), "expiry_date": (1, 21, 27, "n", 27), "optional": (1, 28, 42, "x", 42),
    },
    "TD2": {
        "document_code": (0, 0, 2, "a", -1), "issuer": (0, 2, 5, "a", -1), "name": (0, 5, 36, "a", -1),
        "number": (1, 0, 9, "x", 9), "nationality": (1, 10, 13, "a", -1), "birth_date": (1, 13, 19, "n", 19),
        "sex": (1, 20, 21, "a", -1), "expiry_date": (1, 21, 27, "n", 27), "optional": (1, 28, 35, "x", -1),
    },
    "TD1": {
        "document_code": (0, 0, 2, "a", -1), "issuer": (0, 2, 5, "a", -1), "number": (0, 5, 14, "x", 14),
        "optional": (0, 15, 30, "x", -1), "birth_date": (1, 0, 6, "n", 6), "sex": (1, 7, 8, "a", -1),
        "expiry_date": (1, 8, 14, "n", 14), "nationality": (1, 15, 18, "a", -1), "name": (2, 0, 30, "a", -1),
    },
}  # fmt: skip
#: The Russian inner passport: number and optional part are digits, the name has its own letters, nothing expires.
_INNER_LAYOUT: Mapping[str, _Span] = {
    **{key: span for key, span in _LAYOUTS["TD3"].items() if key != "expiry_date"},
    "name": (0, 5, 44, "x", -1), "number": (1, 0, 9, "n", 9), "optional": (1, 28, 42, "n", 42),
}  # fmt: skip
#: The ranges whose characters the composite check digit covers, and its place.
_COMPOSITE: Mapping[str, tuple[Sequence[tuple[int, int, int]], tuple[int, int]]] = {
    "TD3": (((1, 0, 10), (1, 13, 20), (1, 21, 43)), (1, 43)),
    "TD2": (((1, 0, 10), (1, 13, 20), (1, 21, 35)), (1, 35)),
    "TD1": (((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)), (1, 29)),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a zone. `text` is without fillers; `valid` is None where no check digit guards it.

    `replaced` tells that look-alikes were exchanged because of where they stand; `candidates` would satisfy the digit.
    """

    text: str
    valid: bool | None = None
    replaced: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone that was found: `lines` as read (in its alphabet), parts by name, `composite` of the whole.

    `mended` are the lines with letters exchanged for the digits they look like where only digits may stand, if then
    every check digit agrees; else the lines as read.
    """

    format: str
    lines: tuple[str, ...]
    parts: Mapping[str, Part]
    composite: bool
    mended: tuple[str, ...] = ()


def clean(text: str) -> str:
    """A line in the alphabet of the zone, as far as its signs have a twin there; the rest is dropped."""
    joined = re.sub(r"\s", "", text).upper().translate(_CYRILLIC)
    return re.sub(r"[^A-Z0-9<]", "", joined)


def looks_like(text: str) -> bool:
    """Whether a line may belong to a zone: its length, its fillers, no small letters."""
    bare = clean(text)
    if not 26 <= len(bare) <= 50 or sum(sign.islower() for sign in text) > 0.3 * len(text):
        return False
    return bare.count("<") >= 2 or (bare.count("<") >= 1 and sum(sign.isdigit() for sign in bare) >= 12)


def find(lines: Sequence[str]) -> Iterator[tuple[int, Zone]]:
    """Zones among consecutive lines of text, with the index of their first line."""
    index = 0
    while index < len(lines):
        zone = next((z for name in _LENGTHS if (z := _at(name, lines, index)) is not None), None)
        if zone is None:
            index += 1
            continue
        yield index, zone
        index += len(zone.lines)


def _at(name: str, lines: Sequence[str], index: int) -> Zone | None:
    width, count = _LENGTHS[name]
    rows = lines[index : index + count]
    if len(rows) < count or not all(looks_like(row) for row in rows):
        return None
    bare = [_fit(clean(row), width) for row in rows]
    if any(row is None for row in bare):
        return None
    first = bare[0] or ""
    if first[0] not in ("P" if name == "TD3" else "IACP1"):
        return None
    return parse(name, [row or "" for row in bare])


def _fit(line: str, width: int) -> str | None:
    """The line at its full width: runs of fillers are what readers miscount, so the longest one gives or takes."""
    spare = width - len(line)
    if spare == 0:
        return line
    if abs(spare) > 6:
        return None
    runs = sorted(re.finditer(r"<+", line), key=lambda run: -len(run.group()))
    if not runs or len(runs[0].group()) + spare < 1:
        return None
    start = runs[0].start()
    return line[:start] + "<" * (len(runs[0].group()) + spare) + line[runs[0].end() :]


def parse(name: str, lines: Sequence[str]) -> Zone:
    """The parts of a zone whose lines have their full width."""
    if name == "TD3" and lines[0].startswith("PNRUS"):
        return _inner(lines)
    fixed = _settled(name, _LAYOUTS[name], lines)
    parts = {key: _part(lines, span, fixed) for key, span in _LAYOUTS[name].items()}
    composite = _agrees(name, fixed)
    if name == "TD3" and parts["optional"].text == "" and lines[1][42] in "<0":
        parts["optional"] = Part("", True)
    return Zone(name, tuple(lines), _named(parts), composite, tuple(fixed if composite else lines))


def _settled(name: str, layout: Mapping[str, _Span], lines: Sequence[str]) -> list[str]:
    """The lines with letters exchanged for the digits they look like where only digits may stand.

    A letter that looks like two digits is the first of them, unless only the second one satisfies every check digit.
    """
    found = [list(line) for line in lines]
    digits = {(row, place) for row, s, e, kind, _ in layout.values() if kind == "n" for place in range(s, e)}
    digits |= {(row, check) for row, _, _, _, check in layout.values() if check >= 0} | {_COMPOSITE[name][1]}
    doubtful = sorted(place for place in digits if found[place[0]][place[1]] in _SECOND)[:_MOST_SECOND]
    for row, place in digits:
        found[row][place] = found[row][place].translate(_TO_DIGIT)
    first = ["".join(line) for line in found]
    for chosen in (some for count in range(len(doubtful) + 1) for some in combinations(doubtful, count)):
        tried = [list(line) for line in first]
        for row, place in chosen:
            tried[row][place] = _SECOND[lines[row][place]]
        text = ["".join(line) for line in tried]
        parts = [_part(text, span, text) for span in layout.values()]
        if _agrees(name, text) and not any(part.text and part.valid is False for part in parts):
            return text
    return first


def _agrees(name: str, lines: Sequence[str]) -> bool:
    """Whether the composite check digit is right."""
    ranges, (row, place) = _COMPOSITE[name]
    return str(check_digit("".join(lines[line][start:end] for line, start, end in ranges))) == lines[row][place]


def _part(lines: Sequence[str], span: _Span, fixed: Sequence[str]) -> Part:
    """One part of the lines as read; places for digits are taken from the `fixed` lines."""
    row, start, end, alphabet, check = span
    read = lines[row][start:end]
    text = fixed[row][start:end] if alphabet == "n" else read.translate(_TO_LETTER) if alphabet == "a" else read
    if check < 0:
        return Part(text.strip("<"), None, text != read)
    digit = fixed[row][check]
    valid = str(check_digit(text)) == digit
    candidates = () if valid else tuple(c.strip("<") for c in _candidates(text, digit, alphabet))
    return Part(text.strip("<"), valid, text != read, candidates)


def _candidates(text: str, digit: str, alphabet: str) -> list[str]:
    """Texts one or two look-alikes away whose check digit agrees, at most eight, the nearer first."""
    twins = {sign: group.replace(sign, "") for group in _TWINS for sign in group}
    if alphabet == "n":
        twins = {"0": "86", "1": "7", "3": "8", "5": "6", "6": "58", "7": "1", "8": "036", "9": "4", "4": "9"}
    found: list[str] = []
    places = [place for place, sign in enumerate(text) if sign in twins]
    for count in (1, 2):
        for chosen in combinations(places, count):
            for signs in product(*(twins[text[place]] for place in chosen)):
                changed = list(text)
                for place, sign in zip(chosen, signs, strict=True):
                    changed[place] = sign
                if str(check_digit("".join(changed))) == digit:
                    found.append("".join(changed))
        if found:
            break
    return found[:8]


def _named(parts: Mapping[str, Part]) -> dict[str, Part]:
    """The name split into surname and given names, dates as ISO."""
    found = dict(parts)
    name = found.pop("name")
    surname, _, given = name.text.partition("<<")
    found["surname"] = replace(name, text=surname.replace("<", " ").strip())
    found["given_names"] = replace(name, text=" ".join(given.replace("<", " ").split()))
    return found


def iso(text: str, *, future: bool, this_year: int) -> str | None:
    """YYMMDD as an ISO date. Births lie in the past, expiries at most 30 years ahead."""
    match = re.fullmatch(r"(\d\d)(\d\d)(\d\d)", text)
    if match is None or not (1 <= int(match[2]) <= 12 and 1 <= int(match[3]) <= 31):
        return None
    year = 2000 + int(match[1])
    if year > this_year + (30 if future else 0):
        year -= 100
    return f"{year:04d}-{match[2]}-{match[3]}"


def _inner(lines: Sequence[str]) -> Zone:
    """The zone of the Russian inner passport (order 851 of 2013): as TD3, other meanings of number and optional part.

    The number is three digits of the series and six of the number; the optional part begins with the last digit of the
    series, the day of issue and the code of the office.
    """
    fixed = _settled("TD3", _INNER_LAYOUT, lines)
    zone_parts = {key: _part(lines, span, fixed) for key, span in _INNER_LAYOUT.items()}
    optional, number = zone_parts["optional"], zone_parts["number"]
    tail, digits = optional.text, number.text
    valid = bool(number.valid and optional.valid)
    parts = _named(zone_parts)
    parts["surname"] = replace(parts["surname"], text=cyrillic(parts["surname"].text))
    given, _, patronymic = cyrillic(parts["given_names"].text).partition(" ")
    parts["given_name"], parts["patronymic"] = Part(given), Part(patronymic)
    if len(digits) == 9 and len(tail) >= 13:
        parts["series"] = Part(digits[:3] + tail[0], valid)
        parts["number"] = Part(digits[3:], number.valid, candidates=tuple(c[3:] for c in number.candidates))
        parts["issue_date"] = Part(tail[1:7], optional.valid)
        parts["division"] = Part(f"{tail[7:10]}-{tail[10:13]}", optional.valid)
    composite = _agrees("TD3", fixed)
    return Zone("TD3", tuple(lines), parts, composite, tuple(fixed if composite else lines))


#: The modified transliteration of the inner passport: digits stand for the letters without a Latin twin.
_INNER = dict(zip("ABVGDE2JZIQKLMNOPRSTUFHC34WXY9678", "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ", strict=True))


def cyrillic(text: str) -> str:
    """A name of the inner zone in Russian letters."""
    return "".join(_INNER.get(sign, sign) for sign in text)
