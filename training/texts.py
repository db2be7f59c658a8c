"""What the drawn lines say: running words, forms, sums, codes, in seven languages with Russian first.

Every token is written in one alphabet, so that the network can learn from context which А is meant. All names, numbers
and addresses are made up from lists and a random source; none is taken from a document.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import words
from charset import DIGITS, LATIN, RUSSIAN, charset

FUNCTION_WORDS = (
    "и в во не на с со по к о об от до за из у для при под над а но или что как это его её их мы вы он она они я "
    "так же бы ли без через между перед после также если только уже ещё может быть был была были есть нет"
).split()
SURNAMES = (
    "Иванов Петров Сидоров Кузнецов Смирнов Попов Васильев Соколов Михайлов Новиков Фёдоров Морозов Волков Алексеев "
    "Лебедев Семёнов Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин Захаров Зайцев Соловьёв "
    "Борисов Яковлев Григорьев Романов Воробьёв Сергеев Кузьмин Фролов Дмитриев Королёв Гусев Киселёв Ильин Щукин"
).split()
NAMES = "Александр Сергей Дмитрий Андрей Алексей Максим Евгений Иван Михаил Артём Юрий Олег Пётр Фёдор Эдуард".split()
WOMEN = "Елена Ольга Наталья Анна Мария Татьяна Ирина Юлия Екатерина Светлана Жанна Элла Зоя Людмила Яна".split()
CITIES = (
    "Москва Санкт-Петербург Казань Новосибирск Екатеринбург Самара Омск Челябинск Уфа Пермь Воронеж Волгоград "
    "Краснодар Саратов Тюмень Ижевск Барнаул Иркутск Хабаровск Ярославль Владивосток Махачкала Томск Оренбург"
).split()
STREETS = "Ленина Мира Советская Садовая Лесная Новая Школьная Гагарина Пушкина Заводская Полевая Южная Цветочная".split()
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()
UNITS = "шт шт. кг г т м м² м³ км л мл ч мин усл. ед. упак. компл. чел. пог. м тыс. руб. млн % ‰ °C кВт·ч Гб мм см".split()
FORMS = """Счёт на оплату № ~|Счет-фактура № ~ от ~|Товарная накладная № ~|Платёжное поручение № ~|Договор поставки № ~|
Акт № ~ от ~|Акт сдачи-приёмки выполненных работ|Приложение № ~ к договору № ~|Унифицированная форма № ТОРГ-12|
Утверждена постановлением Госкомстата России|Код по ОКУД ~|Форма по ОКУД|по ОКПО ~|ИНН ~|КПП ~|ИНН/КПП ~/~|БИК ~|ОГРН ~|
ОГРНИП ~|ОКАТО ~|ОКТМО ~|КБК ~|р/с ~|к/с ~|Расчётный счёт № ~|Сч. № ~|Банк получателя|Банк плательщика|Получатель|Плательщик|
Вид оп.|Срок плат.|Наз. пл.|Очер. плат.|Рез. поле|Назначение платежа|Поступ. в банк плат.|Списано со сч. плат.|
Сумма прописью|Сумма|Итого|Итого к оплате:|Всего к оплате|Всего наименований ~, на сумму ~ руб.|В том числе НДС ~%|
Без налога (НДС)|в т.ч. НДС (20%)|Налоговая ставка|Цена (тариф) за единицу измерения|Стоимость товаров (работ, услуг)|
Количество (объём)|Единица измерения|Ед. изм.|Кол-во|Цена, руб. коп.|Сумма, руб.|№ п/п|Наименование товара|
Грузоотправитель и его адрес|Грузополучатель|Поставщик|Покупатель|Продавец|Заказчик|Исполнитель|Подрядчик|Арендатор|
Руководитель организации|Главный бухгалтер|(подпись)|(Ф.И.О.)|(должность)|(расшифровка подписи)|М.П.|М. П.|Дата составления|
Основание|Транспортная накладная|Отпуск груза разрешил|Груз принял|Груз получил грузополучатель|По доверенности № ~|
Ставка НДС|Сумма НДС|Масса брутто|Масса нетто|Паспорт серия ~ № ~|выдан ~|код подразделения ~|Дата рождения|Место рождения|
СНИЛС ~|Адрес регистрации|зарегистрирован по адресу:|Тел.: ~|тел./факс ~|E-mail:|Генеральный директор|директор ООО «~»|
в лице генерального директора|действующего на основании Устава|именуемое в дальнейшем «~»|с одной стороны, и|
заключили настоящий договор о нижеследующем:|ПРЕДМЕТ ДОГОВОРА|ПРАВА И ОБЯЗАННОСТИ СТОРОН|РЕКВИЗИТЫ СТОРОН|ПОРЯДОК РАСЧЁТОВ|
ОТВЕТСТВЕННОСТЬ СТОРОН|ФОРС-МАЖОР|ТЕХНИЧЕСКОЕ ЗАДАНИЕ|ПОЯСНИТЕЛЬНАЯ ЗАПИСКА|БУХГАЛТЕРСКИЙ БАЛАНС|ОТЧЁТ О ФИНАНСОВЫХ РЕЗУЛЬТАТАХ|
Внеоборотные активы|Оборотные активы|Нераспределённая прибыль (непокрытый убыток)|Дебиторская задолженность|Уставный капитал|
Российская Федерация|РОССИЙСКАЯ ФЕДЕРАЦИЯ|Федеральный закон от ~ № ~-ФЗ|СВИДЕТЕЛЬСТВО|УДОСТОВЕРЕНИЕ|ДОВЕРЕННОСТЬ|СПРАВКА|ЗАЯВЛЕНИЕ|ПРИКАЗ|
статья ~ пункт ~|ст. ~ ГК РФ|п. ~ ч. ~ ст. ~|абз. ~|гл. ~|разд. ~|подп. «~»|стр. ~|рис. ~|табл. ~|см. также|и т.д.|и т.п.|и др.|
г. Москва|г. ~|обл.|р-н|ул. ~, д. ~|пер.|пр-т|наб. р. ~|корп. ~|стр. ~|кв. ~|оф. ~|этаж ~|мкр.|
кг/м³|ГОСТ ~|ГОСТ Р ~|ТУ ~|СНиП ~|СП ~|ОСТ ~|РД ~|серия ~|зав. № ~|инв. № ~|Лист ~ из ~|Листов ~|Изм. Лист № докум. Подп. Дата|
Министерство образования и науки|Управление Федеральной налоговой службы|Центральный банк|Арбитражный суд|Федеральное казначейство|
ООО «~»|ОАО «~»|ПАО «~»|ЗАО «~»|АО «~»|ИП ~|ФГУП «~»|МБОУ СОШ № ~|ГБУЗ|НКО|ИФНС № ~ по г. ~|ОВД р-на|УФМС России|
КАССОВЫЙ ЧЕК|ПРИХОД|ИТОГ|НАЛИЧНЫМИ|БЕЗНАЛИЧНЫМИ|СДАЧА|ФН № ~|ФД ~|ФП ~|СНО: УСН доход|Кассир|Смена № ~|Чек № ~|РН ККТ ~|
Начальная (максимальная) цена контракта|Обеспечение исполнения контракта|Гарантийный срок|Срок поставки|Место поставки товара|
Рисунок ~ –|Таблица ~ –|Введение|Заключение|Содержание|Список литературы|Глава ~|Раздел ~|Примечание:|Внимание!|Да ☐ Нет ☐|☑ да|☒ нет"""
FORM_PARTS = [part.strip() for part in FORMS.replace("\n", "").split("|")]
CURRENCIES = ("руб.", "₽", "р.", "USD", "$", "EUR", "€", "₴", "₸", "£", "коп.", "тг.", "грн", "лв.", "дин.")
BRANDS = "Word Excel Windows Linux Intel Samsung Canon HP USB Wi-Fi PDF SQL Internet HTTP IP TCP LED GPS Microsoft Office".split()


class Texts:
    """Draws line texts; all randomness comes from the `random.Random` handed to `draw()`."""

    def __init__(self) -> None:
        self.words = {language: words.load(language) for language in words.DICTIONARIES}
        self.prose = words.prose()
        self.classes = charset()
        self.kinds: list[tuple[float, str, Callable[[random.Random], str]]] = [
            (26, "ru", self.running), (14, "ru", self.sentence), (15, "ru", self.form), (12, "digits", self.figures),
            (7, "ru", self.cell), (7, "codes", self.code), (5, "en", lambda r: self.foreign(r, "en")),
            (4.0, "latin", lambda r: self.foreign(r, r.choice(("de", "fr", "pl", "cs", "hr")))),
            (2.2, "uk", lambda r: self.foreign(r, "uk")), (1.5, "be", lambda r: self.foreign(r, "be")),
            (2.2, "kk", lambda r: self.foreign(r, "kk")), (1.2, "bg", lambda r: self.foreign(r, "bg")),
            (1.5, "sr", lambda r: self.foreign(r, "sr")), (1.4, "marks", self.soup),
        ]  # fmt: skip

    def draw(self, rng: random.Random) -> tuple[str, str]:
        """One line: (alphabet class, text)."""
        weights = [kind[0] for kind in self.kinds]
        _, name, make = rng.choices(self.kinds, weights)[0]
        return name, " ".join(make(rng).split())

    def word(self, rng: random.Random, language: str) -> str:
        """One word with the case and marks of running text."""
        if language == "ru" and rng.random() < 0.22:
            return rng.choice(FUNCTION_WORDS)
        return self.words[language].draw(rng).strip("-")

    def running(self, rng: random.Random, language: str = "ru") -> str:
        """Words with punctuation, a few figures and foreign names between them."""
        out: list[str] = []
        goal = rng.choices((6, 10, 16, 22, 28, 36, 50, 75), (1, 1, 2, 2, 2, 1, 1, 0.4))[0]
        upper = rng.random() < 0.12
        while sum(map(len, out)) + len(out) < goal:
            out.append(self._token(rng, language))
        text = " ".join(out)
        if upper:
            return text.upper()
        return text[0].upper() + text[1:] if rng.random() < 0.4 else text

    def _token(self, rng: random.Random, language: str) -> str:
        luck = rng.random()
        word = self.word(rng, language)
        if luck < 0.60:
            return word
        if luck < 0.72:
            return word + rng.choice((",", ",", ".", ";", ":", "!", "?", "…", ".", ","))
        if luck < 0.80:
            return word.capitalize()
        if luck < 0.83:
            return word.upper()
        if luck < 0.88:
            left, right = rng.choice((("«", "»"), ("(", ")"), ("«", "»"), ('"', '"'), ("„", "“"), ("“", "”"), ("[", "]")))
            return left + word + right + rng.choice(("", "", ",", "."))
        if luck < 0.91:
            return word + rng.choice((" — ", " – ", "-", "/", " - ")) + self.word(rng, language)
        if luck < 0.95:
            return self.figure(rng)
        if luck < 0.97:
            return rng.choice(BRANDS) if rng.random() < 0.5 else self.words["en"].draw(rng)
        if language not in ("ru", "be", "kk"):
            return rng.choice(("§ 3", "XX", "IV", "II", "& ", "5%", "№ 7" if language in ("uk", "bg") else "#7"))
        return rng.choice(("г.", "т.е.", "т. к.", "и т.д.", "др.", "гг.", "стр.", "№ 5", "% ", "§ 3", "XX в.", "IV", "II"))

    def sentence(self, rng: random.Random) -> str:
        """A window of manual prose, whole words."""
        parts = self.prose[int(rng.random() * len(self.prose))].split()
        start = int(rng.random() * max(1, len(parts) - 3))
        end = start + rng.choices((2, 3, 4, 5, 7, 10), (2, 3, 3, 2, 1, 0.5))[0]
        text = " ".join(parts[start:end])
        return text.upper() if rng.random() < 0.08 else text[:90]

    def form(self, rng: random.Random) -> str:
        """Phrases of Russian business papers with made-up values."""
        out = []
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            text = rng.choice(FORM_PARTS)
            while "~" in text:
                text = text.replace("~", self.value(rng, text), 1)
            out.append(text)
            if rng.random() < 0.25:
                out.append(self.value(rng, ""))
        text = rng.choice((" ", " ", ", ", "  ")).join(out)
        luck = rng.random()
        return text.upper() if luck < 0.12 else text.lower() if luck < 0.15 else text

    def value(self, rng: random.Random, context: str) -> str:
        """What a form field holds."""
        if "«~»" in context:
            name = self.words["ru"].draw(rng).capitalize()
            return name + (" " + self.words["ru"].draw(rng).capitalize() if rng.random() < 0.3 else "")
        luck = rng.random()
        if luck < 0.45:
            return self.figure(rng)
        if luck < 0.6:
            return self.person(rng)
        if luck < 0.7:
            return f"{rng.choice(CITIES)}, ул. {rng.choice(STREETS)}, д. {rng.randint(1, 200)}"
        if luck < 0.8:
            return date(rng)
        return number(rng, rng.choice((9, 10, 12, 13, 20, 4, 6)))

    def person(self, rng: random.Random) -> str:
        """A made-up name: surname with initials or in full."""
        woman = rng.random() < 0.5
        surname = rng.choice(SURNAMES) + ("а" if woman else "")
        first, second = rng.choice(WOMEN if woman else NAMES), rng.choice(NAMES)
        middle = second.rstrip("йь") + ("евна" if woman else "евич") if second[-1] in "йь" else second + (
            "овна" if woman else "ович"
        )
        initials = f"{first[0]}.{rng.choice(('', ' '))}{second[0]}."
        return rng.choice((f"{surname} {initials}", f"{initials} {surname}", f"{surname} {first} {middle}", surname))

    def figure(self, rng: random.Random) -> str:
        """A number as papers print it."""
        luck = rng.random()
        if luck < 0.3:
            return str(rng.randint(0, 10 ** rng.randint(1, 5)))
        if luck < 0.6:
            return money(rng)
        if luck < 0.72:
            return date(rng)
        if luck < 0.8:
            return f"{rng.randint(0, 100)}{rng.choice((',', '.'))}{rng.randint(0, 99)}{rng.choice(('%', ' %', '', ''))}"
        if luck < 0.88:
            return f"№ {rng.randint(1, 9999)}{rng.choice(('', '', '-К', '/' + str(rng.randint(1, 99))))}"
        if luck < 0.94:
            return ".".join(str(rng.randint(1, 30)) for _ in range(rng.randint(2, 4))) + rng.choice(("", "."))
        return f"{rng.randint(1, 999)} {rng.choice(UNITS)}"

    def figures(self, rng: random.Random) -> str:
        """Numbers only: cells, columns, phones, accounts."""
        luck = rng.random()
        if luck < 0.55:
            return rng.choice(("  ", " ", " | ")).join(self.figure(rng) for _ in range(rng.choice((1, 1, 1, 2, 3, 4))))
        if luck < 0.7:
            return number(rng, rng.choice((3, 5, 6, 9, 10, 11, 12, 13, 15, 20, 20)))
        if luck < 0.78:
            code = rng.choice(("+7 ({}) {}-{}-{}", "8 ({}) {}-{}-{}", "8-{}-{}-{}-{}", "({}) {}-{}-{}"))
            return code.format(number(rng, 3), number(rng, 3), number(rng, 2), number(rng, 2))
        if luck < 0.88:
            sign = rng.choice(("-", "–", "(", "+", "±", "≤ ", "≥ ", "×"))
            return sign + money(rng) + (")" if sign == "(" else "")
        if luck < 0.94:
            return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}" + rng.choice(("", f":{rng.randint(0, 59):02}"))
        return f"{rng.randint(1, 99)} {rng.choice(('×', 'x', '*', '+', '='))} {rng.randint(1, 999)} = {money(rng)}"

    def cell(self, rng: random.Random) -> str:
        """Something short: one word, a unit, a dash, a letter, a mark."""
        luck = rng.random()
        if luck < 0.45:
            word = self.word(rng, "ru")
            return rng.choice((word, word.capitalize(), word.capitalize(), word.upper(), word + ":", word + "."))
        if luck < 0.6:
            return rng.choice(UNITS)
        if luck < 0.7:
            return rng.choice((*"АБВГДЕЖИК", "а)", "б)", "в)", "1)", "1.", "—", "–", "-", "•", "№", "+", "X", "V", "Да", "нет"))
        if luck < 0.85:
            return self.person(rng)
        return f"{rng.choice(CITIES)} {date(rng)}"

    def foreign(self, rng: random.Random, language: str) -> str:
        """Running words of another language."""
        return self.running(rng, language)

    def code(self, rng: random.Random) -> str:
        """Machine-like strings: addresses, part numbers, number plates, MRZ lines, hashes."""
        en = self.words["en"]
        kind = rng.randint(0, 9)
        if kind == 0:
            name = ".".join(en.draw(rng).lower().replace("'", "") for _ in range(rng.randint(1, 2)))
            return f"{name}@{en.draw(rng).lower().replace(chr(39), '')}.{rng.choice(('ru', 'com', 'org', 'kz', 'рф'))}"
        if kind == 1:
            path = "/".join(en.draw(rng).lower().replace("'", "") for _ in range(rng.randint(1, 3)))
            return rng.choice(("https://www.", "http://", "www.")) + path.replace("/", ".ru/", 1)
        if kind == 2:
            letters = "".join(rng.choices("АВЕКМНОРСТУХ", k=3))
            return f"{letters[0]}{number(rng, 3)}{letters[1:]}{rng.choice((77, 99, 116, 178, 54))}"
        if kind in (3, 4):
            return mrz(rng, en.draw(rng), en.draw(rng))
        if kind == 5:
            return "".join(rng.choices(LATIN.upper() + DIGITS * 2, k=rng.randint(4, 22)))
        if kind == 6:
            return f"ГОСТ {rng.choice(('', 'Р ', 'ISO '))}{rng.randint(100, 60000)}{rng.choice('-–—')}{rng.randint(1970, 2025)}"
        if kind == 7:
            block = "".join(rng.choices(RUSSIAN.upper(), k=rng.randint(1, 4)))
            return f"{block}-{number(rng, rng.randint(1, 4))}{rng.choice(('', '.', '/'))}{number(rng, rng.randint(1, 3))}"
        if kind == 8:
            return f"{rng.choice(BRANDS)} {en.draw(rng).capitalize()} {number(rng, rng.randint(1, 4))}{rng.choice(LATIN.upper())}"
        return "".join(rng.choices("0123456789abcdef", k=rng.choice((8, 16, 32))))

    def soup(self, rng: random.Random) -> str:
        """Characters at random, so that each class is seen."""
        return " ".join("".join(rng.choices(self.classes, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 5)))


def number(rng: random.Random, digits: int) -> str:
    """A run of digits."""
    return "".join(rng.choices(DIGITS, k=digits))


def date(rng: random.Random) -> str:
    """A date as papers print it."""
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1950, 2030)
    return rng.choice((
        f"{day:02}.{month:02}.{year}", f"{day:02}.{month:02}.{year % 100:02}", f"{day} {MONTHS[month - 1]} {year} г.",
        f"«{day:02}» {MONTHS[month - 1]} {year} г.", f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}", f"{year} г.",
        f"{day:02}.{month:02}.{year} г.", f"«___» __________ {year} г.",
    ))  # fmt: skip


def money(rng: random.Random) -> str:
    """A sum with thousands marks and decimals, now and then with its currency."""
    whole, cents = rng.randint(0, 10 ** rng.randint(2, 9)), rng.randint(0, 99)
    mark, point = rng.choice(((" ", ","), (" ", "."), ("", ","), ("", "."), (",", "."), ("", "-"), (" ", ",")))
    text = f"{whole:,}".replace(",", mark) + rng.choice(("", f"{point}{cents:02}", f"{point}{cents:02}"))
    luck = rng.random()
    if luck < 0.15:
        return f"{text} {rng.choice(CURRENCIES)}"
    return f"{whole} руб. {cents:02} коп." if luck < 0.2 else text


def mrz(rng: random.Random, one: str, two: str) -> str:
    """A line shaped like the machine readable zone of a passport."""
    one, two = ("".join(c for c in w.upper() if c in LATIN.upper()) for w in (one, two))
    if rng.random() < 0.5:
        return f"P<{rng.choice(('RUS', 'UTO', 'KAZ', 'BLR', 'UKR'))}{one}<<{two}".ljust(44, "<")[:44]
    tail = f"{number(rng, 10)}{rng.choice(('RUS', 'UTO'))}{number(rng, 7)}{rng.choice('MF')}{number(rng, 7)}"
    return tail.ljust(42, "<") + number(rng, 2)
