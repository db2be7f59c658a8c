"""Names of people and organisations: where they stand in a text, and one way to write them."""

import re

_WORD = r"[А-ЯЁA-Z][а-яёa-z]+(?:-[А-ЯЁA-Z][а-яёa-z]+)?"
_UPPER = r"[А-ЯЁ]{2,}(?:-[А-ЯЁ]{2,})?"
_INITIAL = r"[А-ЯЁA-Z]\s?[.,]"
#: Initials after a surname; they may have been read as small letters or digits, if their full stops were read.
_INITIALS_AFTER = (
    rf"(?:{_INITIAL}\s?(?:[А-ЯЁA-Z]\s?\.?|[а-яё03]\s?\.)"
    r"|(?!т\.\s?[едкп]\.|и\.\s?[оп]\.)[а-яё03]\.\s?[А-ЯЁа-яё03]\s?\.)"
)
_PATRONYMIC = re.compile(r"(?:вич|[тьк]ич|мич|лич|вна|ична|инична|вича|вны|ичны|вичу|вне|оглы|кызы)$", re.IGNORECASE)
_PERSON = re.compile(
    rf"(?P<initials>{_INITIAL}\s?{_INITIAL})\s?(?P<last>{_WORD}|{_UPPER})"
    rf"|(?P<first>{_WORD}|{_UPPER})\s+(?P<after>{_INITIALS_AFTER})(?![а-яё])"
    rf"|(?P<full>{_WORD}\s+{_WORD}\s+{_WORD}|{_UPPER}\s+{_UPPER}\s+{_UPPER}(?:\s+(?:ОГЛЫ|КЫЗЫ))?)"
)
_FORMS = (
    r"(?:[О0OоoQ]{3}|ПАО|ОАО|ЗАО|НАО|АО|АКБ|КБ|НКО|АНО|ФГБУЗ?|ФГУП|ФГАОУ|ФКУ|ГБУЗ?|ГАУ|ГКУ|ГБОУ|МБУ|МБОУ|МКУ|МАУ|МУП|ГУП|ТСЖ|"
    r"[Оо]бщество\s+с\s+ограниченной\s+ответственностью|[Пп]убличное\s+акционерное\s+общество|"
    r"[Зз]акрытое\s+акционерное\s+общество|[Оо]ткрытое\s+акционерное\s+общество|[Аа]кционерное\s+общество|"
    r"[Гг]осударственное\s+(?:бюджетное\s+|казенное\s+|автономное\s+)?учреждение(?:\s+[а-яё]+){0,3}|"
    r"[Мм]униципальное\s+(?:бюджетное\s+|казенное\s+)?учреждение(?:\s+[а-яё]+){0,3})"
)
#: ООО before a quoted name, as readers see it.
_ZEROS = re.compile(r"(?<!\w)[О0OоoQ]{3}(?=\s*[«\"“„<'])")
_QUOTED = re.compile(
    rf"(?P<form>{_FORMS})\s*(?P<inner>[А-ЯЁ]{{2,4}}\s+)?(?P<open>[«\"“„<'‘]{{1,2}})(?P<title>[^;\n]{{1,90}}?)[»\"”“>'’]{{1,3}}"
    r"(?=$|[,.;:()\s])(?![^«\"“„,;]{0,30}»)"
)
_TRADER = re.compile(
    rf"(?:ИП|[Ии]ндивидуальный\s+предприниматель)\s+(?:{_WORD}|{_UPPER})(?:\s+(?:{_WORD}|{_UPPER}|{_INITIAL}\s?))+"
)
_COMPANY_EN = re.compile(
    r"[A-Z][\w&.,'’()\- ]{1,60}?\s?\b(?:Ltd|LLC|Inc|GmbH|B\.V|PLC|Limited|Corp|Sdn\.? Bhd|SDN BHD|S\.?A|Co)\b\.?"
)
BANK = re.compile(r"\b(?:КБ|АКБ|ГУ|РКЦ|УФК|BANK|Bank)\b|[Бб]анк|БАНК")
_EDGE = " \t\n.,:;—–-_|*•·"


def organisations(text: str, language: str) -> list[tuple[int, int, str]]:
    """A name with a legal form if there is one, else everything up to the first comma; in English in Latin letters."""
    text = latin(text) if language == "en" else text
    for expression in (_QUOTED, _TRADER, _COMPANY_EN):
        found = [(m.start(), m.end(), organisation(m.group())) for m in expression.finditer(text)]
        if found and found[0][0] <= 60:
            return found
    bare = re.split(r",\s|;|\(|\n|\s\d{6},", text.strip(_EDGE))[0].strip(_EDGE)
    if len(bare) < 3 or bare[0].islower():
        return []
    return [(text.find(bare), text.find(bare) + len(bare), organisation(bare))]


def is_organisation(name: str) -> bool:
    """Whether a name carries a legal form or a quoted title."""
    return any(expression.search(name) for expression in (_QUOTED, _TRADER, _COMPANY_EN)) or "«" in name


def rejoined(text: str) -> str:
    """Single spaces, none before a comma, and the halves of a word together that a line's end or a reader parted."""
    whole = re.sub(r"(?<=\w)- (?=\w)", "-", re.sub(r"\s+(?=[,;])", "", " ".join(text.split())))
    return re.sub(r"(?<=[а-яё]) (?=[ьъы])", "", whole)  # no Russian word begins with these


#: Letters of other Cyrillic alphabets, which readers of many languages see in Russian words.
_STRANGE = str.maketrans("қҚҡҠңҢҥҤүҮұҰөӨӧӦҫҪҙҘҷҶҳҲӽўЎґҐӣӯ", "кКкКнНнНуУуУоОоОсСзЗчЧхХхуУгГиу")


def russian(text: str) -> str:
    """A Russian text without letters of its neighbours' alphabets; the length stays."""
    return text.translate(_STRANGE)


#: Words of twins only, and the inward part of a British postcode, which begins with a digit.
_TWINS_OF_LATIN = "АВЕЗКМНОРСТУХҮІЈЅ"
_TWIN_WORD = re.compile(rf"(?<!\w)[{_TWINS_OF_LATIN}0-9]*[{_TWINS_OF_LATIN}][{_TWINS_OF_LATIN}A-Z0-9]*(?!\w)")
_LATIN = str.maketrans(_TWINS_OF_LATIN, "ABE3KMHOPCTYXYIJS")
#: Small letters: what readers of both alphabets make of words of few letters, such as «рег» of per and «ст» of cm.
_SMALL_TWINS, _SMALL = re.compile(r"(?<!\w)[аеорсхукгпит]{2,}(?!\w)"), str.maketrans("аеорсхукгпит", "aeopcxykrnum")
_INWARD = re.compile(r"(?<=[A-Z]\d )[SBOI](?=[A-Z]{2}\b)|(?<=[A-Z]\d\d )[SBOI](?=[A-Z]{2}\b)")


def latin(text: str) -> str:
    """An English text whose letters were taken for Cyrillic ones, in Latin letters; the length stays."""
    whole = _TWIN_WORD.sub(lambda match: match.group().translate(_LATIN), text)
    whole = _SMALL_TWINS.sub(lambda match: match.group().translate(_SMALL), whole)
    return _INWARD.sub(lambda match: "5801"["SBOI".index(match.group())], whole)


def organisation(text: str) -> str:
    """One spelling: single spaces, «» around the title, no space inside them."""
    plain = _ZEROS.sub("ООО", rejoined(text)).strip(" ,;:")
    plain = re.sub(r"[“”„]", '"', plain)
    plain = re.sub(r'(?<=[\s(])"(?=\S)|^"(?=\S)', "«", plain)
    plain = re.sub(r'"', "»", plain)
    return re.sub(r"«\s+", "«", re.sub(r"\s+»", "»", plain))


def persons(text: str, _language: str) -> list[tuple[int, int, str]]:
    """Surname with initials on either side, or three words of which the last is a patronymic first of all."""
    found = [(match.start(), match.end(), _person(match)) for match in _PERSON.finditer(text)]
    return sorted(found, key=lambda one: (not _likely(one[2]), one[0]))


def _likely(name: str) -> bool:
    return "." in name or has_patronymic(name)


def _person(match: re.Match[str]) -> str:
    if match["full"]:
        return person(match["full"])
    last = match["last"] or match["first"]
    letters = re.findall(r"[А-ЯЁA-Z03]", (match["initials"] or match["after"]).upper())
    letters = [letter.translate(_INITIALS) for letter in letters]
    return f"{person(last)} {'. '.join(letters)}."


def person(text: str) -> str:
    """Each part with one capital, also after hyphens, unless it is an initial."""
    return " ".join("-".join(part[:1].upper() + part[1:].lower() for part in word.split("-")) for word in text.split())


_INITIALS = str.maketrans("03", "ОЗ")


def has_patronymic(name: str) -> bool:
    """Whether the last word has the shape of a patronymic, in any case."""
    parts = name.split()
    return len(parts) >= 3 and _PATRONYMIC.search(parts[2]) is not None


def name_words(text: str, _language: str) -> list[tuple[int, int, str]]:
    """One to four words of letters: the surname, first or full name that stands beside its own label."""
    match = re.search(r"(?:[^\W\d_]{2,}(?:-[^\W\d_]{2,})?)(?:\s+[^\W\d_]{2,}(?:-[^\W\d_]{2,})?){0,3}", text)
    return [(match.start(), match.end(), person(match.group()))] if match else []


def sexes(text: str, _language: str) -> list[tuple[int, int, str]]:
    """M or F, from a word or letter in either alphabet."""
    match = re.search(r"\b(?:(?P<m>МУЖ(?:СКОЙ)?|MALE|[МM])|(?P<f>ЖЕН(?:СКИЙ)?|FEMALE|[ЖF]))\b\.?", text, re.IGNORECASE)
    return [(match.start(), match.end(), "M" if match["m"] else "F")] if match else []


_CURRENCIES = {
    "RUB": r"руб|₽|\bRUB\b|российск\w+ рубл",
    "USD": r"\bUSD\b|\$|доллар",
    "EUR": r"\b[EЕ]U[RЯ]\b|[€Є]|евро",  # Є, СВР and the like: how readers of both alphabets see it
    "GBP": r"\b[GC]BP\b|\bСВ[РP]\b|£",
    "MYR": r"\bRM\b|\bMYR\b",
}


def currencies(text: str, _language: str) -> list[tuple[int, int, str]]:
    """The ISO code of each currency that the text names."""
    return sorted(
        (match.start(), match.end(), code)
        for code, expression in _CURRENCIES.items()
        for match in re.finditer(expression, text, re.IGNORECASE)
    )


_CATEGORY = re.compile(r"(?:Tm|Tb|BE|CE|DE|C1E|D1E|A1|B1|C1|D1|[ABCDM])")
_TWINS = str.maketrans("АВСЕМТ", "ABCEMT")


def categories(text: str, _language: str) -> list[tuple[int, int, str]]:
    """Categories of a driving licence in Latin letters, a space between them, whichever alphabet they were read in."""
    match = re.search(r"(?<![A-Za-zА-Яа-я])[ABCDEMTАВСЕМТbm1][ABCDEMTАВСЕМТbm1\s,/]*(?![A-Za-zА-Яа-я])", text)
    found = _CATEGORY.findall(match.group().translate(_TWINS)) if match else []
    return [(match.start(), match.end(), " ".join(found))] if match and found else []
