"""Pages in, readings out: in order, never one fewer, always with the truth about who answered."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatvlmllm import open_document, pipeline, recognize
from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import UnknownModel
from chatvlmllm.exchange import Stop
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Options, overall
from tests.conftest import SAMPLES, encoded, picture
from tests.pdfs import text_pdf


def _cer(truth: str, read: str) -> float:
    from rapidfuzz.distance import Levenshtein

    truth, read = " ".join(truth.split()), " ".join(read.split())
    return Levenshtein.distance(truth, read) / len(truth)


@pytest.fixture(scope="module")
def sample() -> Reading:
    (reading,) = recognize(SAMPLES / "sample.png", settings=Settings())
    return reading


def test_the_sample_is_read(sample: Reading) -> None:
    """The shipped sample comes out with a character error rate below two per cent."""
    assert _cer((SAMPLES / "sample.gt.txt").read_text(encoding="utf-8"), sample.text) < 0.02


def test_t23_the_result_names_who_answered(sample: Reading) -> None:
    """What was asked, what answered, on which device, in which version and how long stand in the result."""
    assert sample.asked == "auto"
    assert sample.reply is not None
    assert sample.answered == sample.reply.model == sample.attempts[-1].model
    assert sample.reply.device == "cpu"
    assert sample.reply.stop is Stop.END
    assert sample.reply.versions
    assert sample.seconds["total"] >= sample.reply.seconds["generate"] > 0


def test_t19_confidence_is_the_engines_own(sample: Reading) -> None:
    """Every word's confidence is a share that the engine reported, and the page's is their mean."""
    rated = [word.confidence for word in sample.words if word.confidence is not None]
    assert rated
    assert all(0 <= value <= 1 for value in rated)
    assert sample.confidence is not None
    assert min(rated) <= sample.confidence <= max(rated)


def test_t19_no_confidence_where_none_was_measured() -> None:
    """A text layer measures no confidence, so there is none."""
    (reading,) = recognize(text_pdf("Total 42"))
    assert reading.confidence is None


def test_t24_the_raw_reply_is_kept(sample: Reading) -> None:
    """Every word of the reading stands in the raw reply."""
    assert sample.reply is not None
    assert all(word.text in sample.reply.text for word in sample.words)


def test_t32_words_lie_inside_the_page(sample: Reading) -> None:
    """Every box lies on the page and has an area."""
    for word in sample.words:
        assert 0 <= word.box.x1 < word.box.x2 <= sample.size.width
        assert 0 <= word.box.y1 < word.box.y2 <= sample.size.height


def test_t23_an_unknown_model_is_never_replaced() -> None:
    """A model that does not exist is an error that names near ones."""
    with pytest.raises(UnknownModel, match="tesseract"):
        next(recognize(SAMPLES / "sample.png", "teseract"))


def test_pages_come_in_order_and_none_is_missing(tmp_path: Path) -> None:
    """However many threads read, page n of the file is reading n."""
    frames = [picture(f"Number {n}") for n in range(1, 8)]
    content = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    readings = list(recognize(content, "tesseract", languages="eng", settings=Settings(workers=3)))
    assert [reading.page for reading in readings] == list(range(1, 8))
    assert [reading.text for reading in readings] == [f"Number {n}" for n in range(1, 8)]


def test_a_white_page_is_blank_not_an_error() -> None:
    """A page without text has the verdict `blank` and no invented words."""
    (reading,) = recognize(encoded(picture(" ", size=(300, 300)), "PNG"), "tesseract")
    assert reading.verdict is Verdict.BLANK
    assert reading.text == ""


def test_t17_a_failed_page_has_no_text_and_says_why() -> None:
    """An error is never text: a page that cannot be decoded has a failure with a code, and nothing else."""
    content = encoded(picture(size=(400, 400)), "PNG")
    (reading,) = recognize(content[: len(content) // 2])
    assert reading.verdict is Verdict.FAILED
    assert reading.text == ""
    assert reading.failure is not None
    assert reading.failure.code == "damaged_file"


def test_only_a_few_pages_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are taken from the document only as fast as readings are taken from the pipeline."""
    taken: list[int] = []
    with open_document(text_pdf("text", pages=50)) as document, Host(Settings(workers=2)) as host:

        def pages() -> Iterator[pipeline.Page]:
            for page in document.pages():
                taken.append(page.number)
                yield page

        readings = pipeline.read_pages(pages(), Options(), host)
        next(readings)
        assert len(taken) <= 4
        readings.close()  # type: ignore[attr-defined]


def test_closing_the_iterator_ends_the_threads() -> None:
    """A caller who stops early leaves no thread behind."""
    readings = recognize(text_pdf("text", pages=20), settings=Settings(workers=2))
    next(readings)
    readings.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("page")]


def test_a_document_is_as_good_as_its_worst_page() -> None:
    """Only ok and blank pages make a document ok."""
    assert overall([Verdict.OK, Verdict.BLANK]) is Verdict.OK
    assert overall([Verdict.BLANK]) is Verdict.BLANK
    for verdict in set(Verdict) - {Verdict.OK, Verdict.BLANK}:
        assert overall([Verdict.OK, verdict, Verdict.BLANK]) is verdict
