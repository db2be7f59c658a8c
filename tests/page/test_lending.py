"""What readers keep for their callers does not grow with the number of threads that ever called."""

import threading
from collections.abc import Callable

from chatvlmllm.config import Settings
from chatvlmllm.exchange import Request, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.page.lending import Lending
from chatvlmllm.page.tesseract import Tesseract
from tests.conftest import picture


def _in_a_thread_of_its_own(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_thing_serves_one_at_a_time_and_the_next_one_after() -> None:
    """Two at once get two; whoever comes later, in whatever thread, gets one of those."""
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    lending = Lending(make)
    with lending.lent() as first, lending.lent() as second:
        assert first is not second

    def again() -> None:
        with lending.lent() as third:
            assert third in made

    for _ in range(5):
        _in_a_thread_of_its_own(again)
    assert len(made) == 2
    ended: list[object] = []
    lending.close(ended.append)
    assert ended == made


def test_pages_read_in_ever_new_threads_share_one_tesseract() -> None:
    """A server makes new threads for every job; Tesseract is made once for all that come one after the other."""
    reader, image = Tesseract(Settings()), picture("Hello")
    size = Size(*image.size)
    asked = Request(model="x", task=Task.TEXT, page=size, region=whole(size), image=image, languages=("eng",))
    read: list[str] = []
    for _ in range(3):
        _in_a_thread_of_its_own(lambda: read.extend(reader.read(asked)))
    [lending] = reader._apis.values()
    assert len(lending._all) == 1
    assert len(read) == 3
    assert all("Hello" in text for text in read)
    reader.close()
