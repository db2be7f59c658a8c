"""What models are saying about the pages of one job just now: for who watches; nothing of it is kept.

A reply that is still being said is understood as far as it goes, by the decoder that will understand the whole.
"""

import threading
from dataclasses import dataclass, field

from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Reply, Request, Stop
from chatvlmllm.geometry import whole
from chatvlmllm.models import find
from chatvlmllm.prepare import recipe
from chatvlmllm.reading import text_of

#: A page of a job: the position of its file, and its number.
Place = tuple[int, int]

#: Of a long page only so many characters from its end are told.
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Saying:
    """A page that is being read: by which model, and the text so far."""

    file: int
    page: int
    model: str
    text: str


@dataclass(slots=True)
class _Part:
    """One request and what was heard of its reply."""

    request: Request
    pieces: list[str] = field(default_factory=list)


class Aloud:
    """Pages under way; heard by the threads that read them, looked at by any other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[Place, list[_Part]] = {}

    def begin(self, place: Place, request: Request) -> None:
        """A model is asked: about the whole page, and what was said before is void; or about the rest of it."""
        with self._lock:
            if request.region == whole(request.page):
                self._parts[place] = []
            self._parts.setdefault(place, []).append(_Part(request))

    def hear(self, place: Place, text: str) -> None:
        """The model went on."""
        with self._lock:
            if place in self._parts:
                self._parts[place][-1].pieces.append(text)

    def end(self, place: Place) -> None:
        """The page is read."""
        with self._lock:
            self._parts.pop(place, None)

    def now(self) -> list[Saying]:
        """Every page under way, in order."""
        with self._lock:
            heard = {place: [(p.request, "".join(p.pieces)) for p in parts] for place, parts in self._parts.items()}
        return [
            Saying(*place, parts[-1][0].model, "\n".join(_understood(*part) for part in parts)[-_MOST:])
            for place, parts in sorted(heard.items())
        ]


def _understood(request: Request, said: str) -> str:
    """The text of a reply that has not ended."""
    if not said:
        return ""
    so_far = Reply(text=said, stop=Stop.LENGTH, model=request.model, engine="", device="")
    try:
        return text_of(recipe(find(request.model), request.task).decode(so_far, request).blocks)
    except ChatVLMLLMError:
        # Nothing in it is whole yet, such as the first object of a list.
        return ""
