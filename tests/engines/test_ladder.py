"""What a page does when its engine fails: it ends with text, the truth about how, and no other page is lost."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from chatvlmllm import open_document, pipeline, routing
from chatvlmllm.config import Limits, Server, Settings
from chatvlmllm.document import Page
from chatvlmllm.engines.host import Host
from chatvlmllm.exchange import Stop, Task
from chatvlmllm.models import find
from chatvlmllm.pipeline import Watch
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Options
from tests.conftest import encoded, picture
from tests.engines.rig import host, server, settings

#: Readers inside the program, best first.
READERS = routing.table().embedded
INSIDE = READERS[0]

QWEN = Options("qwen_vl_2b", languages=("eng",))


def sheets(*widths: int) -> Iterator[Page]:
    """Pages of these widths, each with its width written on it."""
    for width in widths:
        content = encoded(picture(f"Page {width}", size=(width, 400)), "PNG")
        yield from open_document(content).pages()


def read(pool: Host, *widths: int, options: Options = QWEN) -> list[Reading]:
    return [reading for _, reading in pipeline.read_pages(sheets(*widths), options, pool)]


def told(reading: Reading) -> list[tuple[str, str, str]]:
    """The attempts in short: model, reason, and how each ended."""
    return [(a.model, a.reason, a.failure.code if a.failure else a.outcome) for a in reading.attempts]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("die=1", "engine_crashed"),
        ("quit=1", "engine_crashed"),
        ("half=1", "generation_failed"),
        ("hang=1", "engine_hung"),
        ("ping=1", "engine_hung"),
        ("dead", "engine_crashed"),
        ("assert", "cuda_failed"),
    ],
)
def test_after_any_death_the_page_is_read_again_by_a_fresh_engine(tmp_path: Path, fault: str, code: str) -> None:
    """Crash, exit 0, silence, a dead engine behind a live port: one more try with the same model, and it is read."""
    modes = (fault, f"once={tmp_path / 'once'}")
    with host(settings(tmp_path), {"qwen_vl_2b": modes}) as pool:
        (reading,) = read(pool, 560)
    if code == "generation_failed":
        # The engine is well, only this answer broke: another model takes the page, the engine stays.
        assert told(reading)[0] == ("qwen_vl_2b", "chosen", code)
        assert reading.answered == INSIDE
        return
    assert told(reading) == [("qwen_vl_2b", "chosen", code), ("qwen_vl_2b", "after_crash", "end")]
    assert reading.verdict is Verdict.OK
    assert reading.text


def test_a_poisoned_page_is_quarantined_and_the_rest_goes_on(tmp_path: Path) -> None:
    """One page of ten ends its engine each time: it is read by another, the nine others by the model asked for."""
    widths = [560, 588, 616, 644, 672, 700, 728, 756, 784, 812]
    with host(settings(tmp_path), {"qwen_vl_2b": ("die=1", "width=672", "pace=0.02")}) as pool:
        readings = read(pool, *widths)
    assert [reading.page for reading in readings] == [1] * 10
    bad = readings[widths.index(672)]
    assert bad.answered == INSIDE
    assert bad.verdict is Verdict.FELL_BACK
    assert bad.text
    assert "quarantined" in {notice.code for notice in bad.notices}
    failed = [attempt for attempt in bad.attempts if attempt.outcome == "failed"]
    assert [attempt.reason for attempt in failed] == ["chosen", "after_crash"]
    for reading in readings:
        if reading is not bad:
            assert (reading.answered, reading.verdict) == ("qwen_vl_2b", Verdict.OK)
            assert len([a for a in reading.attempts if a.outcome == "failed"]) <= 1


def test_on_lack_of_memory_the_page_is_sent_smaller(tmp_path: Path) -> None:
    """A page too large for the engine's memory is read by the same model at a size that fits, and says so."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("oom", "above=210000")}) as pool:
        (reading,) = read(pool, 700)
    assert told(reading) == [("qwen_vl_2b", "chosen", "not_enough_memory"), ("qwen_vl_2b", "smaller", "end")]
    assert reading.verdict is Verdict.OK
    assert any(notice.code == "image_reduced" and notice.details["percent"] == 70 for notice in reading.notices)


def test_the_next_candidate_answers_and_the_result_says_so(tmp_path: Path) -> None:
    """The chosen model cannot start: another of the user's models answers, with the verdict `fell_back`."""
    with server("text=from the other server", name="big") as url:
        chosen = settings(tmp_path).model_copy(update={"servers": (Server(url=url, models={"qwen3_vl_4b": "big"}),)})
        with host(chosen, {"qwen_vl_2b": ("exit0",)}) as pool:
            (reading,) = read(pool, 560)
    assert told(reading) == [("qwen_vl_2b", "chosen", "engine_start_failed"), ("qwen3_vl_4b", "fallback", "end")]
    assert (reading.asked, reading.answered) == ("qwen_vl_2b", "qwen3_vl_4b")
    assert reading.verdict is Verdict.FELL_BACK
    assert reading.reply is not None
    assert reading.reply.served == "big"


def test_t23_without_fallback_nobody_else_answers(tmp_path: Path) -> None:
    """With `--no-fallback` a model that cannot answer leaves a failed page, and no other model is asked."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("die=0",)}) as pool:
        (reading,) = read(pool, 560, options=replace(QWEN, fallback=False))
    assert reading.verdict is Verdict.FAILED
    assert reading.text == ""
    assert {attempt.model for attempt in reading.attempts} == {"qwen_vl_2b"}
    assert reading.failure is not None
    assert reading.failure.code == "engine_crashed"


def test_t17_an_engines_error_is_never_text(tmp_path: Path) -> None:
    """Whatever an engine says while failing, none of it stands in the reading."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("refuse=ERROR: secret internals",)}) as pool:
        (reading,) = read(pool, 560)
    assert reading.answered == INSIDE
    assert "secret" not in reading.text
    assert reading.attempts[0].failure is not None
    assert "secret internals" in reading.attempts[0].failure.message


def test_t37_a_loop_is_cut_back_tried_again_and_labelled(tmp_path: Path) -> None:
    """A model that repeats itself is asked once more with another image; then the text ends before the loop."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("loop",)}) as pool:
        (reading,) = read(pool, 560)
    assert told(reading) == [("qwen_vl_2b", "chosen", "loop"), ("qwen_vl_2b", "after_loop", "loop")]
    assert reading.verdict is Verdict.LOOPED
    assert reading.text.strip() == "again and again."
    assert reading.reply is not None
    assert reading.reply.text.count("again and again.") > 10


def test_t37_a_loop_that_another_size_avoids_is_not_the_result(tmp_path: Path) -> None:
    """The second try does not loop: it is the answer, and the loop stays in the attempts."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("loop", f"once={tmp_path / 'once'}")}) as pool:
        (reading,) = read(pool, 560)
    assert told(reading) == [("qwen_vl_2b", "chosen", "loop"), ("qwen_vl_2b", "after_loop", "end")]
    assert reading.verdict is Verdict.OK


def test_t37_past_the_deadline_the_partial_text_is_kept(tmp_path: Path) -> None:
    """The wall clock ends a slow generation; what was said is there, and called incomplete."""
    chosen = settings(tmp_path).model_copy(update={"limits": Limits(page_seconds=1)})
    with host(chosen, {"qwen_vl_2b": ("pace=0.3", "text=" + "word " * 40)}) as pool:
        (reading,) = read(pool, 560)
    assert reading.verdict is Verdict.TRUNCATED
    assert reading.reply is not None
    assert reading.reply.stop is Stop.TIMEOUT
    assert 2 <= reading.text.count("word") < 20


def test_t21_a_page_cut_at_the_limit_is_not_ok(tmp_path: Path) -> None:
    """`length` makes the page `truncated`, never `ok`."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("length",)}) as pool:
        assert read(pool, 560)[0].verdict is Verdict.TRUNCATED


def test_tokens_are_heard_as_they_are_said(tmp_path: Path) -> None:
    """A listener gets the pieces while the model talks; together they are the reply."""
    heard: list[tuple[float, str]] = []
    watch = Watch(heard=lambda _, piece: heard.append((time.monotonic(), piece)))
    with host(settings(tmp_path), {"qwen_vl_2b": ("pace=0.1", "text=one two three four")}) as pool:
        ((_, reading),) = pipeline.read_pages(sheets(560), QWEN, pool, watch)
    assert reading.reply is not None
    assert "".join(piece for _, piece in heard) == reading.reply.text
    assert heard[-1][0] - heard[0][0] > 0.2


def test_closing_the_readings_ends_the_generations(tmp_path: Path) -> None:
    """Who stops listening stops the engines: a page of an hour does not hold the caller."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("pace=0.05", "text=" + "word " * 5000)}) as pool:
        started = threading.Event()
        watch = Watch(heard=lambda *_: started.set())
        readings = pipeline.read_pages(sheets(560, 588, 616), QWEN, pool, watch)
        taker = threading.Thread(target=lambda: list(readings), daemon=True)
        taker.start()
        assert started.wait(10)
        watch.stop.set()
        # Three pages of four minutes each are not waited for.
        taker.join(60)
        assert not taker.is_alive()


def test_the_same_model_on_the_cpu_comes_before_the_embedded_reader(tmp_path: Path) -> None:
    """If allowed, the model that failed on the accelerator is asked on the CPU; then the embedded reader answers."""
    chosen = settings(tmp_path, cpu_fallback=True)
    with host(chosen, {"qwen_vl_2b": ("exit0",)}) as pool:
        (reading,) = read(pool, 560)
    reasons = [reason for _, reason, _ in told(reading)]
    assert reasons == ["chosen", "same_on_cpu", "fallback"]
    assert reading.answered == INSIDE


CASES: Mapping[str, tuple[Options, routing.Machine, list[str]]] = {
    "specification": (
        Options(kind="technical_spec"),
        routing.Machine(frozenset({"qwen3_vl_4b", "dots_ocr"}), memory=16 * 10**9),
        ["qwen3_vl_4b", "dots_ocr", *READERS],
    ),
    "estimate": (
        Options(kind="estimate"),
        routing.Machine(frozenset({"qwen3_vl_4b", "dots_ocr"}), memory=16 * 10**9),
        ["dots_ocr", "qwen3_vl_4b", *READERS],
    ),
    "contract in English": (
        Options(kind="contract", languages=("eng",)),
        routing.Machine(frozenset({"qwen3_vl_2b", "got_ocr_hf"}), memory=16 * 10**9),
        ["qwen3_vl_2b", "got_ocr_hf", *READERS],
    ),
    "contract in Russian, which GOT cannot read": (
        Options(kind="contract"),
        routing.Machine(frozenset({"qwen3_vl_2b", "got_ocr_hf"}), memory=16 * 10**9),
        ["qwen3_vl_2b", *READERS],
    ),
    "8 GB": (
        Options(),
        routing.Machine(frozenset({"qwen3_vl_2b", "qwen3_vl_4b"}), memory=8 * 10**9),
        ["qwen3_vl_2b", *READERS],
    ),
    "quick and warm": (
        Options(prefer="speed"),
        routing.Machine(frozenset({"qwen3_vl_2b", "qwen_vl_2b"}), warm=frozenset({"qwen_vl_2b"}), memory=16 * 10**9),
        ["qwen_vl_2b", "qwen3_vl_2b", *READERS],
    ),
    "no GPU": (Options(kind="estimate"), routing.Machine(), list(READERS)),
    "layout": (
        Options(task=Task.LAYOUT),
        routing.Machine(frozenset({"dots_ocr"}), memory=16 * 10**9),
        ["dots_ocr", *(key for key in READERS if Task.LAYOUT in find(key).recipes)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_table_orders_the_candidates(case: str) -> None:
    """Kind, task, language, memory, what is there and what is warm decide; every candidate has a reason in words."""
    from chatvlmllm import messages

    options, machine, expected = CASES[case]
    (page,) = sheets(560)
    chain, _ = routing.candidates(page, options, machine)
    assert [candidate.model.key for candidate in chain] == expected
    for candidate in chain:
        for language in messages.LANGUAGES:
            assert messages.render(f"reasons.{candidate.reason}", language)


def test_measured_rules_come_before_the_shipped_ones(tmp_path: Path) -> None:
    """A `routing.toml` in the data folder overrides the shipped table for what it names, and only for that."""
    (tmp_path / "routing.toml").write_text('[[rule]]\nwhy = "tables"\nkinds = ["estimate"]\nchain = ["qwen_vl_2b"]\n')
    machine = routing.Machine(frozenset({"dots_ocr", "qwen_vl_2b"}), memory=16 * 10**9)
    (page,) = sheets(560)
    rules = routing.table(tmp_path)
    assert routing.candidates(page, Options(kind="estimate"), machine, rules)[0][0].model.key == "qwen_vl_2b"
    assert routing.candidates(page, Options(kind="act"), machine, rules)[0][0].model.key == "dots_ocr"


def test_a_wrong_rule_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """A model that does not exist, or a word that the table does not know, is refused with the file's name."""
    from chatvlmllm.errors import ConfigInvalid

    for wrong in ('[[rule]]\nwhy = "x"\nchain = ["nobody"]\n', '[[rule]]\nwhy = "x"\nchian = []\n', "[[rule"):
        (tmp_path / "routing.toml").write_text(wrong)
        with pytest.raises(ConfigInvalid, match=r"routing\.toml"):
            routing.table(tmp_path)


def test_settings_of_the_user_reach_only_the_model_they_are_for(tmp_path: Path) -> None:
    """Options for the chosen model do not make the next candidate refuse the page."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("exit0",)}) as pool:
        (reading,) = read(pool, 560)
    assert reading.answered == INSIDE
    assert Settings().gpu.cpu_fallback is False
