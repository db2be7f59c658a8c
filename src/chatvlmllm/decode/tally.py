"""Counts what a decoder had to bend, drop or guess, and says it as notices."""

from chatvlmllm.reading import Notice

#: A name that a model made up is shown, but not at any length.
_LONGEST_NAME = 40


class Tally:
    """One per reply. Every notice carries `count`; some also carry the `name` of what was met."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str | None], int] = {}

    def add(self, code: str, count: int = 1, *, name: str | None = None) -> None:
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
