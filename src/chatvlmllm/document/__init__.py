"""Any file becomes a document of upright RGB pages, opened lazily and within bounds.

    with open_document("scan.tiff") as document:
        for page in document.pages():
            page.image()          # decoded now, not kept

Supported: JPEG, PNG, BMP, TIFF (many pages), WebP, GIF and PDF. Everything else raises an `InputError` that says what
the file seems to be.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from chatvlmllm.document.sniff import EXTENSIONS, SUPPORTED, identify
from chatvlmllm.document.textlayer import LayerWord, TextLayer
from chatvlmllm.errors import (
    EmptyFile,
    FileMissing,
    FileTooLarge,
    FileUnreadable,
    NotAFile,
    PageOutOfRange,
    UnsupportedFile,
)
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Notice

if TYPE_CHECKING:
    from PIL.Image import Image

    from chatvlmllm.config import Limits

__all__ = ["Document", "LayerWord", "Page", "TextLayer", "open_document"]


#: Inside `Document` the name `bytes` means their number.
_Bytes = bytes
_Origin = Path | bytes


class _Pages(Protocol):
    """What a file format has to offer; indices count from 0."""

    count: int

    def describe(self, index: int) -> tuple[Size, float | None, tuple[Notice, ...]]: ...
    def render(self, index: int) -> "Image": ...
    def glance(self, index: int, width: int) -> "Image": ...
    def text_layer(self, index: int) -> TextLayer | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Page:
    """One page of an open document; `number` counts from 1. Nothing is decoded before it is asked for."""

    document: "Document"
    number: int

    @cached_property
    def _description(self) -> tuple[Size, float | None, tuple[Notice, ...]]:
        return self.document.source.describe(self.number - 1)

    @property
    def size(self) -> Size:
        """The upright page in pixels: the space of every box of its reading."""
        return self._description[0]

    @property
    def dpi(self) -> float | None:
        return self._description[1]

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._description[2]

    def image(self) -> "Image":
        """The upright page in RGB, decoded anew at each call; raises ImageTooLarge or DamagedFile."""
        return self.document.source.render(self.number - 1)

    def glance(self, width: int) -> "Image":
        """The upright page at most `width` pixels wide, for people to look at; raises as `image` does."""
        return self.document.source.glance(self.number - 1, width)

    def verbatim(self) -> "tuple[Image, str] | None":
        """The picture, not yet decoded, with its own file as a `data:` URI, where that shows the very same pixels."""
        from chatvlmllm.document.raster import ImageFile

        source = self.document.source
        return source.verbatim() if isinstance(source, ImageFile) else None

    def held(self) -> "Page":
        """The same page that decodes its picture once and keeps it, for who looks at it more than once."""
        return _HeldPage(self.document, self.number)

    def text_layer(self) -> TextLayer | None:
        """The text that a PDF page carries, or None."""
        return self.document.source.text_layer(self.number - 1)


@dataclass(frozen=True)
class _HeldPage(Page):
    @cached_property
    def _picture(self) -> "Image":
        return Page.image(self)

    def image(self) -> "Image":
        return self._picture


@dataclass(frozen=True)
class Document:
    """An open file. `sha256` identifies its bytes; `notices` hold for it as a whole; `origin` is what was opened."""

    name: str
    media_type: str
    bytes: int
    sha256: str
    source: _Pages
    notices: tuple[Notice, ...] = ()
    origin: "_Origin" = b""

    def content(self) -> "_Bytes":
        """The bytes of the file."""
        return self.origin.read_bytes() if isinstance(self.origin, Path) else self.origin

    def __len__(self) -> int:
        return self.source.count

    def pages(self, numbers: Iterable[int] | None = None) -> Iterator[Page]:
        """The pages with these numbers (from 1), all by default; raises PageOutOfRange."""
        for number in range(1, len(self) + 1) if numbers is None else numbers:
            if not 1 <= number <= len(self):
                raise PageOutOfRange(name=self.name, page=number, pages=len(self))
            yield Page(self, number)

    def close(self) -> None:
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_document(source: str | Path | bytes, name: str | None = None, limits: "Limits | None" = None) -> Document:
    """Open a file, or its bytes, as a document.

    Raises FileMissing, NotAFile, FileUnreadable, EmptyFile, FileTooLarge, UnsupportedFile, DamagedFile, LockedPdf
    or TooManyPages; pixels are bounded later, page by page.
    """
    if limits is None:
        from chatvlmllm.config import Limits

        limits = Limits()
    if isinstance(source, str):
        source = Path(source)
    shown = name or (source.name if isinstance(source, Path) else "document")
    size, head, digest = _survey(source, shown, limits)
    media_type = identify(head)
    if media_type not in SUPPORTED:
        raise UnsupportedFile(name=shown, found=media_type)
    notices = _notices(shown, media_type)
    return Document(shown, media_type, size, digest, _open(source, shown, media_type, limits), notices, source)


def _open(source: Path | bytes, name: str, media_type: str, limits: "Limits") -> _Pages:
    if media_type == "application/pdf":
        from chatvlmllm.document.pdf import PdfFile

        return PdfFile(source, name, limits)
    from chatvlmllm.document.raster import ImageFile

    return ImageFile(source, name, media_type, limits)


def _notices(name: str, media_type: str) -> tuple[Notice, ...]:
    suffix = Path(name).suffix.lower()
    expected = EXTENSIONS.get(suffix)
    if suffix and expected != media_type:
        return (Notice("wrong_extension", {"extension": suffix, "found": media_type}),)
    return ()


def _survey(source: Path | bytes, name: str, limits: "Limits") -> tuple[int, bytes, str]:
    """Size, first KiB and SHA-256, read in chunks and only after the size was found acceptable."""
    most = limits.file_mb * 1_000_000
    if isinstance(source, bytes):
        _check_size(len(source), name, most)
        return len(source), source[:1024], hashlib.sha256(source).hexdigest()
    try:
        if not source.exists():
            raise FileMissing(name=source)
        if not source.is_file():
            raise NotAFile(name=source)
        _check_size(source.stat().st_size, name, most)
        with source.open("rb") as stream:
            head = stream.read(1024)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except PermissionError as error:
        raise FileUnreadable(name=source) from error
    except OSError as error:
        raise FileUnreadable(name=source) from error
    return source.stat().st_size, head, digest


def _check_size(size: int, name: str, most: float) -> None:
    if size == 0:
        raise EmptyFile(name=name)
    if size > most:
        raise FileTooLarge(name=name, megabytes=round(size / 1e6, 1), limit=round(most / 1e6, 1))
