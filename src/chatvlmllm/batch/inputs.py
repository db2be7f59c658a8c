"""From what the user names to the items of a batch: folders, patterns, archives, URLs and manifests of them."""

import csv
import glob
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from chatvlmllm.batch import archives, remote
from chatvlmllm.batch.items import Barred, Item, LocalFile, safe
from chatvlmllm.batch.plan import parse_pages
from chatvlmllm.config import Settings
from chatvlmllm.document.sniff import EXTENSIONS
from chatvlmllm.errors import BadManifest, ChatVLMLLMError, FileUnreadable

_PATTERN = "*?["
_COLUMNS = {"path", "name", "priority", "kind", "pages"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user named; `first` are patterns of names with a priority each, `besides` is a folder never read."""

    inputs: tuple[str, ...]
    first: tuple[tuple[str, int], ...] = ()
    besides: Path | None = None


def listing(wanted: Wanted, settings: Settings) -> tuple[list[Item], list[tuple[str, ChatVLMLLMError]]]:
    """The items in the order in which they are to be read, and the inputs of which there are none, with the reason."""
    found: list[Item] = []
    refused: list[tuple[str, ChatVLMLLMError]] = []
    for prefix, text in zip(_prefixes(wanted.inputs), wanted.inputs, strict=True):
        try:
            found += [replace(item, name=prefix + item.name) for item in _of(text, wanted, settings)]
        except ChatVLMLLMError as error:
            refused.append((text, error))
    ranked = [replace(item, priority=_priority(item, wanted.first)) for item in found]
    return sorted(_distinct(ranked), key=lambda item: (-item.priority, item.name)), refused


def _prefixes(inputs: Sequence[str]) -> list[str]:
    """One input's names stand as they are; of several, each gets the name of its folder, so that none collide."""
    folders = [text for text in inputs if _is_folder(text)]
    if len(folders) < 2:
        return [""] * len(inputs)
    names = Counter[str]()
    prefixes = []
    for text in inputs:
        stem = safe(Path(text).resolve().name if not remote.is_remote(text) else text.rstrip("/").rpartition("/")[2])
        names[stem] += _is_folder(text)
        prefixes.append("" if not _is_folder(text) else f"{stem}/" if names[stem] == 1 else f"{stem}-{names[stem]}/")
    return prefixes


def _is_folder(text: str) -> bool:
    return remote.is_remote(text) or Path(text).is_dir()


def _of(text: str, wanted: Wanted, settings: Settings) -> Iterator[Item]:
    if remote.is_remote(text):
        found = list(remote.find(text, settings))
        lone = len(found) == 1
        yield from (Item(safe(name), place) for name, place in found if lone or _supported(name))
        return
    path = Path(text)
    if path.is_dir():
        yield from _below(path, sorted(path.rglob("*")), wanted, settings)
    elif any(mark in text for mark in _PATTERN) and not path.exists():
        fixed = Path(text[: min(text.index(mark) for mark in _PATTERN if mark in text)] + "x").parent
        yield from _below(fixed, sorted(map(Path, glob.glob(text, recursive=True))), wanted, settings)  # noqa: PTH207
    elif path.suffix.lower() == ".csv":
        yield from _manifest(path, wanted, settings)
    elif path.suffix.lower() == ".zip":
        yield from _archive(path, path.name)
    else:
        yield Item(safe(path.name), LocalFile(path))


def _below(folder: Path, paths: Iterable[Path], wanted: Wanted, settings: Settings) -> Iterator[Item]:
    """Documents and archives of a folder; what no reader knows, hidden files and the batch's own output are passed."""
    del settings
    for path in paths:
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        own = wanted.besides is not None and path.resolve().is_relative_to(wanted.besides.resolve())
        if hidden or own or not path.is_file():
            continue
        if path.suffix.lower() == ".zip":
            yield from _archive(path, name)
        elif _supported(name):
            yield Item(safe(name), LocalFile(path))


def _archive(path: Path, name: str) -> Iterator[Item]:
    try:
        for member in archives.members(path):
            if _supported(member.name) and not member.name.startswith("__MACOSX/"):
                yield Item(f"{safe(name)}/{safe(member.name)}", member)
    except ChatVLMLLMError as error:
        # It costs no other input its result: whoever asks for it learns what is wrong.
        yield Item(safe(name), Barred(error))


def _supported(name: str) -> bool:
    return Path(name).suffix.lower() in EXTENSIONS


def _manifest(path: Path, wanted: Wanted, settings: Settings) -> Iterator[Item]:
    """Rows of a CSV with the column `path`, relative to it, and perhaps name, priority, kind and pages."""
    try:
        rows = list(_rows(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileUnreadable(name=path) from error
    for number, row in enumerate(rows, start=2):
        yield from (_ordered(item, row, path, number) for item in _of(_target(path, row), wanted, settings))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter=max(";,\t", key=head.count))
        names = {name.strip().lower() for name in reader.fieldnames or ()}
        if "path" not in names:
            raise BadManifest(name=path, line=1, problem="path")
        for row in reader:
            yield {key.strip().lower(): (value or "").strip() for key, value in row.items() if key is not None}


def _target(path: Path, row: dict[str, str]) -> str:
    text = row["path"]
    return text if remote.is_remote(text) else str(path.parent / text)


def _ordered(item: Item, row: dict[str, str], path: Path, number: int) -> Item:
    try:
        priority = int(row.get("priority") or 0)
        if row.get("pages"):
            parse_pages(row["pages"])
    except (ValueError, ChatVLMLLMError) as error:
        raise BadManifest(name=path, line=number, problem=str(error)) from error
    name = safe(row["name"]) if row.get("name") else item.name
    return replace(item, name=name, priority=priority, kind=row.get("kind", ""), pages=row.get("pages", ""))


def _priority(item: Item, first: Sequence[tuple[str, int]]) -> int:
    return next((number for pattern, number in first if fnmatch(item.name, pattern)), item.priority)


def _distinct(items: Iterable[Item]) -> Iterator[Item]:
    """Names that differ, whatever a file system thinks of upper and lower case."""
    taken = Counter[str]()
    for item in items:
        taken[item.name.casefold()] += 1
        count = taken[item.name.casefold()]
        yield item if count == 1 else replace(item, name=f"{item.name}-{count}")
