"""Which model is to read a page: an ordered list of candidates, each with its reason in a stable word.

The choice is a table (`routing.toml`) applied to facts about the page and the machine; what was measured on this
machine (`measured.toml`) puts the models that were measured into their measured order. A model that the user chose
comes first; unless forbidden, others may still answer when it fails, and the result then says so.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from chatvlmllm import weights
from chatvlmllm.document import Page
from chatvlmllm.engines import gpu
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ConfigInvalid
from chatvlmllm.exchange import Task
from chatvlmllm.models import catalogue, find
from chatvlmllm.models.card import Model
from chatvlmllm.reading import Notice
from chatvlmllm.run import Options

AUTO = "auto"

#: File in the data folder that the laboratory writes.
MEASURED = "measured.toml"

#: The reader of the text that a born-digital page carries.
LAYER = "text_layer"

#: The reason of a candidate that the user named.
CHOSEN = "chosen"

#: In a card's languages, words that stand for languages beyond those it lists.
_MANY = ("any", "100+", "about")

#: Who testifies about a generative model's answer: the first reads the page, the second looks again where that one
#: contradicts. The thresholds of `trust` were fitted on this pair.
_WITNESSES = ("embedded", "tesseract")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model worth trying and why, as a stable word (`reasons` in the catalogues of messages).

    `draft` is the model that reads the page before it, so that it sees the picture and a draft.
    """

    model: Model
    reason: str
    draft: Model | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What the choice depends on besides the page: models that could run here, those that run, memory in bytes.

    `remote` are models on the user's own servers, which need none of our memory; `memory` is 0 without an accelerator.
    """

    ready: frozenset[str] = frozenset()
    remote: frozenset[str] = frozenset()
    warm: frozenset[str] = frozenset()
    memory: int = 0


def machine(host: Host) -> Machine:
    """What is here now."""
    settings = host.settings
    remote = frozenset(key for server in settings.servers for key in server.models)
    memory = sum(found.total for found in gpu.gpus()[:1])
    if not memory:
        return Machine(remote=remote, warm=host.running())
    ready = frozenset(key for key, model in catalogue().items() if model.weights and weights.here(model, settings))
    return Machine(ready, remote, host.running(), memory)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table; an empty tuple means any. `draft` reads first, the best of the chain in view of that."""

    why: str
    chain: tuple[str, ...]
    speed: tuple[str, ...] = ()
    draft: str = ""
    kinds: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def fits(self, options: Options) -> bool:
        """Whether it holds for pages of this kind, this task and this main language."""
        return (
            (not self.kinds or options.kind in self.kinds)
            and (not self.tasks or options.task in self.tasks)
            and (not self.languages or options.languages[0] in self.languages)
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """Models in the order that was measured on `pages` pages of this kind (empty: of any), with their error rates."""

    kind: str
    chain: tuple[str, ...]
    pages: int
    cer: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Table:
    """Every rule in order, the readers inside the program, and what was measured here."""

    rules: tuple[Rule, ...]
    embedded: tuple[str, ...]
    measured: tuple[Measured, ...] = ()


def parse(text: str, name: str) -> Table:
    """A table from its file; raises ConfigInvalid for unknown words and unknown models."""
    try:
        values = tomllib.loads(text)
        rules = tuple(Rule(**_tuples(rule)) for rule in values.get("rule", ()))
        embedded = tuple(values.get("embedded", {}).get("chain", ()))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigInvalid(file=name, line=0, problem=error, near="—") from error
    named = {key for rule in rules for key in (*rule.chain, *rule.speed, rule.draft)}
    unknown = named - set(catalogue()) - {""}
    if unknown:
        raise ConfigInvalid(file=name, line=0, problem=f"unknown model {min(unknown)}", near="—")
    return Table(rules, embedded)


def _tuples(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in rule.items()}


@cache
def _shipped() -> Table:
    return parse(resources.files(__package__).joinpath("routing.toml").read_text(encoding="utf-8"), "routing.toml")


def table(folder: Path | None = None) -> Table:
    """The rules in force: those of the data folder before the shipped ones."""
    shipped = _shipped()
    if folder is None:
        return shipped
    own, measured = folder / "routing.toml", _measured(folder / MEASURED)
    if not own.is_file():
        return replace(shipped, measured=measured)
    first = parse(own.read_text(encoding="utf-8"), str(own))
    return Table((*first.rules, *shipped.rules), first.embedded or shipped.embedded, measured)


def _measured(file: Path) -> tuple[Measured, ...]:
    """What the laboratory found; raises ConfigInvalid. Models that are no longer known are passed over."""
    if not file.is_file():
        return ()
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("measured", ())
        entries = [Measured(**_tuples(entry)) for entry in found]
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigInvalid(file=str(file), line=0, problem=error, near="—") from error
    known = set(catalogue())
    return tuple(replace(entry, chain=tuple(key for key in entry.chain if key in known)) for entry in entries)


def candidates(
    page: Page | None, options: Options, machine: Machine = Machine(), rules: Table | None = None
) -> tuple[list[Candidate], list[Notice]]:
    """The models to try for one page, or for any that is a picture (None), best first, and caveats about the choice.

    Raises UnknownModel.
    """
    rules = rules or _shipped()
    found, notices = _chain(options, machine, rules)
    if options.model != AUTO:
        return found, notices
    layer = page.text_layer() if page is not None else None
    if layer is None or options.task not in find(LAYER).recipes:
        return found, notices
    if layer.doubt is not None:
        return found, [Notice("text_layer_ignored", {"reason": layer.doubt}), *notices]
    return [Candidate(find(LAYER), "text_layer"), *found], []


def _chain(options: Options, machine: Machine, rules: Table) -> tuple[list[Candidate], list[Notice]]:
    """Who reads the picture of a page, whatever is on it."""
    if options.model == AUTO:
        readers, notices = _as_measured(_readers(options, machine, rules), options, rules)
    else:
        chosen, notices = find(options.model), []
        others = _readers(options, machine, rules) if options.fallback else []
        rest = [Candidate(other.model, "fallback") for other in others if other.model != chosen]
        readers = [Candidate(chosen, CHOSEN), *rest]
    drafter = _drafter(options, machine, rules)
    if drafter is None or not readers:
        return readers, notices
    return _in_two_stages(readers, drafter, options, notices)


def _in_two_stages(
    readers: list[Candidate], drafter: Model, options: Options, notices: list[Notice]
) -> tuple[list[Candidate], list[Notice]]:
    """The first candidate with a draft before it; where the user named the draft, the first that can look at one."""
    eligible = readers if options.draft and options.model == AUTO else readers[:1]
    first = next((one for one in eligible if looks_at(one.model, drafter)), None)
    if first is None and not options.draft:
        return readers, notices
    if first is None:
        return readers, [*notices, Notice("draft_not_seen", {"model": readers[0].model.key, "draft": drafter.key})]
    rest = [one for one in readers if one is not first]
    return [replace(first, draft=drafter), *rest], notices


def looks_at(model: Model, drafter: Model) -> bool:
    """Whether it can be shown a draft: only who can be talked to heeds more than a picture."""
    return Task.CHAT in model.recipes and model != drafter


def _drafter(options: Options, machine: Machine, rules: Table) -> Model | None:
    """Who is to read first: whom the user named, else whom the rule names if that model can read the page here."""
    if options.task is Task.CHAT:
        return None
    if options.draft:
        return find(options.draft)
    rule = _rule(options, rules) if options.model == AUTO and options.prefer == "quality" else None
    if rule is None or not rule.draft:
        return None
    model = find(rule.draft)
    able = options.task in model.recipes and _knows(model, options) and _possible(model, machine)
    return model if able else None


def carries_text(page: Page, options: Options) -> bool:
    """Whether the page is answered by the text that it carries, so that nobody looks at its picture."""
    if options.model != AUTO or options.task not in find(LAYER).recipes:
        return False
    layer = page.text_layer()
    return layer is not None and layer.doubt is None


def _as_measured(readers: list[Candidate], options: Options, rules: Table) -> tuple[list[Candidate], list[Notice]]:
    """The measured ones in their measured order, in the places that they hold together; why, if the first changed."""
    entry = next((one for kind in (options.kind, "") for one in rules.measured if one.kind == kind), None)
    if entry is None or options.task is not Task.TEXT or options.prefer != "quality":
        return readers, []
    rank = {key: place for place, key in enumerate(entry.chain)}
    places = [place for place, reader in enumerate(readers) if reader.model.key in rank]
    ordered = sorted((readers[place] for place in places), key=lambda reader: rank[reader.model.key])
    found = list(readers)
    for place, reader in zip(places, ordered, strict=True):
        moved = reader.model is not readers[place].model
        found[place] = Candidate(reader.model, "measured") if moved else reader
    if not places or found[0].model is readers[0].model:
        return found, []
    first, before = found[0].model.key, readers[0].model.key
    details: dict[str, str | int | float] = {"model": first, "other": before, "pages": entry.pages}
    errors = {"cer": round(entry.cer[first], 4), "other_cer": round(entry.cer[before], 4)}
    return found, [Notice("measured_order", {**details, **errors})]


def talkers(options: Options, machine: Machine, rules: Table | None = None) -> list[Candidate]:
    """The models that can hold a conversation here, best first; readers cannot."""
    return list(_networks(replace(options, task=Task.CHAT), machine, rules or _shipped()))


def _readers(options: Options, machine: Machine, rules: Table) -> list[Candidate]:
    """Who reads a picture: networks by the table, then the readers inside the program."""
    networks = list(_networks(options, machine, rules))
    inside = [find(key) for key in rules.embedded if options.task in find(key).recipes]
    why = "no_gpu" if machine.memory == 0 else "no_model_ready"
    return [*networks, *(Candidate(model, "last_resort" if networks else why) for model in inside)]


def _networks(options: Options, machine: Machine, rules: Table) -> Iterator[Candidate]:
    rule = _rule(options, rules)
    if rule is None:
        return
    keys: Sequence[str] = rule.chain
    if options.prefer == "speed":
        # A model that runs answers now; one that does not costs a swap first.
        keys = sorted(rule.speed or rule.chain, key=lambda key: key not in machine.warm)
    for key in keys:
        model = find(key)
        if options.task in model.recipes and _knows(model, options) and _possible(model, machine):
            yield Candidate(model, rule.why)


def _rule(options: Options, rules: Table) -> Rule | None:
    return next((rule for rule in rules.rules if rule.fits(options)), None)


def _knows(model: Model, options: Options) -> bool:
    """Whether the model reads the main language."""
    said = " ".join(model.languages)
    return options.languages[0] in model.languages or any(word in said for word in _MANY)


def _possible(model: Model, machine: Machine) -> bool:
    """Whether it is on a server of the user's, or on this machine and small enough for it."""
    if model.key in machine.remote:
        return True
    return model.key in machine.ready and (model.weights is None or model.weights.vram <= machine.memory)


def witnesses() -> tuple[Model, ...]:
    """Who testifies about what a generative model read, in the order that `Look.reader` counts."""
    return tuple(find(key) for key in _WITNESSES)
