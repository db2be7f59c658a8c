"""A document type as data: what its YAML file may say. Loaded by `load`, used by everything else here.

Titles are by interface language (`ru`, `en`). Labels, headers and phrases are the words that stand on the paper, in
any letter case; ё and е, Latin look-alikes and a wrong letter in five are forgiven when they are matched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pydantic import ConfigDict


Where = Literal["right", "below", "above", "inside"]
Title = dict[str, str]
_CLOSED: "ConfigDict" = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Detect:
    """Evidence for the type. `titles` name the paper near its top; `signs` are words of it anywhere.

    `unless` are phrases that speak against it; `mrz` is the format of a machine readable zone it carries.
    """

    __pydantic_config__ = _CLOSED
    titles: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    mrz: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field. `where` orders the places beside a label where its value may stand.

    `section` bounds the search; `lines` is how many lines the value may run over; `line` tells on which line beside
    its label it begins (from 1); `pick` chooses among equals; `mrz` names the part of the machine readable zone.
    """

    __pydantic_config__ = _CLOSED
    kind: str
    title: Title
    labels: tuple[str, ...] = ()
    where: tuple[Where, ...] = ("right", "below")
    section: str = ""
    lines: int = 1
    line: int = 1
    pick: Literal["best", "first", "last"] = "best"
    required: bool = False
    personal: bool = False
    mrz: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page that belongs to one party: from any of `starts` to the next section or any of `ends`.

    `parts` are the usual fields of a party, found inside; their keys become `<section>_<part>`. With `foot` the names
    stand under what they name: the row of an opening is not inside, that of an end is.
    """

    __pydantic_config__ = _CLOSED
    title: Title
    starts: tuple[str, ...]
    ends: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    foot: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a repeating group, known by any of its `headers`.

    `graph` is the number that an official form gives the column under its headers, such as 2а.
    """

    __pydantic_config__ = _CLOSED
    kind: str
    title: Title
    headers: tuple[str, ...] = ()
    graph: str = ""
    personal: bool = False
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A repeating group: rows of a table under known headers, up to a row that begins with one of `until`.

    Rows that begin with one of `skip` are passed over. `totals` name the fields that the closing row holds by column.
    Without headers, `line` is the phrase of one row, such as `{quantity} x {price} {amount}`; the text above it is the
    column `above`, and rows begin after one of `starts`.
    """

    __pydantic_config__ = _CLOSED
    title: Title
    columns: dict[str, Column]
    until: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    totals: dict[str, str] = field(default_factory=dict)
    line: str = ""
    above: str = ""
    starts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRule:
    """A cross-check: its name in the list of checks, and which fields play its parts."""

    __pydantic_config__ = _CLOSED
    check: str
    of: dict[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """One document type."""

    __pydantic_config__ = _CLOSED
    key: str
    title: Title
    fields: dict[str, FieldRule]
    language: Literal["ru", "en"] = "ru"
    aliases: tuple[str, ...] = ()
    detect: Detect = Detect()
    sections: dict[str, Section] = field(default_factory=dict)
    phrases: tuple[str, ...] = ()
    groups: dict[str, GroupRule] = field(default_factory=dict)
    checks: tuple[CheckRule, ...] = ()
    stops: tuple[str, ...] = ()

    def rule(self, key: str) -> "FieldRule | Column":
        """The rule behind a field's key, also behind `items[0].price`; raises KeyError."""
        if "[" not in key:
            return self.fields[key]
        group, _, column = key.partition("[")
        return self.groups[group].columns[column.partition("].")[2]]

    def titles(self, language: str) -> Mapping[str, str]:
        """Field titles by key, for people."""
        return {key: rule.title.get(language, key) for key, rule in self.fields.items()}
