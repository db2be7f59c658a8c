"""A study in words: the tables and sentences that HTML and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatvlmllm import messages
from chatvlmllm.bench.advice import FEWEST, Advice, advise
from chatvlmllm.bench.specimens import KINDS, titles
from chatvlmllm.bench.summary import Line, Summary, against
from chatvlmllm.forms import forms

#: Measures of the overall table; a column in which nothing is scored is left out.
COLUMNS = ("wer", "line_cer", "bag_f1", "field_f1", "teds", "teds_s", "formula", "formatting", "kind_f1", "heading_f1",
           "order", "box_f1", "map", "facts")  # fmt: skip
#: At most so many pairs of subjects are compared in a report.
_MOST_PAIRS = 28


@dataclass(frozen=True)
class Words:
    """Sentences of a report in one language."""

    language: str

    def say(self, key: str, **values: object) -> str:
        return messages.render(f"report.{key}", self.language, values)

    def kind(self, key: str) -> str:
        """A kind of document as people call it; a folder's name as it is."""
        if not key:
            return self.say("all_kinds")
        if key in KINDS:
            return titles(key)[self.language]
        return forms()[key].title.get(self.language, key) if key in forms() else key

    def number(self, value: float | None, digits: int = 3) -> str:
        """A figure with the language's decimal sign; a dash for none."""
        if value is None:
            return "—"
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "ru" else text


@dataclass(frozen=True)
class Table:
    """A table of a report: captions and rows of texts; `note` stands under it."""

    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    note: str = ""


def advice(summary: Summary, words: Words) -> list[tuple[str, str]]:
    """(kind, sentence with the reason) for all pages and every kind; kinds of too few pages share one sentence."""
    found = advise(summary)
    few = [one for one in found if one.kind and one.reason == "too_few"]
    if len(few) < 2:
        return [(words.kind(one.kind), _advised(one, words)) for one in found]
    told = [(words.kind(one.kind), _advised(one, words)) for one in found if one not in few]
    kinds = ", ".join(words.kind(one.kind) for one in few)
    return [*told, (words.say("advice.few_title"), words.say("advice.few", kinds=kinds, fewest=FEWEST))]


def _advised(one: Advice, words: Words) -> str:
    values = {
        name: words.number(value, 2 if name in ("seconds", "other_seconds") else 4)
        if isinstance(value, float)
        else value
        for name, value in one.details.items()
    }
    sentence = words.say(f"advice.{one.reason}", **values)
    return f"{sentence} {words.say('advice.better', programs=', '.join(one.better))}" if one.better else sentence


def overall(summary: Summary, words: Words) -> Table:
    """Subjects by their CER with everything else that was measured."""
    head = ("subject", "pages", "cer", *COLUMNS)
    body = tuple(tuple(_overall(line, name, summary, words) for name in head) for line in summary.overall)
    note = words.say("overall_note") + (f" {words.say('overall_uneven')}" if _uneven(summary) else "")
    return _without_gaps(Table(tuple(words.say(f"column.{name}") for name in head), body, note))


def _uneven(summary: Summary) -> bool:
    """Whether some subjects have read other pages than others."""
    return len({frozenset(row.case.id for row in summary.of(line.subject)) for line in summary.overall}) > 1


def costs(summary: Summary, words: Words) -> Table:
    """What the subjects took: time, memory, pages that were not read."""
    head = (
        "subject",
        "total",
        "first_token",
        "load",
        "processor",
        "per_minute",
        "rss",
        "vram",
        "failed",
        "unsupported",
    )
    body = tuple(tuple(_overall(line, name, summary, words) for name in head) for line in summary.overall)
    return _without_gaps(Table(tuple(words.say(f"column.{name}") for name in head), body, words.say("costs_note")))


def _without_gaps(table: Table) -> Table:
    """The table without columns of dashes only."""
    kept = [place for place in range(len(table.head)) if any(row[place] != "—" for row in table.body)]
    body = tuple(tuple(row[place] for place in kept) for row in table.body)
    return Table(tuple(table.head[place] for place in kept), body, table.note)


def _overall(line: Line, name: str, summary: Summary, words: Words) -> str:
    about = summary.subjects[line.subject]
    costs = {
        "total": words.number(line.seconds.get("total"), 2),
        "first_token": words.number(line.seconds.get("first_token"), 2),
        "processor": words.number(line.seconds.get("processor"), 2),
        "load": words.number(about.load_seconds, 1),
        "per_minute": words.number(about.pages_per_minute, 1),
        "rss": words.number(line.memory["rss"] / 2**20, 0) if "rss" in line.memory else "—",
        "vram": words.number(line.memory["vram"] / 2**20, 0) if "vram" in line.memory else "—",
        "failed": str(line.failures),
        "unsupported": words.number(line.unsupported, 2) if about.ours else "—",
    }
    known = {"subject": f"{line.subject}", "pages": str(line.pages), "cer": cer(line, words), **costs}
    return known[name] if name in known else words.number(_value(line, name))


def _value(line: Line, name: str) -> float | None:
    return line.scores[name].value if name in line.scores else None


def cer(line: Line, words: Words) -> str:
    """CER with its interval."""
    if line.interval is None:
        return "—"
    low, high = words.number(line.interval.low), words.number(line.interval.high)
    return f"{words.number(line.interval.value, 4)} [{low}…{high}]"


def by_kind(summary: Summary, words: Words) -> Table:
    """CER of every subject on every kind; the best of a row is marked with ●."""
    subjects = [line.subject for line in summary.overall]
    body = []
    for kind, lines in summary.by_kind.items():
        found = {line.subject: line for line in lines}
        pages = max(line.pages for line in lines)
        lowest = next((line.scores["cer"].value for line in lines if line.interval is not None), None)
        cells = tuple(
            words.number(_value(found[name], "cer"), 4)
            + (" ●" if lowest is not None and _value(found[name], "cer") == lowest else "")
            if name in found
            else "—"
            for name in subjects
        )
        body.append((words.kind(kind), str(pages), *cells))
    return Table((words.say("column.kind"), words.say("column.pages"), *subjects), tuple(body), words.say("kind_note"))


def pairs(summary: Summary, words: Words) -> Table:
    """Every two subjects on the pages that both have read, and whether a difference is shown."""
    names = [line.subject for line in summary.overall if line.interval is not None]
    chosen = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]][:_MOST_PAIRS]
    body = tuple(row for a, b in chosen for row in _pair(summary, a, b, words))
    head = tuple(words.say(f"column.{name}") for name in ("pair", "pages", "difference", "p", "verdict"))
    return Table(head, body, words.say("pairs_note"))


def _pair(summary: Summary, first: str, second: str, words: Words) -> Iterator[tuple[str, ...]]:
    found = against(summary, first, second)
    if found is not None:
        bounds = f"[{words.number(found.low)}…{words.number(found.high)}]"
        key = {"first lower": "first_lower", "second lower": "second_lower"}.get(found.verdict, "no_difference")
        verdict = words.say(f"verdict.{key}", first=first, second=second)
        difference = f"{words.number(found.difference, 4)} {bounds}"
        yield f"{first} − {second}", str(found.pages), difference, words.number(found.p, 4), verdict


def facts(summary: Summary, words: Words) -> list[tuple[str, str]]:
    """What the study was made on: data, machine, versions."""
    cases = {row.case.id: row.case for row in summary.rows}
    sources = sorted({case.data for case in cases.values()})
    spoiled = sorted({case.degradation for case in cases.values()})
    found = [
        (words.say("fact.pages"), str(len(cases))),
        (words.say("fact.data"), ", ".join(sources)),
        (words.say("fact.degradations"), ", ".join(spoiled)),
        *((words.say(f"fact.{name}"), value) for name, value in summary.environment.items()),
        *((about.key, f"{about.title}, {about.version}") for about in summary.subjects.values()),
    ]
    return [(name, value) for name, value in found if value]


def markdown(summary: Summary, words: Words) -> str:
    """The report as Markdown, without pictures."""
    parts = [f"# {words.say('title')}", f"## {words.say('advice_title')}"]
    parts.append("\n".join(f"- **{kind}**: {sentence}" for kind, sentence in advice(summary, words)))
    for title, table in (
        ("overall_title", overall(summary, words)),
        ("costs_title", costs(summary, words)),
        ("kind_title", by_kind(summary, words)),
        ("pairs_title", pairs(summary, words)),
    ):
        parts += [f"## {words.say(title)}", _markdown_table(table), table.note]
    parts += [
        f"## {words.say('facts_title')}",
        "\n".join(f"- {name}: {value}" for name, value in facts(summary, words)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_table(table: Table) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    return "\n".join([line(table.head), "|" + "---|" * len(table.head), *map(line, table.body)])
