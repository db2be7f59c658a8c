"""Stamps lie over lines; the lines are read all the same, and the stamp is no text."""

from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from chatvlmllm import recognize
from chatvlmllm.bench.degrade import Effect, degrade
from chatvlmllm.bench.specimens import DPI, make, raster
from chatvlmllm.page import ink
from chatvlmllm.reading import Kind
from tests.conftest import encoded


def test_print_stays_and_colour_goes() -> None:
    """Washing keeps black black, white white, and makes coloured ink lighter than any print."""
    image = np.array([[[0, 0, 0], [255, 255, 255], [90, 80, 230], [60, 62, 61]]], np.uint8)
    assert ink.washed(image)[0, :, 0].tolist() == [0, 255, 230, 62]
    assert ink.coloured(image)[0].tolist() == [False, False, True, False]


def test_lines_under_a_stamp_are_not_lost() -> None:
    """Of an act whose stamp lies across three lines of print, no line is left out."""
    act = make("act", 67)
    spoiled, _ = degrade(raster(act, 0, DPI), (Effect("stamp", 0.1), Effect("skew", 0.06), Effect("blur", 0.12)), 5)
    (reading,) = recognize(encoded(spoiled, "PNG", dpi=(DPI, DPI)), "embedded")
    truth = set(act.pages[0].text.split())
    assert len(truth & set(reading.text.split())) > 0.9 * len(truth)


def test_a_page_without_colour_is_seen_once() -> None:
    """Grey pages have no knots, whatever the height of their lines."""
    grey = np.full((100, 100, 3), 128, np.uint8)
    assert not ink.inked(grey)
    assert ink.tangled([], grey) == []


def test_the_letters_of_a_stamp_are_no_text() -> None:
    """The sample's stamp is a block at its place; the lines beside and under it hold nothing of it."""
    (reading,) = recognize(files("chatvlmllm").joinpath("samples/sample.png").read_bytes(), "embedded")
    (stamp,) = [block for block in reading.blocks if block.kind is Kind.STAMP]
    assert stamp.box is not None
    assert (stamp.box.x1, stamp.box.y1, stamp.box.x2, stamp.box.y2) == pytest.approx((488, 760, 782, 1056), abs=20)
    assert stamp.text == ""
    assert {"Итого без НДС: 1 005 389,55", "НДС 20 %: 201 077,91", "копеек."} <= set(reading.text.splitlines())


def test_coloured_print_is_text() -> None:
    """An act printed in blue has its words, and no stamp or signature."""
    act = make("act", 67)
    grey = np.asarray(raster(act, 0, DPI).convert("L"))
    blue = Image.fromarray(np.stack([grey, grey, np.maximum(grey, 170)], axis=2))
    (reading,) = recognize(encoded(blue, "PNG", dpi=(DPI, DPI)), "embedded")
    truth = set(act.pages[0].text.split())
    assert len(truth & set(reading.text.split())) > 0.9 * len(truth)
    assert {block.kind for block in reading.blocks}.isdisjoint({Kind.STAMP, Kind.SIGNATURE})
