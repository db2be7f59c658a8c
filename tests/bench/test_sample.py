"""The shipped sample is a page of the generator, small enough to ship, with its exact text."""

from __future__ import annotations

from importlib.resources import files

from PIL import Image

from chatvlmllm.bench.specimens import make
from chatvlmllm.bench.specimens.__main__ import SAMPLE_KIND, SAMPLE_SEED


def test_sample_is_whole() -> None:
    """Text and picture agree in kind; the words do not depend on the fonts of this machine."""
    folder = files("chatvlmllm") / "samples"
    text = (folder / "sample.gt.txt").read_text(encoding="utf-8")
    data = (folder / "sample.png").read_bytes()
    assert len(data) < 400 * 1024
    with (folder / "sample.png").open("rb") as stream:
        picture = Image.open(stream)
        assert min(picture.size) > 1600
        assert round(picture.info["dpi"][0]) == 200
    # a word may break at its hyphen in other fonts, so white space is left out
    assert "".join(text.split()) == "".join(make(SAMPLE_KIND, SAMPLE_SEED).text.split())
