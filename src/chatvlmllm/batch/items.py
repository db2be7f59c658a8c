"""What a batch reads: named items, and how each comes to lie as a file on this machine."""

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from chatvlmllm.errors import ChatVLMLLMError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What some file system refuses in a name, and control characters.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*]')
#: Bytes of one part of a name; file systems take 255, and suffixes are put on.
_LONGEST = 180


class Place(Protocol):
    """Where an item's bytes are."""

    def fetch(self, folder: Path, most: int) -> Path:
        """A local file with the bytes: the original, or a copy in `folder`; at most `most` bytes are copied."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """One document of a batch. `name` is its path in the output folder, with `/`, and distinct within the batch.

    Items of higher `priority` come first; `kind` is the kind of paper and `pages` a page range, both may be empty.
    """

    name: str
    place: Place
    priority: int = 0
    kind: str = ""
    pages: str = ""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is here already."""

    path: Path

    def fetch(self, folder: Path, most: int) -> Path:
        """The file itself."""
        del folder, most
        return self.path


@dataclass(frozen=True, slots=True)
class Barred:
    """What is known to be unreadable before anybody asks."""

    error: ChatVLMLLMError

    def fetch(self, folder: Path, most: int) -> Path:
        """Raise why."""
        del folder, most
        raise type(self.error)(**self.error.details)


@contextmanager
def scratch_file(folder: Path, name: str) -> "Iterator[Path]":
    """A path in `folder` for a copy that ends like `name`; the file is gone if the copying fails."""
    suffix = PurePosixPath(safe(name)).suffix[:16]
    with tempfile.NamedTemporaryFile(dir=folder, suffix=suffix, delete=False) as file:
        path = Path(file.name)
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def safe(name: str) -> str:
    """`name` as a relative path that stays inside its folder on every system, still recognisable."""
    parts = [_part(part) for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts) or "_"


def _part(part: str) -> str:
    clean = _FORBIDDEN.sub("_", part).encode("utf-8", "replace").decode()
    # A part of dots climbs; Windows drops a dot or a blank at the end.
    clean = clean.rstrip(". ") or "_" * len(part)
    if len(clean.encode()) <= _LONGEST:
        return clean
    suffix = PurePosixPath(clean).suffix[:16]
    short = clean.encode()[: _LONGEST - 30].decode(errors="ignore")
    return f"{short}~{sha256(clean.encode()).hexdigest()[:8]}{suffix}"
