"""Closer looks through the real reader: a place is read as what it is said to be."""

import pytest
from PIL import Image, ImageDraw, ImageFont

from chatvlmllm import hearing, routing
from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.geometry import Box
from chatvlmllm.trust.looks import Look


@pytest.mark.parametrize("reader", [0, 1])
@pytest.mark.parametrize("figure", ["3", "7", "9"])
def test_a_figure_alone_is_seen_when_it_is_looked_at_as_a_line(figure: str, reader: int) -> None:
    """Page segmentation overlooks a lone figure; told that the place is one line, both witnesses read it."""
    page = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(page).text((190, 130), figure, fill=0, font=ImageFont.load_default(28))
    look = Look(Box(180, 122, 220, 170), ("rus", "eng"), reader=reader, paper=10 * reader)
    with Host(Settings(workers=1)) as host:
        words = hearing.look_at(page, routing.witnesses(), look, host)
    assert [word.text for word in words] == [figure]
