"""What extraction gives: fields with their provenance, checks with their outcome, groups of rows.

All are frozen values that pydantic can turn into JSON and a JSON schema. Boxes are in pixels of the upright page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chatvlmllm.forms.sentences import render
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Notice


class Layer(StrEnum):
    """Which way of extraction found a value."""

    LABEL = "label"
    PHRASE = "phrase"
    TABLE = "table"
    MRZ = "mrz"
    MODEL = "model"
    REREAD = "reread"


class Outcome(StrEnum):
    """How a check ended. `not_applicable`: something it needs is absent, so nothing is claimed."""

    OK = "ok"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value stands: page from 1, box in page pixels (None for a model without places), text as read."""

    layer: Layer
    page: int
    text: str
    box: Box | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another value that the paper may mean; `reason` is a stable code of why it is only a candidate."""

    value: str
    reason: str
    source: Source


@dataclass(frozen=True, slots=True)
class Reread:
    """One second look at the place of a doubtful value: what was read there and what came of it."""

    check: str
    page: int
    box: Box
    text: str
    value: str | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one or several fields. `details` are the values that its sentence names."""

    code: str
    outcome: Outcome
    fields: tuple[str, ...]
    details: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """The result in words."""
        return render(f"checks.{self.code}.{self.outcome}", language, self.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value of a paper. `key` is that of the form, in a group `items[0].price`.

    `value` is normalised: ISO date, decimal with a point, bare digits; None when absent. `raw` is the text as read.
    `confidence` is the lowest of the words it stands on, 0…1. `supported` says whether a second reader found the value
    on the page; None when none was asked. `layers` are all the ways of extraction that gave this value.
    """

    key: str
    kind: str
    value: str | None = None
    raw: str = ""
    source: Source | None = None
    confidence: float | None = None
    layers: tuple[Layer, ...] = ()
    supported: bool | None = None
    checks: tuple[Check, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    rereads: tuple[Reread, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Failed if any check failed; ok if at least one passed; else nothing is known."""
        outcomes = {check.outcome for check in self.checks}
        for outcome in (Outcome.FAILED, Outcome.OK):
            if outcome in outcomes:
                return outcome
        return Outcome.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Group:
    """A repeating group: `rows` map column keys to fields, in the paper's order."""

    key: str
    rows: tuple[Mapping[str, Field], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a type was chosen: a stable code, what was seen, and the weight it had (0…1)."""

    code: str
    seen: str
    weight: float

    def sentence(self, language: str = "en") -> str:
        """The reason in words."""
        return render(f"detection.{self.code}", language, {"seen": self.seen})


@dataclass(frozen=True, slots=True)
class Detection:
    """The type of a paper (`other` when unsure), a score 0…1, the reasons, and the runners-up with their scores."""

    form: str
    score: float
    reasons: tuple[Reason, ...] = ()
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """Everything found on one paper. `asked` is the vision-language model that was asked for the fields, if one was."""

    form: str
    detection: Detection
    fields: tuple[Field, ...] = ()
    groups: tuple[Group, ...] = ()
    checks: tuple[Check, ...] = ()
    asked: str = ""
    notices: tuple[Notice, ...] = ()

    def value(self, key: str) -> str | None:
        """The value of a field, also of `items[0].price`; None when absent."""
        return next((one.value for one in self.every() if one.key == key), None)

    def every(self) -> Iterator[Field]:
        """All fields, those of groups after the others."""
        yield from self.fields
        for group in self.groups:
            for row in group.rows:
                yield from row.values()

    @property
    def outcome(self) -> Outcome:
        """Failed if any check failed; ok if at least one passed; else nothing is known."""
        outcomes = {check.outcome for check in self.checks}
        for outcome in (Outcome.FAILED, Outcome.OK):
            if outcome in outcomes:
                return outcome
        return Outcome.NOT_APPLICABLE
