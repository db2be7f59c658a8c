"""Every kind of bad input that is known, each as a builder of the file, with the error it has to end in.

`table` is the page docs/bad-inputs.md.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pikepdf
from PIL import Image

from tests.pdfs import text_pdf


@dataclass(frozen=True)
class Bad:
    """`build` makes the file in a folder and returns the command's arguments for it."""

    name: str
    code: str
    exit_code: int
    build: Callable[[Path], list[str]]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def one_file(self) -> bool:
        """Whether one file is at fault, and not the call or the settings."""
        return self.code not in ("config_invalid", "unknown_model", "unknown_format", "output_unwritable") and not (
            self.code.startswith(("bad_page", "page_out", "missing_language"))
        )


def _file(name: str, content: bytes) -> Callable[[Path], list[str]]:
    def build(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return [str(folder / name)]

    return build


def _image(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    noise = Image.frombytes("RGB", (160, 120), os.urandom(160 * 120 * 3))
    noise.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def _pdf(pages: int, change: Callable[[pikepdf.Pdf], None] = lambda _: None, **save: object) -> bytes:
    pdf = pikepdf.new()
    for _ in range(pages):
        pdf.add_blank_page(page_size=(200, 200))
    change(pdf)
    stream = io.BytesIO()
    pdf.save(stream, **save)
    return stream.getvalue()


def _picture_bomb(pdf: pikepdf.Pdf) -> None:
    side = 60_000
    bomb = pikepdf.Stream(pdf, zlib.compress(b"\0" * 1000), Filter=pikepdf.Name.FlateDecode)
    bomb.Type, bomb.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    bomb.Width, bomb.Height, bomb.BitsPerComponent, bomb.ColorSpace = side, side, 8, pikepdf.Name.DeviceGray
    page = pdf.pages[0]
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=bomb))
    page.Contents = pdf.make_stream(b"q 100 0 0 100 0 0 cm /Im0 Do Q")


def _tiff(frames: int) -> bytes:
    pages = [Image.new("1", (40, 40), 1) for _ in range(frames)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    return stream.getvalue()


def _folder(folder: Path) -> list[str]:
    (folder / "scans").mkdir()
    return [str(folder / "scans")]


def _pipe(folder: Path) -> list[str]:
    os.mkfifo(folder / "pipe.png")
    return [str(folder / "pipe.png")]


def _dangling(folder: Path) -> list[str]:
    (folder / "link.png").symlink_to(folder / "gone.png")
    return [str(folder / "link.png")]


def _with(arguments: list[str], content: bytes = b"") -> Callable[[Path], list[str]]:
    def build(folder: Path) -> list[str]:
        return _file("two.pdf", content or _pdf(2))(folder) + arguments

    return build


def _output_in_the_way(folder: Path) -> list[str]:
    (folder / "taken").write_text("a file, not a folder")
    return [*_file("two.pdf", _pdf(1))(folder), "--output", str(folder / "taken")]


def _config(text: str) -> Callable[[Path], list[str]]:
    def build(folder: Path) -> list[str]:
        (folder / "config.yaml").write_text(text)
        return _file("one.pdf", _pdf(1))(folder)

    return build


_LOCK = pikepdf.Encryption(user="secret", owner="secret")
_CONFIG = {"CHATVLMLLM_CONFIG": "{folder}/config.yaml"}

#: Nobody has data for this language.
_KLINGON = ["--model", "tesseract", "--lang", "tlh", "--no-fallback"]

CASES = (
    Bad("a file that does not exist", "file_missing", 2, lambda folder: [str(folder / "gone.png")]),
    Bad("a link to nothing", "file_missing", 2, _dangling),
    Bad("a folder", "not_a_file", 2, _folder),
    Bad("a named pipe", "not_a_file", 2, _pipe),
    Bad("an empty file", "empty_file", 2, _file("empty.jpg", b"")),
    Bad("text called .png", "unsupported_file", 2, _file("notes.png", b"just some notes\n")),
    Bad("HTML called .pdf", "unsupported_file", 2, _file("page.pdf", b"<!doctype html><p>404</p>")),
    Bad("a Word file", "unsupported_file", 2, _file("letter.docx", b"PK\x03\x04" + bytes(60))),
    Bad("an old Word file", "unsupported_file", 2, _file("letter.doc", b"\xd0\xcf\x11\xe0" + bytes(60))),
    Bad("a DjVu file", "unsupported_file", 2, _file("book.djvu", b"AT&TFORM" + bytes(60))),
    Bad("an iPhone HEIC photo", "unsupported_file", 2, _file("photo.jpg", b"\0\0\0\x18ftypheic" + bytes(60))),
    Bad("an SVG drawing", "unsupported_file", 2, _file("plan.svg", b"<svg xmlns='x'></svg>")),
    Bad("random bytes", "unsupported_file", 2, _file("noise.tif", b"\0\1\2\3" * 100)),
    Bad("a JPEG cut in the middle", "damaged_file", 2, _file("half.jpg", _half(_image("JPEG")))),
    Bad("a PNG cut in the middle", "damaged_file", 2, _file("half.png", _half(_image("PNG")))),
    Bad("a TIFF cut in the middle", "damaged_file", 2, _file("half.tif", _half(_image("TIFF")))),
    Bad("a WebP cut in the middle", "damaged_file", 2, _file("half.webp", _half(_image("WEBP")))),
    Bad("a BMP cut in the middle", "damaged_file", 2, _file("half.bmp", _half(_image("BMP")))),
    Bad("a GIF cut in the middle", "damaged_file", 2, _file("half.gif", _half(_image("GIF")))),
    Bad("a JPEG header and nothing else", "damaged_file", 2, _file("head.jpg", b"\xff\xd8\xff\xe0" + bytes(50))),
    Bad("a PNG bomb: 10 gigapixels in 80 bytes", "image_too_large", 2, _file("bomb.png", _png(100_000, 100_000))),
    Bad("a picture bomb inside a PDF", "image_too_large", 2, _file("bomb.pdf", _pdf(1, _picture_bomb))),
    Bad(
        "more pixels than allowed",
        "image_too_large",
        2,
        _file("big.png", _image("PNG")),
        {"CHATVLMLLM_LIMITS__MEGAPIXELS": "0.01"},
    ),
    Bad(
        "more bytes than allowed",
        "file_too_large",
        2,
        _file("big.bmp", _image("BMP")),
        {"CHATVLMLLM_LIMITS__FILE_MB": "0.01"},
    ),
    Bad(
        "a PDF of more pages than allowed",
        "too_many_pages",
        2,
        _file("long.pdf", _pdf(4)),
        {"CHATVLMLLM_LIMITS__PAGES": "3"},
    ),
    Bad(
        "a TIFF of more pages than allowed",
        "too_many_pages",
        2,
        _file("long.tif", _tiff(4)),
        {"CHATVLMLLM_LIMITS__PAGES": "3"},
    ),
    Bad("a PDF with a password", "locked_pdf", 2, _file("locked.pdf", _pdf(1, encryption=_LOCK))),
    Bad("a PDF header and nothing else", "damaged_file", 2, _file("head.pdf", b"%PDF-1.7\n")),
    Bad("a PDF without pages", "damaged_file", 2, _file("none.pdf", _pdf(0))),
    Bad("a page that is not there", "page_out_of_range", 2, _with(["--pages", "2-9"])),
    Bad("pages that are not numbers", "bad_page_range", 2, _with(["--pages", "first"])),
    Bad("pages counted backwards", "bad_page_range", 2, _with(["--pages", "3-1"])),
    Bad("a model that does not exist", "unknown_model", 2, _with(["--model", "teseract"])),
    Bad("a format that does not exist", "unknown_format", 2, _with(["--format", "docs"])),
    Bad("a language without data", "missing_language", 3, _with(_KLINGON, text_pdf("a"))),
    Bad("a file where the output folder should be", "output_unwritable", 2, _output_in_the_way),
    Bad("an unknown key in config.yaml", "config_invalid", 3, _config("limits:\n  page: 3\n"), _CONFIG),
    Bad("a wrong type in config.yaml", "config_invalid", 3, _config("limits:\n  pages: many\n"), _CONFIG),
    Bad("a config.yaml that is not YAML", "config_invalid", 3, _config("limits: [1,\n"), _CONFIG),
    Bad("an unknown environment variable", "config_invalid", 3, _with([]), {"CHATVLMLLM_LIMIT__PAGES": "3"}),
)


def table() -> str:
    """docs/bad-inputs.md: what the command says to every case."""
    from chatvlmllm import errors, messages

    sentences = {leaf.code: leaf for leaf in errors.leaves()}
    lines = [
        "# Bad inputs",
        "",
        "A bad input costs itself and nothing else: the other files of the same call are read, and the exit code",
        "is then 1; the exit code below is that of a call in which nothing could be read.",
        "This page is made by `make docs`; each row is a test.",
        "",
        "| input | error | exit code | HTTP | message |",
        "|---|---|---|---|---|",
    ]
    for case in CASES:
        sentence = messages.catalogue("en")[f"errors.{case.code}.what"]
        lines.append(f"| {case.name} | `{case.code}` | {case.exit_code} | {sentences[case.code].status} | {sentence} |")
    return "\n".join(lines) + "\n"
