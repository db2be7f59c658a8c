"""Specimens are drawn once and shared by the tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from chatvlmllm.bench.specimens import Specimen, make

Drawn = Callable[[str], Specimen]


@cache
def _drawn(kind: str) -> Specimen:
    return make(kind, 1)


@pytest.fixture
def drawn() -> Drawn:
    """The specimen of a kind at seed 1."""
    return _drawn
