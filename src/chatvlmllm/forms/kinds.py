"""Kinds of value: how each is recognised inside a piece of text, normalised, checked and masked.

A finder takes a text and the paper's language and gives (start, end, normalised value) for everything in it that may
be such a value, the likeliest first.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chatvlmllm.forms import addresses, dates, money, names, units, words

Found = tuple[int, int, str]
Finder = Callable[[str, str], list[Found]]

#: Letters that a reader takes digits for; accepted only inside a run that is mostly digits. The raw text is kept.
_LOOKS_LIKE = str.maketrans("OОоoQЗзБбlI|!SВB", "0000033661111588"[:16])
_SIGN = r"[0-9OОоoЗзБlI|S]"
#: Patterns that name capitals mean them.
_CASED = re.compile(r"\[(?:A-Z|А-ЯЁ)")
#: The number of a clause: 2.4. or 2.4.1
_CLAUSE = re.compile(r"\d{1,2}\.\d{1,2}\.[\s\d]?")
#: A longer bare number glued to letters is a registration number, no amount in a currency.
_LONGEST_BARE = 6
_EDGE = " \t\n.,:;—–-_|=*•·"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `checks` are field checks applied to every value; `personal` marks data that a mask hides.

    `free` kinds take any text, so they never prove that a label's neighbour is its value; `sure` tells values of the
    typical shape from mere text; `schema` is the JSON schema of the normalised value.
    """

    key: str
    find: Finder
    checks: tuple[str, ...] = ()
    personal: bool = False
    free: bool = False
    sure: Callable[[str], bool] = lambda _value: True
    schema: Mapping[str, str] | None = None


def digits(*lengths: int, gaps: str = r"[ \-]?") -> Finder:
    """A finder of runs of exactly that many digits, single spaces or hyphens inside allowed."""
    patterns = [re.compile(rf"(?<!\d)(?<!\d-){_SIGN}(?:{gaps}{_SIGN}){{{n - 1}}}(?!\d)") for n in lengths]

    def find(text: str, _language: str) -> list[Found]:
        found: list[Found] = []
        for pattern in patterns:
            for match in pattern.finditer(text):
                bare = re.sub(r"[ \-]", "", match.group())
                if sum(sign.isdigit() for sign in bare) >= 0.7 * len(bare) and bare[0] not in "lI|":
                    found.append((match.start(), match.end(), bare.translate(_LOOKS_LIKE)))
        return sorted(found, key=lambda one: (not text[one[0] : one[1]].isdigit(), one[0]))

    return find


def _clients_accounts(text: str, language: str) -> list[Found]:
    """Numbers of accounts but the correspondent ones of banks (balance account 30101)."""
    return [one for one in digits(20, gaps=r"[ .\-]?")(text, language) if not one[2].startswith("30101")]


def _at_central_bank(number: str) -> bool:
    """Whether an account is one that banks keep at the Bank of Russia (balance accounts 30101, 40102)."""
    return number[:5] in {"30101", "40102"}


def pattern(expression: str, *, upper: bool = False, drop: str = "") -> Finder:
    """A finder of a regular expression; its group `v`, if any, is the value; signs of `drop` are left out of it."""
    compiled = re.compile(expression, 0 if _CASED.search(expression) else re.IGNORECASE)

    def find(text: str, _language: str) -> list[Found]:
        found: list[Found] = []
        for match in compiled.finditer(text):
            group = "v" if "v" in compiled.groupindex else 0
            value = match[group].upper() if upper else match[group]
            start, end = match.span(group)
            found.append((start, end, "".join(sign for sign in value if sign not in drop).strip()))
        return found

    return find


def _unmarked(finder: Finder) -> Finder:
    """A finder that sees letters without the marks that dirt over them becomes; papers of travel have none (ICAO)."""

    def find(text: str, language: str) -> list[Found]:
        return finder("".join(unicodedata.normalize("NFD", sign)[0] for sign in text), language)

    return find


def _dates(text: str, _language: str) -> list[Found]:
    return dates.find(text)


def _money(text: str, language: str) -> list[Found]:
    """Amounts with kopecks first: a bare number beside a label is more often its number than its sum."""
    found = [(s, e, money.two_places(v)) for s, e, v in money.find(text, language)]
    noted = re.compile(r"\(\d{1,2}\)")  # the number of a graph or a footnote
    known = [
        (s, e, v)
        for s, e, v in found
        if v is not None and not re.match(r"\s?%", text[e:]) and not noted.match(text[max(0, s - 1) : e + 1])
        if not _CLAUSE.fullmatch(text[s:e] + text[e : e + 2])
        if not (e - s > _LONGEST_BARE and text[s:e].isdigit() and text[max(0, s - 1) : s].isalpha())
    ]
    return sorted(known, key=lambda one: (not money.exact(text[one[0] : one[1]]), one[0]))


def _decimal(text: str, language: str) -> list[Found]:
    return [(s, e, money.quantity(v)) for s, e, v in money.find(text, language)]


def _percent(text: str, _language: str) -> list[Found]:
    marked = [
        (m.start(), m.end(), m[1].replace(",", "."))
        for m in re.finditer(r"(\d{1,2}(?:[.,]\d+)?)\s?(?:%|проц|°/[оo]|(?<=\d\d)[69](?![\d.,]))", text)
    ]
    bare = [
        (m.start(), m.end(), m[0].replace(",", "."))
        for m in re.finditer(r"(?<![\d.,])\d{1,2}(?:[.,]\d)?(?![\d.,])", text)
    ]
    return [(s, e, money.quantity(v)) for s, e, v in marked or bare]


def _spoken(text: str, _language: str) -> list[Found]:
    """The longest stretch of words that is an amount, as a decimal with two places; none that misread words cut off."""
    text = _KOPECKS.sub(lambda match: match.group().translate(_LOOKS_LIKE), text)
    marks = list(re.finditer(r"[^\W\d_]+\.?|\d+", text))
    for start in range(min(len(marks), 12)):
        before = [mark.group() for mark in marks[max(0, start - 2) : start]]
        if any(word.isalpha() and words.parse(word) for word in before):
            return []
        for end in range(len(marks), start, -1):
            span = text[marks[start].start() : marks[end - 1].end()]
            spoken = words.parse(span) if not span[0].isdigit() else None
            rest = text[marks[end - 1].end() :]
            if spoken is not None and (words.names_currency(span) or not words.names_currency(rest)):
                return [(marks[start].start(), marks[end - 1].end(), f"{spoken.amount:.2f}")]
    return []


#: The two digits before «коп.», one of them perhaps read as a letter.
_KOPECKS = re.compile(r"(?<!\w)(?:\d[ОоOoЗз]|[ОоOoЗз]\d)(?=\s*коп)")


def _text(text: str, language: str) -> list[Found]:
    """Everything, without the punctuation that led to it; English papers in Latin letters."""
    text = names.latin(text) if language == "en" else text
    bare = text.rstrip(_EDGE).lstrip(_EDGE + ")®©●○◦▪■")
    closing = text[text.find(bare) + len(bare) :][:1] if bare else ""
    whole = bare + "." if closing == "." and re.search(r"\b\w{1,3}$", bare) else bare
    start = text.find(bare)
    joined = names.rejoined(whole)
    return [(start, start + len(whole), joined)] if bare else []


def _address(text: str, language: str) -> list[Found]:
    start = addresses.begin(text)
    found = _text(text[start:], language)
    return [(s + start, e + start, addresses.spelled(v)) for s, e, v in found]


def _place(text: str, language: str) -> list[Found]:
    """A place in words, or an address where a postal index leads it."""
    return (_address if re.match(r"\W*\d{6}(?!\d)", text) else _text)(text, language)


_CODE = r"(?:№|N[oо°]?\.?(?=\s)|#)?\s*(?P<v>(?=[^\s,;]*\d)[\w][\w./\\\-–]*[\w](?:[-/]\w+)*|\d)"
_POSTAL = re.compile(r"\d{6}|\b(?:ул|г|д|обл|пр-кт|просп|пер|гор|street|road|jalan)\b", re.IGNORECASE)
_RU_NAMES = r"(?<!\w)[А-ЯЁ][А-ЯЁа-яё]+(?:-[А-ЯЁ][А-ЯЁа-яё]+)?(?:\s+[А-ЯЁ][А-ЯЁа-яё]+(?:-[А-ЯЁ][А-ЯЁа-яё]+)?){0,3}(?!\w)"
_LATIN_NAMES = r"(?<!\w)[A-Z][A-Z'\-a-z]+(?:\s+[A-Z][A-Z'\-a-z]+){0,3}(?!\w)"
_DIGITS_SCHEMA = {"type": "string", "pattern": "^[0-9]+$"}
_DECIMAL_SCHEMA = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_DATE_SCHEMA = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}

_ALL = (
    Kind("text", _text, free=True),
    Kind("address", _address, free=True, personal=True, sure=lambda value: _POSTAL.search(value) is not None),
    Kind("organisation", names.organisations, free=True, sure=names.is_organisation),
    Kind("bank", _text, free=True, sure=lambda value: names.BANK.search(value) is not None),
    Kind("person", names.persons, ("person_shape",), personal=True),
    Kind("surname", names.name_words, personal=True),
    Kind("surname_ru", pattern(_RU_NAMES, upper=False), personal=True),
    Kind("surname_latin", _unmarked(pattern(_LATIN_NAMES)), personal=True),
    Kind(
        "place_ru", pattern(r"(?<![\w])(?:[А-ЯЁ][А-ЯЁа-яё.\-]*)(?:\s+(?:[А-ЯЁ][А-ЯЁа-яё.\-]*|\d{2,6}))*"), personal=True
    ),
    # Signs of another alphabet are those of the number at the page's edge.
    Kind("office_ru", pattern(r"(?<!\w)[А-ЯЁ№][А-ЯЁа-яё.,\-«»\"()№\d ]*[А-ЯЁа-яё.)»\"\d](?![A-Za-z])")),
    Kind(
        "place_latin",
        _unmarked(pattern(r"(?<![\w])(?:[A-Z][A-Za-z.\-]*)(?:\s+(?:[A-Z][A-Za-z.\-]*|\d{2,6}))*")),
        personal=True,
    ),
    Kind("city", pattern(r"(?:\bг|\bс|\bп|\bпос|\bгор)\.\s?[А-ЯЁ][А-Яа-яё\-]+(?:\s[А-ЯЁ][а-яё]+)?")),
    Kind("letters", pattern(r"(?<![A-Za-z])[A-Z]{1,3}(?![A-Za-z])")),
    Kind(
        "passport_no",
        pattern(r"(?<![\w])(?:\d{2}\s?(?:№\s?)?\d{7}|[A-Z0-9]{2}\s?\d{5,7}[A-Z0-9]?)(?!\w)", drop=" №"),
        personal=True,
    ),
    Kind("zone", lambda _text, _language: [], ("mrz",), personal=True),
    Kind("place_text", _place, free=True),
    Kind("place", _text, free=True, personal=True),
    Kind("code", pattern(_CODE)),
    Kind("integer", pattern(r"(?<![\d.,])\d{1,9}(?!\d|[.,]\d)"), schema=_DIGITS_SCHEMA),
    Kind("decimal", _decimal, schema=_DECIMAL_SCHEMA),
    Kind("money", _money, schema=_DECIMAL_SCHEMA),
    Kind("percent", _percent, schema=_DECIMAL_SCHEMA),
    Kind("spoken_money", _spoken, schema=_DECIMAL_SCHEMA),
    Kind("date", _dates, ("date_sane",), schema=_DATE_SCHEMA),
    Kind("birth_date", _dates, ("date_past",), personal=True, schema=_DATE_SCHEMA),
    Kind("time", pattern(r"(?<!\d)(?:[01]?\d|2[0-3]):[0-5]\d(?!\d)")),
    Kind("inn", digits(12, 10), ("inn",), personal=True, schema=_DIGITS_SCHEMA),
    Kind("kpp", digits(9), ("kpp",), sure=lambda value: not value.startswith("04"), schema=_DIGITS_SCHEMA),
    Kind("ogrn", digits(13, 15), ("ogrn",), schema=_DIGITS_SCHEMA),
    Kind("okpo", digits(8, 10), ("okpo",), schema=_DIGITS_SCHEMA),
    Kind("snils", digits(11), ("snils",), personal=True, schema=_DIGITS_SCHEMA),
    Kind("bik", digits(9), ("bik",), schema=_DIGITS_SCHEMA),
    Kind(
        "account",
        _clients_accounts,
        sure=lambda value: not _at_central_bank(value),
        checks=("account_shape",),
        personal=True,
        schema=_DIGITS_SCHEMA,
    ),
    Kind(
        "correspondent_account",
        digits(20, gaps=r"[ .\-]?"),
        sure=_at_central_bank,
        checks=("account_shape",),
        schema=_DIGITS_SCHEMA,
    ),
    Kind("kbk", digits(20), schema=_DIGITS_SCHEMA),
    Kind("oktmo", digits(11, 8), schema=_DIGITS_SCHEMA),
    Kind("ikz", digits(36), schema=_DIGITS_SCHEMA),
    Kind("uin", digits(25, 20), schema=_DIGITS_SCHEMA),
    *(Kind(f"digits{n}", digits(n), personal=True, schema=_DIGITS_SCHEMA) for n in (2, 4, 6, 9, 10, 16, 19)),
    Kind("okei", units.codes, schema=_DIGITS_SCHEMA),
    Kind("okpd2", pattern(r"(?<![\d.])\d\d(?:\.\d{1,3}){1,4}(?![\d.])")),
    Kind("bic", pattern(r"\b[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b")),
    Kind("vat_number", pattern(r"\b[A-Z]{2}\s?[0-9A-Z](?:[\s.]?[0-9A-Z]){6,12}\b", upper=True, drop=" .")),
    Kind("division", pattern(r"(?<!\d)\d{3}\s?[-–—]\s?\d{3}(?!\d)", drop=" ")),
    Kind("sex", names.sexes, personal=True),
    Kind("categories", names.categories),
    Kind("unit", units.find, free=True),
    Kind(
        "iban",
        pattern(r"\b[A-Z]{2}\s?\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?\b", upper=True, drop=" "),
        ("iban",),
        True,
    ),
    Kind("vin", pattern(r"\b[A-HJ-NPR-Z0-9]{17}\b", upper=True), ("vin",), True),
    Kind(
        "phone",
        pattern(r"(?:\+7|8|\+?\d{1,3})?[\s\-]?\(?\d{3,5}\)?[\s\-]?\d{1,3}[\s\-]?\d{2}[\s\-]?\d{2}"),
        personal=True,
    ),
    Kind("email", pattern(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+"), personal=True),
    Kind("url", pattern(r"(?:https?://|www\.)[^\s,;]+")),
    Kind("currency", names.currencies),
)

KINDS: Mapping[str, Kind] = {kind.key: kind for kind in _ALL}


def find(kind: str, text: str, language: str) -> list[Found]:
    """Everything in a text that may be a value of that kind: start, end, normalised value; the likeliest first."""
    return KINDS[kind].find(names.russian(text) if language == "ru" else text, language)


def normalise(kind: str, text: str, language: str = "ru") -> str | None:
    """The likeliest value of that kind in `text`, normalised; None when there is none."""
    found = find(kind, text, language)
    return found[0][2] if found else None
