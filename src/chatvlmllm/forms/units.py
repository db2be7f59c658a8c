"""Units of measure: as papers shorten them, as readers misread them, and by their code."""

import re
from collections.abc import Mapping

_PIECES = (
    "шт|компл|упак|пач|бут|бан|бал|кан|фл|тюб|ящ|уп|боб|секц|тыс|кор|мешок|рул|лист|набор|пара|ед|усл|экз|комплект"
)
_MEASURES = "г|кг|т|ц|мм|см|м|м²|м³|км|га|л|мл|дл|ч|час|мин|сут|дн|день|мес|год|чел|рейс|смена|раз|услуга|Вт|кВт|Гкал"
_UNITS = frozenset((*_PIECES.split("|"), *_MEASURES.split("|")))
#: One letter as another alphabet's reader sees it.
_UNIT_TWINS = {"y": "ч", "у": "ч", "4": "ч", "n": "л", "п": "л", "r": "г", "wt": "шт", "ur": "шт"}


def find(text: str, _language: str) -> list[tuple[int, int, str]]:
    """A unit of measure; a raised 2 or 3 that was read as something else after м is put right, and one wrong letter."""
    bare = " ".join(text.strip(" ,;:|_").split())
    value = re.sub(r"(?<=\d)(?=м)", " ", re.sub(r"\bм\s?[2?°*\"]", "м²", re.sub(r"\bм\s?[3з]\b", "м³", bare)))
    return [(0, len(text), _known_unit(value))] if bare else []


def _known_unit(value: str) -> str:
    """The unit that a text must mean when it is none itself; else the text."""
    from rapidfuzz.distance import Levenshtein

    bare = value.rstrip(".")
    if bare in _UNITS or " " in bare or not re.search(r"[^\W\d_]", bare):
        return value
    dot = value[len(bare) :]
    if bare.casefold() in _UNIT_TWINS:
        return _UNIT_TWINS[bare.casefold()] + dot
    # A letter read twice is the one slip that never makes another unit of it.
    near = [unit for unit in _UNITS if len(unit) + 1 == len(bare) and Levenshtein.distance(bare.casefold(), unit) == 1]
    return near[0] + dot if len(near) == 1 and len(bare) > 2 else value


#: Units by their code in the Russian classifier of units (ОК 015-94), as tax papers print both.
OKEI: Mapping[str, str] = {
    "003": "мм", "004": "см", "006": "м", "008": "км", "018": "пог. м", "055": "м²", "059": "га", "112": "л",
    "113": "м³", "163": "г", "166": "кг", "168": "т", "245": "кВт·ч", "355": "мин", "356": "ч", "359": "сут",
    "362": "мес", "366": "год", "616": "боб", "625": "лист", "642": "ед", "657": "изд", "704": "набор", "715": "пара",
    "728": "пач", "736": "рул", "778": "упак", "792": "чел", "796": "шт", "812": "ящ", "839": "компл", "868": "бут",
    "876": "усл. ед",
}  # fmt: skip
#: Letters that readers take for digits of a code.
_TO_DIGIT = str.maketrans("ОоOoЗзбБlI", "0000336611")


def codes(text: str, _language: str) -> list[tuple[int, int, str]]:
    """Codes of units: three digits, or signs that look like those of a known code."""
    found = [(m.start(), m.end(), m.group().translate(_TO_DIGIT)) for m in re.finditer(r"(?<!\w)\w{3}(?!\w)", text)]
    return [one for one in found if one[2] in OKEI or text[one[0] : one[1]].isdigit()]


def by_code(read: str, code: str) -> str:
    """The unit of a code, where the text beside it is no unit, or that unit with a letter wrong or its end lost."""
    from rapidfuzz.distance import Levenshtein

    bare, meant = read.strip(" .").casefold(), OKEI.get(code, "")
    if not meant or not bare or bare == meant.casefold():
        return read
    near = meant.casefold().startswith(bare) or Levenshtein.distance(bare, meant.casefold()) == 1
    return meant if near or bare not in _UNITS else read
