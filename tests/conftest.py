"""What many tests need: the sample, small pictures with text, and the command line in this process."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image, ImageDraw, ImageFont

import chatvlmllm

# The time of an example says more about the machine than about the code.
settings.register_profile("chatvlmllm", deadline=None)
settings.load_profile("chatvlmllm")

SAMPLES = Path(chatvlmllm.__file__).parent / "samples"


@pytest.fixture(autouse=True)
def _own_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or the data of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.delenv("CHATVLMLLM_CONFIG", raising=False)


@dataclass(frozen=True)
class Outcome:
    """What a call of the command line left behind."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@pytest.fixture
def cli(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Call `chatvlmllm ARGS…` through its `main`, as the installed command does."""
    from chatvlmllm.cli import main

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["chatvlmllm", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsysbinary.readouterr()
        return Outcome(code, captured.out, captured.err.decode())

    return call


def picture(text: str = "Hello world", size: tuple[int, int] = (640, 160), mode: str = "RGB") -> Image.Image:
    """Black text on white, large enough for any recogniser."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((30, size[1] // 3), text, fill=0, font=ImageFont.load_default(48))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A small file that every reader can read."""
    path = tmp_path / "good.png"
    path.write_bytes(encoded(picture(), "PNG"))
    return path
