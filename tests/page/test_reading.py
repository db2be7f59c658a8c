"""The page reader with its own network, on a drawn page."""

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from chatvlmllm.page import straighten
from chatvlmllm.page.detect import Detector
from chatvlmllm.page.understand import Understanding
from chatvlmllm.page.witness import OwnReader

from .drawing import LINES, prose


@pytest.fixture(scope="module")
def reader() -> Understanding:
    return Understanding(Detector(), [OwnReader()])


def _text(reader: Understanding, page: np.ndarray) -> str:
    return "\n".join(line.text for found in reader.read(page) for line in found.block.lines)


@pytest.mark.parametrize("quarters", range(4))
def test_t55_a_turned_page_says_the_same(reader: Understanding, quarters: int) -> None:
    """Upright, on either side, upside down: the same lines in the same order."""
    said = _text(reader, straighten.turned(prose(), quarters).image)
    truth = "\n".join(LINES)
    assert Levenshtein.distance(said, truth) <= 0.03 * len(truth)
