"""Documents behind URLs, through fsspec: s3://, gs://, az://, https://, sftp://, hdfs:// and what else is installed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from chatvlmllm.batch.items import scratch_file
from chatvlmllm.errors import FileTooLarge, MissingExtra, OfflineForbidden, RemoteFailed

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

_CHUNK = 1 << 20
#: Storage of this machine: no network is asked for it.
_NEAR = ("file", "local", "memory")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file behind a URL."""

    url: str

    def fetch(self, folder: Path, most: int) -> Path:
        """A copy; raises RemoteFailed or FileTooLarge."""
        copied = 0
        system, path = _system(self.url)
        with scratch_file(folder, path) as target:
            try:
                with system.open(path, "rb") as source, target.open("wb") as file:
                    while piece := source.read(_CHUNK):
                        copied += len(piece)
                        if copied > most:
                            limit = most // 1_000_000
                            raise FileTooLarge(name=shown(self.url), megabytes=f">{limit}", limit=limit)
                        file.write(piece)
            except FileTooLarge:
                raise
            except Exception as error:
                raise RemoteFailed(url=shown(self.url), reason=str(error) or type(error).__name__) from error
            return target


def is_remote(text: str) -> bool:
    """Whether an input is a URL; a drive letter is none."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and len(scheme) > 1 and scheme.replace("+", "").isalnum()


def find(url: str, settings: "Settings") -> Iterator[tuple[str, Remote]]:
    """Every file at or under `url`, or that a pattern with `*` in it matches, with its path below the fixed part.

    Raises OfflineForbidden, MissingExtra or RemoteFailed.
    """
    if settings.offline and urlsplit(url).scheme not in _NEAR:
        raise OfflineForbidden(what=shown(url))
    system, path = _system(url)
    try:
        if any(mark in path for mark in "*?["):
            fixed = path[: min(path.index(mark) for mark in "*?[" if mark in path)].rpartition("/")[0]
            paths = [found for found in system.glob(path) if system.isfile(found)]
        elif system.isfile(path):
            fixed, paths = path.rpartition("/")[0], [path]
        else:
            fixed, paths = path.rstrip("/"), list(system.find(path))
    except Exception as error:
        raise RemoteFailed(url=shown(url), reason=str(error) or type(error).__name__) from error
    for found in sorted(paths):
        yield found.removeprefix(fixed).lstrip("/"), Remote(system.unstrip_protocol(found))


def _system(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra(feature="fsspec", command="pip install 'chatvlmllm[batch]'") from error
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise MissingExtra(feature=urlsplit(url).scheme, command=f"pip install 'fsspec[{_scheme(url)}]'") from error
    except Exception as error:
        raise RemoteFailed(url=shown(url), reason=str(error) or type(error).__name__) from error
    return system, path


def _scheme(url: str) -> str:
    return urlsplit(url).scheme


def shown(url: str) -> str:
    """The URL without what may be a secret in it: user, password, query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
