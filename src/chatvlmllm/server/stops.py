"""Words that end an answer, for engines that do not look for them themselves. Pure."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from chatvlmllm.exchange import Delta


class Cutter:
    """Lets text through up to the first stop word; keeps back what may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.ended = False

    def feed(self, piece: str) -> str:
        """What may be said now."""
        text = self._held + piece
        at = min((found for stop in self._stops if (found := text.find(stop)) >= 0), default=-1)
        if at >= 0:
            self.ended, self._held = True, ""
            return text[:at]
        keep = max((self._beginning(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    @staticmethod
    def _beginning(text: str, stop: str) -> int:
        """How many last characters of `text` are the first of `stop`."""
        return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)

    def over(self, pieces: Iterator[Delta]) -> Iterator[Delta]:
        """`pieces` up to the stop word; what makes them is ended there."""
        with closing(pieces):  # type: ignore[type-var]
            for piece in pieces:
                text = self.feed(piece.text)
                if text:
                    yield Delta(text)
                if self.ended:
                    return
        if self._held:
            yield Delta(self._held)
