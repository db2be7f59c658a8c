"""Counts what a decoder had to bend, drop or guess, and says it as notices."""

from typing import Literal

from chatvlmllm.reading import Notice

#: Every notice that a decoder can give. Its sentence stands under `notices` in the catalogues of `messages`.
Code = Literal[
    "boxes_clipped",  # boxes left the image by more than rounding
    "boxes_dropped",  # coordinates made no box on the page; the text was kept
    "boxes_missing",  # elements came without coordinates
    "duplicates_dropped",  # the same element was said again
    "json_repaired",  # places where the grammar was bent
    "json_skipped",  # characters inside the data that meant nothing
    "layout_missing",  # the answer is text, though a layout was asked for
    "reply_cut",  # the answer broke off inside an element
    "spans_cut",  # cells claimed to cover more than any table has
    "table_missing",  # the answer is text, though a table was asked for
    "table_too_large",  # a loop of cells; only its source is kept
    "table_unparsed",  # no grid could be made of a table; its source is kept
    "text_outside_json",  # characters around the data
    "unknown_category",  # taken for text; `name` says what was called so
]

#: A name that a model made up is shown, but not at any length.
_LONGEST_NAME = 40


class Tally:
    """One per reply. Every notice carries `count`; some also carry the `name` of what was met."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Code, str | None], int] = {}

    def add(self, code: Code, count: int = 1, *, name: str | None = None) -> None:
        """Note that `code` happened `count` more times; nothing happens for zero."""
        if count > 0:
            key = (code, name[:_LONGEST_NAME] if name is not None else None)
            self._counts[key] = self._counts.get(key, 0) + count

    def notices(self) -> tuple[Notice, ...]:
        """One notice per code and name, in the order of their first mention."""
        return tuple(_notice(code, name, count) for (code, name), count in self._counts.items())


def _notice(code: str, name: str | None, count: int) -> Notice:
    details: dict[str, str | int | float] = {"count": count}
    if name is not None:
        details["name"] = name
    return Notice(code, details)
