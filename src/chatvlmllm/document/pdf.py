"""PDF files through PDFium: pages as pictures and their text layers.

PDFium is not thread-safe, so one lock guards every call of the process. Does not cover forms' scripts, attachments or
anything else that a page does not show.
"""

import ctypes
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from chatvlmllm.document.raster import check_pixels
from chatvlmllm.document.textlayer import Glyph, TextLayer, assemble, doubt
from chatvlmllm.errors import DamagedFile, LockedPdf, TooManyPages
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Notice

if TYPE_CHECKING:
    from chatvlmllm.config import Limits

_PDFIUM = threading.RLock()

#: Points per inch, the unit of PDF user space.
_POINTS = 72.0

#: A4 in points, assumed for a page whose own size cannot be read.
_A4 = (595.0, 842.0)


class PdfFile:
    """An opened PDF; pages are loaded one at a time and not kept."""

    def __init__(self, source: Path | bytes, name: str, limits: "Limits") -> None:
        self._name = name
        self._limits = limits
        with _PDFIUM:
            try:
                self._pdf = pypdfium2.PdfDocument(source)
            except pypdfium2.PdfiumError as error:
                if getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD and _encrypted(source):
                    raise LockedPdf(name=name) from error
                raise DamagedFile(name=name, reason=error) from error
            self._pdf.init_forms()
            self.count = len(self._pdf)
        if self.count > limits.pages:
            self.close()
            raise TooManyPages(name=name, limit=limits.pages)

    def describe(self, index: int) -> tuple[Size, float, tuple[Notice, ...]]:
        """Size in pixels, the resolution in dots per inch that gives it, and caveats."""
        with _PDFIUM:
            width, height = self._points(index)
            wanted = self._resolution(index)
        most = math.sqrt(self._limits.megapixels * 1e6 / (width * height)) * _POINTS
        dpi = min(wanted, most * 0.999)
        notices = (Notice("resolution_reduced", {"dpi": round(dpi), "wanted": round(wanted)}),) if dpi < wanted else ()
        return Size(width=1, height=1) if dpi <= 0 else _pixels(width, height, dpi), dpi, notices

    def _points(self, index: int) -> tuple[float, float]:
        try:
            width, height = self._pdf.get_page_size(index)
        except pypdfium2.PdfiumError:
            return _A4
        return (width, height) if width > 0 and height > 0 else _A4

    def _resolution(self, index: int) -> float:
        """The scan's own resolution where the page is one picture, else the configured one."""
        try:
            page = self._pdf[index]
        except pypdfium2.PdfiumError:
            return self._limits.pdf_dpi
        try:
            native = [dpi for dpi, share in _pictures(page) if share > 0.5]
        finally:
            page.close()
        return min(max([*native, 150.0]), 400.0) if native else self._limits.pdf_dpi

    def render(self, index: int) -> Image.Image:
        """The page as RGB; raises ImageTooLarge for a picture bomb inside, DamagedFile for a broken page."""
        size, dpi, _ = self.describe(index)
        return self._drawn(index, size, dpi)

    def glance(self, index: int, width: int) -> Image.Image:
        """The page drawn small from the start, which takes a fraction of the time; raises as `render` does."""
        size, dpi, _ = self.describe(index)
        share = min(1.0, width / size.width)
        return self._drawn(index, size.scaled(share), dpi * share)

    def _drawn(self, index: int, size: Size, dpi: float) -> Image.Image:
        with _PDFIUM:
            page = self._load(index)
            try:
                self._refuse_bombs(page)
                bitmap = page.render(scale=dpi / _POINTS, rev_byteorder=True, prefer_bgrx=False)
                image: Image.Image = bitmap.to_pil().convert("RGB")
            except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
                raise DamagedFile(name=self._name, reason=error) from error
            finally:
                page.close()
        return image if image.size == (size.width, size.height) else image.resize((size.width, size.height))

    def _load(self, index: int) -> pypdfium2.PdfPage:
        try:
            return self._pdf[index]
        except pypdfium2.PdfiumError as error:
            raise DamagedFile(name=self._name, reason=error) from error

    def _refuse_bombs(self, page: pypdfium2.PdfPage) -> None:
        """Embedded pictures are decoded whole by the renderer, however small they are drawn."""
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4):
            assert isinstance(item, pypdfium2.PdfImage)
            check_pixels(Size(*item.get_px_size()), self._name, self._limits)

    def text_layer(self, index: int) -> TextLayer | None:
        """The page's characters in page pixels with a judgement, or None when it has none."""
        size, _, _ = self.describe(index)
        with _PDFIUM:
            try:
                page = self._pdf[index]
            except pypdfium2.PdfiumError:
                return None
            try:
                lines = assemble(_glyphs(page, size))
                share = sum(part for _, part in _pictures(page))
            finally:
                page.close()
        layer = TextLayer(lines)
        return TextLayer(lines, doubt(layer.text, min(1.0, share))) if lines else None

    def close(self) -> None:
        with _PDFIUM:
            self._pdf.close()


def _encrypted(source: Path | bytes) -> bool:
    """PDFium keeps the error of an earlier file when some damage stops it, so its word alone does not prove a lock."""
    return b"/Encrypt" in (source if isinstance(source, bytes) else source.read_bytes())


def _pixels(width: float, height: float, dpi: float) -> Size:
    return Size(max(1, round(width * dpi / _POINTS)), max(1, round(height * dpi / _POINTS)))


def _pictures(page: pypdfium2.PdfPage) -> list[tuple[float, float]]:
    """Resolution in dots per inch and share of the page's area (0…1) of every picture on it."""
    width, height = page.get_size()
    found = []
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        assert isinstance(item, pypdfium2.PdfImage)
        left, bottom, right, top = item.get_bounds()
        area = abs(right - left) * abs(top - bottom)
        if area <= 0 or width * height <= 0:
            continue
        pixels = Size(*item.get_px_size()).area
        found.append((math.sqrt(pixels / area) * _POINTS, area / (width * height)))
    return found


def _glyphs(page: pypdfium2.PdfPage, size: Size) -> list[Glyph]:
    """Every character of the page in the file's order, its box moved to pixels of the rendered, upright page."""
    text = page.get_textpage()
    try:
        return [_glyph(text, page, index, size) for index in range(text.count_chars())]
    finally:
        text.close()


def _glyph(text: pypdfium2.PdfTextPage, page: pypdfium2.PdfPage, index: int, size: Size) -> Glyph:
    code = pdfium.FPDFText_GetUnicode(text, index)
    char = chr(code) if code < 0x110000 else "\ufffd"
    if char.isspace() or code == 0:
        return Glyph(char, None)
    left, bottom, right, top = text.get_charbox(index, loose=True)
    x1, y1 = _to_device(page, left, top, size)
    x2, y2 = _to_device(page, right, bottom, size)
    box = Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)).clip(size)
    # A glyph without ink or outside the page still is text: it keeps its place as a single pixel.
    return Glyph(char, Box(box.x1, box.y1, box.x1 + 1, box.y1 + 1) if box.empty else box)


#: FPDF_PageToDevice answers in whole device units; asking for a finer device keeps fractions of a pixel.
_FINE = 16


def _to_device(page: pypdfium2.PdfPage, x: float, y: float, size: Size) -> tuple[float, float]:
    px, py = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, size.width * _FINE, size.height * _FINE, 0, x, y, px, py)
    return px.value / _FINE, py.value / _FINE
