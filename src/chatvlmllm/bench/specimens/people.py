"""Invented people, companies, banks, addresses and goods, composed from word lists.

Combinations are random; nobody in particular is meant. Telephone numbers use the unassigned exchange 000 and
mail addresses the reserved domain `example`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from chatvlmllm.bench.specimens import values

_SURNAMES = [
    "Белозёров",
    "Громов",
    "Кедров",
    "Лугин",
    "Медянский",
    "Незнамов",
    "Озёрный",
    "Полевой",
    "Речкин",
    "Сосновский",
    "Тихомиров",
    "Удальцов",
    "Ветлугин",
    "Заречный",
    "Калинкин",
    "Ольшанский",
    "Рябинин",
    "Щукин",
    "Ярцев",
    "Шелестов",
    "Чащин",
    "Южаков",
    "Эльбрусов",
    "Жуков",
    "Фонарёв",
]
_MEN = [
    "Александр",
    "Борис",
    "Виктор",
    "Глеб",
    "Денис",
    "Егор",
    "Игорь",
    "Кирилл",
    "Леонид",
    "Максим",
    "Николай",
    "Олег",
    "Павел",
    "Роман",
    "Семён",
    "Фёдор",
]
_WOMEN = [
    "Анна",
    "Вера",
    "Галина",
    "Дарья",
    "Елена",
    "Жанна",
    "Ирина",
    "Ксения",
    "Людмила",
    "Марина",
    "Наталья",
    "Ольга",
    "Полина",
    "Софья",
    "Юлия",
    "Яна",
]
_FATHERS = [
    "Александров",
    "Борисов",
    "Викторов",
    "Глебов",
    "Денисов",
    "Егоров",
    "Игорев",
    "Кириллов",
    "Леонидов",
    "Максимов",
    "Николаев",
    "Олегов",
]
CITIES = (
    ("г. Москва", "77", "МОСКВА"),
    ("г. Санкт-Петербург", "78", "САНКТ-ПЕТЕРБУРГ"),
    ("г. Казань", "16", "КАЗАНЬ"),
    ("г. Нижний Новгород", "52", "НИЖНИЙ НОВГОРОД"),
    ("г. Новосибирск", "54", "НОВОСИБИРСК"),
    ("г. Самара", "63", "САМАРА"),
    ("г. Екатеринбург", "66", "ЕКАТЕРИНБУРГ"),
    ("г. Воронеж", "36", "ВОРОНЕЖ"),
)
_STREETS = [
    "Садовая",
    "Полевая",
    "Заречная",
    "Лесная",
    "Озёрная",
    "Берёзовая",
    "Луговая",
    "Тихая",
    "Светлая",
    "Южная",
    "Родниковая",
    "Сиреневая",
]
COMPANIES = [
    "Северный кедр",
    "Тёплый стан",
    "ТехноЛадья",
    "Василёк и К",
    "Приборсервис-9",
    "Синяя сойка",
    "Меридиан-Опт",
    "Хлебный дом",
    "ГрадСтройКомплект",
    "Пятый элемент связи",
    "Ёлки-Иголки",
    "Южный причал",
    "Бумажный двор",
    "Инженерные сети Заречья",
    "Офис-Экспресс",
    "Река и берег",
]
_BANKS = ["«Заречный»", "«Кедр-Банк»", "«Полярная звезда»", "«Тихий Дон-Кредит»", "«Меридиан»", "«Синегорье»"]
_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [
            "A",
            "B",
            "V",
            "G",
            "D",
            "E",
            "E",
            "ZH",
            "Z",
            "I",
            "I",
            "K",
            "L",
            "M",
            "N",
            "O",
            "P",
            "R",
            "S",
            "T",
            "U",
            "F",
            "KH",
            "TS",
            "CH",
            "SH",
            "SHCH",
            "IE",
            "Y",
            "",
            "E",
            "IU",
            "IA",
        ],
        strict=True,
    )
)


@dataclass(frozen=True)
class Person:
    """A name with what its declension needs; `female` decides endings."""

    surname: str
    name: str
    patronymic: str
    female: bool

    @property
    def full(self) -> str:
        return f"{self.surname} {self.name} {self.patronymic}"

    @property
    def short(self) -> str:
        return f"{self.surname} {self.name[0]}. {self.patronymic[0]}."

    @property
    def genitive(self) -> str:
        father = self.patronymic[:-1] + "ы" if self.female else self.patronymic + "а"
        return f"{self._surname_of()} {_name_of(self.name)} {father}"

    def _surname_of(self) -> str:
        if self.surname.endswith(("ий", "ый", "ой")):
            return self.surname[:-2] + "ого"
        if self.surname.endswith("ая"):
            return self.surname[:-2] + "ой"
        return self.surname[:-1] + "ой" if self.female else self.surname + "а"


def _name_of(name: str) -> str:
    """Genitive of a first name from the lists above."""
    if name.endswith(("ия", "ья")):
        return name[:-1] + "и"
    if name.endswith("а"):
        return name[:-1] + ("и" if name[-2] in "гкх" else "ы")
    if name == "Павел":
        return "Павла"
    return name[:-1] + "я" if name[-1] in "йь" else name + "а"


def latin(text: str) -> str:
    """Transliteration of the Russian passport (ICAO Doc 9303), capitals."""
    return "".join(_LATIN.get(letter, letter.upper()) for letter in text.lower())


def person(rng: Random) -> Person:
    """Anyone, man or woman."""
    female = rng.random() < 0.5
    surname = rng.choice(_SURNAMES)
    if female:
        surname = surname[:-2] + "ая" if surname.endswith(("ий", "ый", "ой")) else surname + "а"
    return Person(
        surname, rng.choice(_WOMEN if female else _MEN), rng.choice(_FATHERS) + ("на" if female else "ич"), female
    )


@dataclass(frozen=True)
class Bank:
    """An invented bank with numbers that agree with each other."""

    name: str
    bik: str
    correspondent: str


@dataclass(frozen=True)
class Company:
    """An invented organisation with its registration and bank numbers."""

    form: str
    title: str
    inn: str
    kpp: str
    ogrn: str
    okpo: str
    address: str
    city: str
    phone: str
    email: str
    bank: Bank
    account: str
    director: Person
    accountant: Person

    @property
    def name(self) -> str:
        return f"{self.form} «{self.title}»"

    @property
    def full_name(self) -> str:
        return f"{FULL_FORMS[self.form]} «{self.title}»"


FULL_FORMS = {
    "ООО": "Общество с ограниченной ответственностью",
    "АО": "Акционерное общество",
    "ГБУ": "Государственное бюджетное учреждение",
}


def address(rng: Random, city: str) -> str:
    """A postal address in `city`."""
    office = f", оф. {rng.randrange(1, 90)}" if rng.random() < 0.6 else ""
    house = f"{rng.randrange(1, 120)}{rng.choice(('', '', '', 'А', ', стр. 2', ', к. 1'))}"
    return f"{rng.randrange(101000, 690000)}, {city}, ул. {rng.choice(_STREETS)}, д. {house}{office}"


def bank(rng: Random) -> Bank:
    """An invented bank."""
    code = values.bik(rng)
    city = rng.choice(CITIES)[0]
    return Bank(
        f"{rng.choice(('АО', 'ПАО', 'ООО'))} КБ {rng.choice(_BANKS)} {city}", code, values.correspondent_account(code)
    )


def company(rng: Random, form: str = "", title: str = "") -> Company:
    """An invented organisation; `form` and `title` are drawn when not given."""
    city, region, _ = rng.choice(CITIES)
    office = f"{region}9{rng.randrange(2, 9)}"
    place = bank(rng)
    chosen = title or rng.choice(COMPANIES)
    mail = latin("".join(sign for sign in chosen if sign.isalnum())).lower()[:14]
    return Company(
        form=form or rng.choice(("ООО", "ООО", "ООО", "АО")),
        title=chosen,
        inn=values.inn_company(rng, office),
        kpp=values.kpp(rng, office),
        ogrn=values.ogrn(rng, office),
        okpo=values.okpo(rng),
        address=address(rng, city),
        city=city,
        phone=f"+7 ({rng.choice(('495', '812', '843', '383'))}) 000-{rng.randrange(10, 99)}-{rng.randrange(10, 99)}",
        email=f"info@{mail}.example",
        bank=place,
        account=values.account(rng, place.bik),
        director=person(rng),
        accountant=person(rng),
    )


def two_companies(rng: Random) -> tuple[Company, Company]:
    """Seller and buyer, never of one name."""
    first, second = rng.sample(COMPANIES, 2)
    return company(rng, title=first), company(rng, title=second)


# name, unit (ОКЕИ short name), ОКЕИ code, least and greatest price in roubles
GOODS = (
    ("Бумага офисная А4, 80 г/м², 500 л.", "пач.", "728", 210, 420),
    ("Картридж лазерный черный ТК-1170", "шт.", "796", 900, 4200),
    ("Стол письменный 1200×600 мм, бук", "шт.", "796", 5200, 11800),
    ("Кресло офисное с подлокотниками", "шт.", "796", 4300, 15900),
    ("Кабель ВВГнг(А)-LS 3×2,5", "м", "006", 62, 118),
    ("Светильник светодиодный 36 Вт, 595×595", "шт.", "796", 780, 1900),
    ("Краска водоэмульсионная белая, 14 кг", "шт.", "796", 1150, 3600),
    ("Цемент М500 Д0, мешок 50 кг", "шт.", "796", 380, 610),
    ("Доска обрезная 50×150×6000, сорт 1", "м³", "113", 14500, 21900),
    ("Арматура А500С Ø12 мм", "т", "168", 48000, 69000),
    ("Насос циркуляционный 25/6-180", "шт.", "796", 3400, 8800),
    ("Молоко питьевое 3,2 %, 1 л", "шт.", "796", 68, 115),
    ("Мука пшеничная высшего сорта", "кг", "166", 38, 66),
    ("Перчатки нитриловые, размер M", "упак.", "778", 290, 640),
    ("Шкаф архивный металлический ШРМ-22", "шт.", "796", 7900, 19400),
    ("Вода питьевая негазированная, 19 л", "бут.", "868", 180, 390),
    ("Папка-регистратор А4, корешок 75 мм", "шт.", "796", 165, 340),
    ("Ручка шариковая синяя 0,7 мм", "шт.", "796", 14, 58),
    ("Лампа светодиодная E27, 10 Вт", "шт.", "796", 78, 210),
    ("Розетка двойная с заземлением", "шт.", "796", 230, 690),
    ("Гипсокартон влагостойкий 2500×1200×12,5", "лист", "625", 420, 640),
    ("Смесь штукатурная гипсовая, 30 кг", "шт.", "796", 390, 560),
    ("Плитка керамическая 300×600 мм", "м²", "055", 890, 1980),
    ("Мыло жидкое, канистра 5 л", "шт.", "796", 310, 720),
    ("Бумага туалетная двухслойная, 8 рулонов", "упак.", "778", 145, 320),
    ("Аптечка первой помощи офисная", "шт.", "796", 980, 2400),
    ("Огнетушитель порошковый ОП-4(з)", "шт.", "796", 1150, 2300),
    ("Жалюзи вертикальные тканевые", "м²", "055", 760, 1900),
    ('Монитор 23,8", 1920×1080', "шт.", "796", 8900, 17800),
    ("Клавиатура проводная USB", "шт.", "796", 590, 1700),
    ("Сахар-песок, мешок 25 кг", "шт.", "796", 1450, 2200),
    ("Крупа рисовая шлифованная", "кг", "166", 78, 140),
)
SERVICES = (
    ("Техническое обслуживание вентиляции", "усл. ед.", "876", 4500, 28000),
    ("Сопровождение информационной системы", "мес.", "362", 12000, 64000),
    ("Уборка офисных помещений", "м²", "055", 38, 120),
    ("Перевод технической документации", "стр.", "920", 450, 900),
    ("Доставка оборудования до склада", "рейс", "890", 3200, 14500),
    ("Монтаж и пусконаладка насосной группы", "усл. ед.", "876", 18000, 96000),
    ("Поверка средств измерений", "шт.", "796", 640, 3900),
    ("Консультация инженера", "ч", "356", 1500, 4200),
    ("Разработка рабочей документации", "компл.", "839", 45000, 240000),
    ("Заправка картриджей", "шт.", "796", 350, 900),
)
