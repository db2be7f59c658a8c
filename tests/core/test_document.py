"""Any image file becomes upright RGB pages."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chatvlmllm import open_document
from chatvlmllm.config import Limits
from chatvlmllm.document import sniff
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.geometry import Size
from tests.conftest import encoded, picture


def _only(content: bytes) -> Image.Image:
    with open_document(content) as document:
        (page,) = document.pages()
        image = page.image()
        assert image.size == (page.size.width, page.size.height)
        assert image.mode == "RGB"
        return image


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_t55_every_pixel_mode_shows_the_same_picture(mode: str) -> None:
    """Whatever the mode of the file, black text stays black and white paper white."""
    grey = picture()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey.convert("L"), dtype=np.uint16) * 257)
    elif mode == "LA":
        image = grey.convert("RGBA").convert("LA")
    else:
        image = grey.convert("L").convert(mode)
    kind = "PNG" if mode in ("LA", "RGBA", "P") else "TIFF"
    got = np.asarray(_only(encoded(image, kind)).convert("L"), dtype=int)
    assert np.abs(got - np.asarray(grey.convert("L"), dtype=int)).mean() < 3


def test_t55_alpha_is_laid_on_white() -> None:
    """Transparent pixels become paper, whatever colour hides in them."""
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert _only(encoded(image, "PNG")).getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_t55_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    """A photo taken with a turned camera comes out upright, and its size is known before decoding."""
    upright = Image.new("RGB", (60, 30), "white")
    upright.paste("black", (0, 0, 10, 10))
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = _only(encoded(stored, kind, exif=exif))
    assert shown.size == upright.size
    assert max(shown.getpixel((3, 3))) < 60
    assert min(shown.getpixel((55, 25))) > 200


def test_t55_every_tiff_page_is_a_page() -> None:
    """A multi-page TIFF loses no page and keeps their order and sizes."""
    frames = [picture(str(n), size=(100 + n, 50)) for n in range(5)]
    with open_document(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])) as document:
        assert [page.image().width for page in document.pages()] == [100, 101, 102, 103, 104]


def test_of_an_animation_the_first_frame_is_read() -> None:
    """An animated picture is one page, and a notice says so."""
    frames = [Image.new("RGB", (30, 30), color) for color in ("red", "green", "blue")]
    with open_document(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])) as document:
        (page,) = document.pages()
        assert page.image().getpixel((5, 5)) == (255, 0, 0)
        assert [notice.code for notice in page.notices] == ["first_frame_only"]


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    """A JPEG called .png is read as a JPEG, with a notice."""
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(picture(), "JPEG"))
    with open_document(path) as document:
        assert document.media_type == "image/jpeg"
        assert [notice.code for notice in document.notices] == ["wrong_extension"]


@given(st.binary(max_size=2000))
def test_no_bytes_end_in_an_unnamed_error(content: bytes) -> None:
    """Whatever the bytes, opening and reading end in pages or in one of our errors."""
    for head in (
        b"",
        b"\xff\xd8\xff",
        b"II*\x00",
        b"BM",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.4",
    ):
        try:
            with open_document(head + content, limits=Limits(megapixels=4, pages=5)) as document:
                for page in document.pages():
                    page.image()
        except ChatVLMLLMError:
            pass


@given(st.data())
def test_a_damaged_file_ends_in_a_page_or_an_error(data: st.DataObject) -> None:
    """A real file with some bytes overwritten is read or refused, never a crash."""
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"]))
    content = bytearray(encoded(picture(size=(64, 48)), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        with open_document(bytes(content), limits=Limits(megapixels=4, pages=5)) as document:
            for page in document.pages():
                page.image()
    except ChatVLMLLMError:
        pass


def test_memory_does_not_grow_with_the_number_of_pages(tmp_path: Path) -> None:
    """Five hundred pages need no more memory at once than five."""

    def peak(pages: int) -> int:
        path = tmp_path / f"{pages}.tif"
        frames = [Image.new("L", (800, 800), n % 256) for n in range(pages)]
        frames[0].save(path, save_all=True, append_images=frames[1:], compression="tiff_lzw")
        del frames
        tracemalloc.start()
        with open_document(path) as document:
            assert sum(1 for page in document.pages() if page.image()) == pages
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(500) < peak(5) + 2_000_000


def test_a_scanned_pdf_page_keeps_the_resolution_of_its_scan() -> None:
    """A page that is one picture is drawn at that picture's own resolution."""
    scan = encoded(Image.new("RGB", (1240, 1754), "white"), "PDF", resolution=150)
    with open_document(scan) as document:
        (page,) = document.pages()
        assert page.size == Size(1240, 1754)


def test_one_broken_pdf_page_does_not_cost_the_others() -> None:
    """Every page number of the file is offered, also of the page that cannot be read."""
    pdf = pikepdf.new()
    for _ in range(3):
        pdf.add_blank_page(page_size=(100, 100))
    pdf.pages[1].Contents = pdf.make_stream(b"BT /F1 12 Tf (unfinished")
    stream = io.BytesIO()
    pdf.save(stream)
    with open_document(stream.getvalue()) as document:
        assert [page.number for page in document.pages() if page.image()] == [1, 2, 3]


def test_every_supported_type_has_an_extension() -> None:
    """The table of extensions and the table of decoders speak of the same types."""
    assert set(sniff.EXTENSIONS.values()) == set(sniff.SUPPORTED)
