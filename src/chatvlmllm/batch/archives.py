"""Documents inside ZIP archives: listed and copied out one at a time, within bounds, never under their own names."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chatvlmllm.batch.items import scratch_file
from chatvlmllm.errors import ArchiveUnsafe, DamagedFile, FileMissing, FileTooLarge

#: A directory of more entries than this is an attack on memory.
MOST_MEMBERS = 1_000_000
#: How many times a member may be larger than what it is packed into; deflate reaches 1032, honest scans 200.
MOST_RATIO = 1000
#: Members smaller than this cannot hurt, however well they pack.
_SMALL = 10_000_000
_CHUNK = 1 << 20
#: What zipfile and its decompressors raise on damaged, encrypted or exotic archives.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    archive: Path
    index: int
    name: str

    def fetch(self, folder: Path, most: int) -> Path:
        """A copy; raises FileTooLarge, ArchiveUnsafe for a bomb, or DamagedFile. The declared size is not believed."""
        with _opened(self.archive) as archive, scratch_file(folder, self.name) as path:
            member = archive.infolist()[self.index]
            packed, copied = max(1, member.compress_size), 0
            with archive.open(member) as source, path.open("wb") as target:
                while piece := source.read(_CHUNK):
                    copied += len(piece)
                    if copied > most:
                        raise FileTooLarge(name=self.name, megabytes=f">{most // 1_000_000}", limit=most // 1_000_000)
                    if copied > _SMALL and copied > packed * MOST_RATIO:
                        raise ArchiveUnsafe(name=self.archive.name, member=self.name, ratio=MOST_RATIO)
                    target.write(piece)
            return path


def members(archive: Path) -> Iterator[Member]:
    """The files in an archive, folders left out; raises DamagedFile, FileMissing or ArchiveUnsafe."""
    with _opened(archive) as opened:
        found = opened.infolist()
        if len(found) > MOST_MEMBERS:
            raise ArchiveUnsafe(name=archive.name, member=f"{len(found)}", ratio=MOST_RATIO)
        for index, member in enumerate(found):
            if not member.is_dir():
                yield Member(archive, index, member.filename)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except FileNotFoundError as error:
        raise FileMissing(name=archive) from error
    except _BROKEN as error:
        raise DamagedFile(name=archive.name, reason=str(error) or type(error).__name__) from error
