"""Searchable PDF: each page's picture with its text laid over it, invisible, every word where it stands.

Written to the rules of PDF/A-2b (ISO 19005-2): one embedded font, an sRGB output intent, XMP metadata that say what the
document information says, no transparency, scripts or references to anything outside.
"""

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.document import Document
from chatvlmllm.errors import ChatVLMLLMError, MissingExtra
from chatvlmllm.export.located import Located, located
from chatvlmllm.export.xml import clean
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Reading, Word
from chatvlmllm.run import Run

if TYPE_CHECKING:
    import pikepdf
    from PIL.Image import Image

_POINTS = 72.0
#: Long side of A4 in points: the size of a page whose resolution nobody knows.
_A4 = 842.0
#: Pages whose pictures are in memory at once.
_PART = 16
_QUALITY = 85
_CHUNK = 1 << 20
#: Text without a place stands in one line at the lower edge, this high in points, so that a search finds its page.
_EDGE = 3.0


def searchable(run: Run, readings: Iterable[Reading], document: Document) -> Iterator[bytes]:
    """The file in pieces; raises MissingExtra without pikepdf and fontTools. A page without picture stays white."""
    try:
        import fontTools  # noqa: F401 asked for now, used in glyphless
        import pikepdf  # noqa: F401
    except ImportError as error:
        raise MissingExtra(feature="PDF", command="pip install 'chatvlmllm[archive]'") from error
    with tempfile.TemporaryDirectory(prefix="chatvlmllm-") as folder:
        book = _Book(Path(folder))
        for reading in readings:
            book.add(reading, document)
        with book.finish(run).open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece


class _Book:
    """Pages on their way into one file; parts rest on disk, so that memory holds `_PART` pictures at most."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[Path] = []
        self._codes: dict[str, int] = {}
        self._part: pikepdf.Pdf | None = None

    def add(self, reading: Reading, document: Document) -> None:
        import pikepdf

        if self._part is None:
            self._part = pikepdf.new()
        image, size = _picture(reading, document)
        page = self._part.add_blank_page(page_size=size)
        content = _text(located(reading), reading.size, size, self._codes)
        resources = pikepdf.Dictionary()
        if image is not None:
            resources.XObject = pikepdf.Dictionary(Im=_embedded(self._part, image))
            content = b"q %s 0 0 %s 0 0 cm /Im Do Q\n" % (_number(size[0]), _number(size[1])) + content
        page.obj.Resources = resources
        page.obj.Contents = self._part.make_stream(content)
        if len(self._part.pages) >= _PART:
            self._flush()

    def _flush(self) -> None:
        if self._part is not None:
            path = self._folder / f"{len(self._parts)}.pdf"
            self._part.save(path)
            self._part.close()
            self._parts.append(path)
            self._part = None

    def finish(self, run: Run) -> Path:
        """The whole file, on disk."""
        import pikepdf

        from chatvlmllm.export import glyphless

        self._flush()
        target = self._folder / "whole.pdf"
        with ExitStack() as opened, pikepdf.new() as pdf:
            for part in self._parts:
                pdf.pages.extend(opened.enter_context(pikepdf.open(part)).pages)
            if self._codes:
                font = glyphless.embed(pdf, self._codes)
                for page in pdf.pages:
                    page.obj.Resources.Font = pikepdf.Dictionary(F=font)
            _describe(pdf, run)
            pdf.save(target, deterministic_id=True)
        return target


def _picture(reading: Reading, document: Document) -> tuple["Image | None", tuple[float, float]]:
    """The page's picture, if it has one, and the size of the sheet in points."""
    try:
        page = next(document.pages([reading.page]))
        image, dpi = page.image(), page.dpi
    except ChatVLMLLMError:
        image, dpi = None, None
    size = Size(*image.size) if image is not None else reading.size
    if size.area <= 1:
        return image, (595.0, _A4)
    if dpi is None or not 50 <= dpi <= 2400:
        dpi = max(size.width, size.height) * _POINTS / _A4
    return image, (size.width * _POINTS / dpi, size.height * _POINTS / dpi)


def _embedded(pdf: "pikepdf.Pdf", image: "Image") -> "pikepdf.Object":
    from pikepdf import Name, Stream

    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    picture = Stream(pdf, stream.getvalue())
    picture.Type, picture.Subtype, picture.Filter = Name.XObject, Name.Image, Name.DCTDecode
    picture.Width, picture.Height, picture.BitsPerComponent = *image.size, 8
    picture.ColorSpace = Name.DeviceRGB
    return pdf.make_indirect(picture)


def _text(found: Located, pixels: Size, points: tuple[float, float], codes: dict[str, int]) -> bytes:
    """The page's words as an invisible layer; `codes` gets those of new characters."""
    sheet = Box(0, 0, *points)
    pieces: list[bytes] = []
    for block in found.blocks:
        for line in block.lines:
            placed = [Word(word.text, word.box.clip(pixels).move(pixels, sheet)) for word in line.words]
            pieces += _line([word for word in placed if not word.box.empty], points[1], codes)
    pieces += _line(_at_edge(found.unplaced, points), points[1], codes)
    return b"BT 3 Tr\n" + b"".join(pieces) + b"ET\n" if pieces else b""


def _line(words: list[Word], height: float, codes: dict[str, int]) -> Iterator[bytes]:
    """Each word stretched to its box, and a blank over the gap to the next, so that phrases can be found."""
    for index, word in enumerate(words):
        yield _shown(word.text, word.box, height, codes)
        if index + 1 < len(words):
            gap = Box(word.box.x2, word.box.y1, words[index + 1].box.x1, word.box.y2)
            if gap.width > 0:
                yield _shown(" ", gap, height, codes)


def _shown(text: str, box: Box, height: float, codes: dict[str, int]) -> bytes:
    from chatvlmllm.export.glyphless import WIDTH

    # What XML cannot hold has no place in a text layer either; U+FEFF may not stand in one (ISO 19005-2, 6.2.11.7).
    plain = clean(text).replace("\ufeff", "").replace("\n", " ") or " "
    coded = "".join(f"{_code(char, codes):04X}" for char in plain).encode()
    stretch = 100 * box.width / (len(plain) * WIDTH / 1000 * box.height)
    values = (_number(box.height), _number(stretch), _number(box.x1), _number(height - box.y2), coded)
    return b"/F %s Tf %s Tz 1 0 0 1 %s %s Tm <%s> Tj\n" % values


def _code(char: str, codes: dict[str, int]) -> int:
    # 65 535 codes are more than there are characters in any document; what comes after them is shown as U+FFFD.
    if char not in codes and len(codes) >= 0xFFFE:
        char = "\ufffd"
    return codes.setdefault(char, len(codes) + 1)


def _at_edge(texts: Iterable[str], points: tuple[float, float]) -> list[Word]:
    words = [word for text in texts for word in text.split()]
    letters = sum(len(word) + 1 for word in words)
    placed, left = [], 0.0
    for word in words:
        right = left + points[0] * len(word) / letters
        placed.append(Word(word, Box(left, points[1] - _EDGE, right, points[1])))
        left = right + points[0] / letters
    return placed


def _describe(pdf: "pikepdf.Pdf", run: Run) -> None:
    """Metadata and output intent as PDF/A wants them."""
    from pikepdf import Array, Dictionary, Name, Stream, String
    from PIL import ImageCms

    profile = Stream(pdf, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile.N = 3
    intent = Dictionary(Type=Name.OutputIntent, S=Name.GTS_PDFA1, OutputConditionIdentifier=String("sRGB"))
    intent.Info = String("sRGB IEC61966-2.1")
    intent.DestOutputProfile = pdf.make_indirect(profile)
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])
    version = run.environment.get("chatvlmllm", "")
    with pdf.open_metadata(set_pikepdf_as_editor=False) as data:
        if title := " ".join(clean(run.document.name).split()):
            data["dc:title"] = title
        data["xmp:CreatorTool"] = f"chatvlmllm {version}".strip()
        data["pdf:Producer"] = f"chatvlmllm {version}".strip()
        data["xmp:CreateDate"] = run.started
        data["xmp:ModifyDate"] = run.started
        data["pdfaid:part"], data["pdfaid:conformance"] = "2", "B"


def _number(value: float) -> bytes:
    return f"{value:.4f}".encode()
