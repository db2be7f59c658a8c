"""The verdict contract in the pipeline: a scripted model says what models say, the reading tells the truth about it."""

import json
import time
from collections.abc import Iterator

import pytest
from benchmarks.scripted import Scripted, scripted_host
from PIL import Image

from chatvlmllm import export, open_document, routing
from chatvlmllm.engines.host import Host
from chatvlmllm.exchange import Delta, Reply, Request, Stop
from chatvlmllm.pipeline import read_pages
from chatvlmllm.reading import Grade, Reading, Verdict
from chatvlmllm.run import Hear, Options, begin, overall, reading_from_json, to_json
from chatvlmllm.trust.confidence import Curve, calibration_error, curve, grade, isotonic
from tests.conftest import encoded
from tests.trust.conftest import LINES, printed

TEXT = "\n".join(LINES)


def _read(engine: Scripted, witness: Hear = Hear.AUTO, page: bytes = b"") -> Reading:
    options = Options(Scripted.key, languages=("eng",), witness=witness)
    with open_document(page or printed()) as document, scripted_host(engine) as host:
        ((_, reading),) = read_pages(document.pages(), options, host)
    return reading


def test_a_true_answer_is_ok() -> None:
    """What the page says has the verdict ok, no reasons, and the witness is named."""
    reading = _read(Scripted(TEXT))
    assert (reading.verdict, reading.evidence.reasons) == (Verdict.OK, ())
    assert reading.evidence.witness is not None
    assert reading.evidence.measures["unsupported"] == 0


def test_t19_a_changed_digit_is_unsupported() -> None:
    """A wrong digit in a fluent answer is found, marked and kept as it was said."""
    reading = _read(Scripted(TEXT.replace("4271", "4211")))
    assert reading.verdict is Verdict.UNSUPPORTED
    assert [reason.code for reason in reading.evidence.reasons] == ["numbers_differ"]
    assert "4211" in reading.text
    assert [(doubt.raw, doubt.seen) for doubt in reading.evidence.doubts] == [("4211", "4271")]


def test_an_invented_sentence_is_unsupported() -> None:
    """A sentence that is not on the page decides the verdict."""
    reading = _read(Scripted(TEXT + "\nThe parties confirm that there are no mutual claims whatsoever"))
    assert reading.verdict is Verdict.UNSUPPORTED
    assert "text_unsupported" in [reason.code for reason in reading.evidence.reasons]


def test_a_blank_page_asks_no_model() -> None:
    """A model that would invent is not asked about a page without ink."""
    engine = Scripted("The art of war is of vital importance")
    reading = _read(engine, page=encoded(Image.new("RGB", (600, 800), "white"), "PNG"))
    assert (reading.verdict, reading.text, engine.asked) == (Verdict.BLANK, "", [])


def test_t23_the_witness_can_be_sent_away() -> None:
    """With the witness off nothing is compared, and the evidence names no witness."""
    reading = _read(Scripted(TEXT.replace("4271", "4211")), Hear.OFF)
    assert (reading.verdict, reading.evidence.witness) == (Verdict.OK, None)


@pytest.mark.parametrize(
    ("stop", "verdict"),
    [
        (Stop.LENGTH, Verdict.TRUNCATED),
        (Stop.TIMEOUT, Verdict.TRUNCATED),
        (Stop.CANCELLED, Verdict.TRUNCATED),
        (Stop.LOOP, Verdict.LOOPED),
    ],
)
def test_t21_a_broken_answer_is_never_ok(stop: Stop, verdict: Verdict) -> None:
    """An answer that did not come to its end says so, whatever its text."""
    reading = _read(Scripted(TEXT, stop=stop, more=[("", stop)] * 3), Hear.OFF)
    assert reading.verdict is verdict
    assert reading.evidence.reasons


def test_t21_a_loop_is_seen_although_the_engine_said_end() -> None:
    """Endless repetition that reached the model's own end is looped all the same, and its raw text is kept."""
    looped = TEXT + "\n" + "and so on and on " * 200
    reading = _read(Scripted(looped, more=[("", Stop.LENGTH)] * 3), Hear.OFF)
    assert reading.verdict is Verdict.LOOPED
    assert reading.reply is not None
    assert reading.reply.text == looped
    assert len(reading.text) < len(looped) / 2


def test_the_rest_of_the_page_is_read_and_joined() -> None:
    """After a cut the rest of the page is asked for, joined, marked, and every attempt is on record."""
    first = "\n\n".join(LINES[:3])
    engine = Scripted(first, stop=Stop.LENGTH, more=[("\n\n".join(LINES[2:]), Stop.END)])
    reading = _read(engine)
    assert engine.asked[1].region.y1 > engine.asked[0].region.y1
    assert [attempt.reason for attempt in reading.attempts] == ["chosen", "rest_of_page"]
    assert "parts_joined" in [notice.code for notice in reading.notices]
    assert [reply.text for reply in (reading.reply, *reading.further) if reply] == [first, "\n\n".join(LINES[2:])]
    assert reading.verdict is Verdict.OK
    assert all(line in reading.text for line in LINES)


def test_repair_ends_after_a_few_rounds() -> None:
    """A model that always breaks off is asked a bounded number of times."""
    engine = Scripted(LINES[0], stop=Stop.LOOP, more=[(LINES[1], Stop.LOOP)] * 20)
    reading = _read(engine)
    assert len(engine.asked) <= 4
    assert reading.verdict is Verdict.LOOPED


def test_a_refusal_is_a_refusal() -> None:
    """A model that declines has not read the page."""
    assert _read(Scripted("I'm sorry, I can't help with that."), Hear.OFF).verdict is Verdict.REFUSED


def test_a_document_with_a_doubtful_page_is_not_ok() -> None:
    """The worst page decides, so one unsupported page is enough."""
    assert overall([Verdict.OK, Verdict.UNSUPPORTED, Verdict.BLANK]) is Verdict.UNSUPPORTED


class _Patient(Scripted):
    """Says nothing before the witness has been called, or for a minute."""

    host: Host

    def stream(self, request: Request) -> Iterator[Delta | Reply]:
        for _ in range(3000):
            if self.host.running() - {self.key}:
                yield from super().stream(request)
                return
            time.sleep(0.02)


def test_the_witness_runs_beside_the_model() -> None:
    """The witness reads while the model has not said a word: a model that waits for it gets its page done."""
    engine = _Patient(TEXT)
    with open_document(printed()) as document, scripted_host(engine) as host:
        engine.host = host
        ((_, reading),) = read_pages(document.pages(), Options(Scripted.key, languages=("eng",)), host)
    assert (reading.answered, reading.verdict) == (Scripted.key, Verdict.OK)


def test_an_absent_witness_costs_noprinted() -> None:
    """Where the witness cannot run the page is read all the same, and a notice says that nothing was checked."""
    with open_document(printed()) as document, scripted_host(Scripted(TEXT), absent=["embedded"]) as host:
        ((_, reading),) = read_pages(document.pages(), Options(Scripted.key), host)
    assert reading.verdict is Verdict.OK
    assert "witness_absent" in [notice.code for notice in reading.notices]


def test_without_the_other_reader_numbers_are_still_checked() -> None:
    """Closer looks that cannot be had leave the decision to those that can."""
    engine = Scripted(TEXT.replace("4271", "4211"))
    with open_document(printed()) as document, scripted_host(engine, absent=["tesseract"]) as host:
        ((_, reading),) = read_pages(document.pages(), Options(Scripted.key), host)
    assert [reason.code for reason in reading.evidence.reasons] == ["numbers_differ"]


@pytest.fixture(scope="module")
def doubtful() -> Reading:
    return _read(Scripted("Дoговор " + TEXT.replace("4271", "4211") + "\n<script>"))


def test_evidence_survives_json(doubtful: Reading) -> None:
    """What a run stores is what it knew."""
    assert reading_from_json(to_json(doubtful)) == doubtful


def test_exports_show_verdict_and_doubtful_words(doubtful: Reading) -> None:
    """HTML marks the words and escapes them; CSV lists them; JSON has all of it."""
    run = begin(open_document(printed()), Options())
    html, csv, json_ = (
        b"".join(export.export(run, [doubtful], export.find(name))).decode("utf-8-sig")
        for name in ("html", "csv", "json")
    )
    assert 'data-verdict="unsupported"' in html
    assert '<mark class="number_differs"' in html
    assert "<script>" not in html
    assert "нет оценки" in html
    assert "4211" in csv.splitlines()[1].rsplit(";", 1)[-1]
    evidence = json.loads(json_)["readings"][0]["evidence"]
    assert evidence["reasons"][0]["code"] == "numbers_differ"


def test_t24_repairs_are_applied_only_on_request(doubtful: Reading) -> None:
    """Plain exports say what was read; with repairs asked for, look-alikes are mended and nothing else."""
    run = begin(open_document(printed()), Options())

    def text(style: export.Style) -> str:
        return b"".join(export.export(run, [doubtful], export.find("txt"), style)).decode()

    assert text(export.Style()).startswith("Дoговор")
    assert text(export.Style(repaired=True)) == text(export.Style()).replace("Дoговор", "Договор")


def test_t19_grades_are_calibrated_or_absent() -> None:
    """A grade needs a measured curve; without a confidence there is no grade, and curves rise from 0 to 1."""
    assert grade(None) is None
    assert [grade(value) for value in (0.99, 0.95, 0.5)] == [Grade.GOOD, Grade.FAIR, Grade.POOR]
    assert curve("nobody measured this") is None
    for reader in routing.witnesses():
        known = curve(reader.key)
        assert known is not None
        values = [known(step / 50) for step in range(51)]
        assert values == sorted(values)
        assert 0 <= values[0] <= values[-1] <= 1


def test_isotonic_regression_by_hand() -> None:
    """Three points out of order are pooled to their mean; calibrated values have no calibration error left."""
    points = [(0.1, False), (0.4, True), (0.5, False), (0.9, True)]
    fitted = Curve("", isotonic(points))
    assert [fitted(value) for value, _ in points] == [0.0, 0.5, 0.5, 1.0]
    assert calibration_error([(fitted(value), right) for value, right in points], 5) == pytest.approx(0)
