"""Tables of field accuracy as docs/fields.md holds them: a row per type, then a row per field that was ever wrong."""

from collections.abc import Iterator, Mapping, Sequence

#: Right values and all values by field, of one type at one level.
Table = Mapping[str, Sequence[int]]
#: Tables by level and type.
Levels = Mapping[str, Mapping[str, Table]]


def markdown(levels: Levels) -> Iterator[str]:
    """The lines of both tables."""
    kinds = list(next(iter(levels.values())))
    yield from _head("type", levels)
    for kind in kinds:
        yield _row(kind, [_sum(tables[kind]) for tables in levels.values()])
    yield _row("all", [_added([_sum(table) for table in tables.values()]) for tables in levels.values()])
    yield ""
    yield from _head("field", levels)
    for kind in kinds:
        for field in sorted({field for tables in levels.values() for field in tables[kind]}):
            found = [tables[kind].get(field, (0, 0)) for tables in levels.values()]
            if any(right < every for right, every in found):
                yield _row(f"{kind}.{field}", found)


def _head(first: str, levels: Levels) -> Iterator[str]:
    yield f"| {first} | " + " | ".join(level.replace("_", " ") for level in levels) + " |"
    yield "|---" * (len(levels) + 1) + "|"


def _row(name: str, found: Sequence[Sequence[int]]) -> str:
    cells = (f"{right}/{every}, {right / every:.1%}".replace("%", " %") if every else "—" for right, every in found)
    return f"| {name} | " + " | ".join(cells) + " |"


def _sum(table: Table) -> Sequence[int]:
    return _added(list(table.values()))


def _added(rows: Sequence[Sequence[int]]) -> Sequence[int]:
    return [sum(row[place] for row in rows) for place in (0, 1)]
