"""Memory seen from outside."""

import os

from chatvlmllm.bench.footprint import Footprint


def test_a_page_read_in_no_time_has_its_memory() -> None:
    """However soon after the reset the peak is asked for, it was measured."""
    with Footprint(os.getpid()) as footprint:
        for _ in range(50):
            footprint.reset()
            assert footprint.peaks()["rss"] > 1_000_000
