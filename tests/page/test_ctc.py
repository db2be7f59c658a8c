"""Decoding and placing, without the network."""

import numpy as np
import pytest

from chatvlmllm.page.ctc import CharSpan, best_path, place, words


def path(*labels: int) -> list[tuple[int, int, int]]:
    runs = best_path(np.array(labels), np.full(len(labels), 0.5))
    return [(r.label, r.start, r.stop) for r in runs]


def test_repeats_merge_and_blanks_vanish() -> None:
    """A character held over several steps is one character, and a blank is none."""
    assert path(0, 3, 3, 3, 0, 0, 5, 0) == [(3, 1, 4), (5, 6, 7)]


def test_a_blank_between_keeps_doubled_letters_apart() -> None:
    """The same character twice needs a blank between, and then it is two."""
    assert path(3, 3, 0, 3) == [(3, 0, 2), (3, 3, 4)]


def test_different_characters_may_touch() -> None:
    """No blank is needed between different characters."""
    assert path(1, 2, 2, 1) == [(1, 0, 1), (2, 1, 3), (1, 3, 4)]


@pytest.mark.parametrize("labels", [(), (0,), (0, 0, 0)])
def test_nothing_in_nothing_out(labels: tuple[int, ...]) -> None:
    """No steps, or blanks only, read as nothing."""
    assert path(*labels) == []


def test_the_peak_is_the_highest_probability_of_the_run() -> None:
    """A character is as sure as its surest step, whatever its neighbours."""
    runs = best_path(np.array([1, 1, 0, 2]), np.array([0.2, 0.9, 1.0, 0.4]))
    assert [r.peak for r in runs] == [0.9, 0.4]


def test_places_follow_each_other_inside_the_crop() -> None:
    """Extents rise, touch at most, and never leave the crop, even if the steps reach beyond it."""
    runs = best_path(np.array([1, 0, 2, 2, 0, 1, 0, 0, 2]), np.ones(9))
    spans = place(runs, "аб", scale=3.0, width=25.0)
    assert "".join(s.text for s in spans) == "абаб"
    edges = [x for s in spans for x in (s.left, s.right)]
    assert edges == sorted(edges)
    assert edges[0] >= 0.0
    assert edges[-1] <= 25.0


def test_a_lone_character_has_an_extent() -> None:
    """A single character still gets a place of its own around its run."""
    (span,) = place(best_path(np.array([0, 0, 1, 0, 0]), np.ones(5)), "а", scale=4.0, width=20.0)
    assert 0.0 <= span.left < 10.0 < span.right <= 20.0


def test_words_are_the_characters_between_blanks() -> None:
    """Blanks, also doubled or at the ends, part words; a word is as sure as its weakest character."""
    said = [CharSpan(c, 0.1 * (i + 1), i * 10.0, i * 10.0 + 10) for i, c in enumerate(" да  я ")]
    found = words(said)
    assert [(w.text, round(w.confidence, 1), w.left, w.right) for w in found] == [
        ("да", 0.2, 10.0, 30.0),
        ("я", 0.6, 50.0, 60.0),
    ]


def test_no_characters_are_no_words() -> None:
    """An empty line has no words."""
    assert words(()) == ()
