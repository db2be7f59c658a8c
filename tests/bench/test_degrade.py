"""Degradations: repeatable, graded, and the boxes go where the ink goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from chatvlmllm.bench.degrade import EFFECTS, PRESETS, Effect, degrade
from chatvlmllm.bench.specimens import raster
from chatvlmllm.bench.truth import rescaled

SIZE = (420, 594)
MARKS = [(60, 80, 96, 92), (300, 90, 340, 100), (200, 290, 230, 305), (70, 520, 110, 530), (330, 500, 352, 515)]
LEVELS = {"turn": (90, 180, 270)}
CASES = [(name, level) for name in EFFECTS for level in LEVELS.get(name, (0.3, 1.0))]


def _page() -> Image.Image:
    page = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(page)
    for mark in MARKS:
        pen.rectangle((mark[0], mark[1], mark[2] - 1, mark[3] - 1), fill="black")
    return page


@pytest.mark.parametrize(("name", "level"), CASES)
def test_boxes_follow_the_ink(name: str, level: float) -> None:
    """Inside every moved box it is darker than around it, for each effect at weak and full strength."""
    picture, transform = degrade(_page(), [Effect(name, level)], seed=5)
    pixels = np.asarray(picture.convert("L"), dtype=float)
    for mark in MARKS:
        left, top, right, bottom = (round(edge) for edge in transform.box(mark))
        assert 0 <= left < right <= picture.width
        assert 0 <= top < bottom <= picture.height
        inside = pixels[top:bottom, left:right]
        around = pixels[max(0, top - 12) : bottom + 12, max(0, left - 12) : right + 12]
        assert np.median(inside) + 15 < np.quantile(around, 0.9)


@pytest.mark.parametrize("name", ["skew", "perspective", "turn", "low_resolution", "fold"])
def test_moved_box_is_tight(name: str) -> None:
    """The dark pixels near a moved mark fill its box to within two pixels."""
    level = 270 if name == "turn" else 0.5
    picture, transform = degrade(_page(), [Effect(name, level)], seed=2)
    dark = np.asarray(picture.convert("L")) < 110
    for mark in MARKS:
        left, top, right, bottom = transform.box(mark)
        window = dark[max(0, int(top) - 6) : int(bottom) + 7, max(0, int(left) - 6) : int(right) + 7]
        rows, columns = np.nonzero(window)
        found = (
            columns.min() + max(0, int(left) - 6), rows.min() + max(0, int(top) - 6),
            columns.max() + 1 + max(0, int(left) - 6), rows.max() + 1 + max(0, int(top) - 6),
        )  # fmt: skip
        assert np.allclose(found, (left, top, right, bottom), atol=2.1)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_same_seed_same_pixels(preset: str) -> None:
    """A seed repeats itself; another seed gives another picture."""
    first, _ = degrade(_page(), preset, 7)
    assert first.tobytes() == degrade(_page(), preset, 7)[0].tobytes()
    if PRESETS[preset]:
        assert first.tobytes() != degrade(_page(), preset, 8)[0].tobytes()


@pytest.mark.parametrize("name", sorted(set(EFFECTS) - {"turn"}))
def test_level_nought_is_nothing(name: str) -> None:
    """Level 0 leaves page and boxes alone."""
    picture, transform = degrade(_page(), [Effect(name, 0)], 3)
    assert picture.tobytes() == _page().tobytes()
    assert transform.box((1, 2, 3, 4)) == (1, 2, 3, 4)


def test_stronger_level_spoils_more() -> None:
    """The picture moves further from the clean one as the level grows."""
    clean = np.asarray(_page(), dtype=float)
    for name in ("blur", "noise", "jpeg", "low_contrast", "shadow", "paper"):
        weak, strong = (
            np.abs(np.asarray(degrade(_page(), [Effect(name, level)], 4)[0], dtype=float) - clean).mean()
            for level in (0.2, 0.9)
        )
        assert weak < strong, name


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_words_of_a_real_page_stay_in_their_boxes(preset: str, drawn: Any) -> None:
    """On a drawn document nearly every word box of a spoiled page still covers contrast."""
    specimen = drawn("act")
    picture, transform = degrade(raster(specimen, 0, 100), preset, 1)
    pixels = np.asarray(picture.convert("L"), dtype=float)
    kept = []
    for word in rescaled(specimen.pages[0], 100).words:
        left, top, right, bottom = (int(edge) for edge in transform.box(word.box))
        part = pixels[max(0, top) : bottom + 1, max(0, left) : right + 1]
        kept.append(part.size and part.max() - part.min() > 35)
    assert np.mean(kept) > 0.98
