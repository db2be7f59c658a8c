"""The worker engine against children that crash, hang, pollute and lie: real processes, real pipes."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

import chatvlmllm
from chatvlmllm import models
from chatvlmllm.engines import frames
from chatvlmllm.engines.worker import Launch, WorkerEngine
from chatvlmllm.errors import EngineCrashed, EngineStartFailed, EngineTimeout, NotEnoughMemory
from chatvlmllm.exchange import Delta, Limits, Reply, Request, Stop, Task, Turn
from chatvlmllm.geometry import Box, Size, whole

PROGRAM = Path(__file__).parent / "programs" / "faulty.py"

Start = Callable[..., WorkerEngine]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start an engine on the program with a fault; all are closed afterwards."""
    monkeypatch.setenv("FAULTY_PACKAGE", str(Path(chatvlmllm.__file__).parent))
    running: list[WorkerEngine] = []

    def make(fault: str, patience: float = 5.0, grace: float = 2.0, start_patience: float = 20.0) -> WorkerEngine:
        launch = Launch(
            folder=tmp_path,
            command=(sys.executable, str(PROGRAM), fault),
            patience=patience,
            grace=grace,
            start_patience=start_patience,
        )
        running.append(WorkerEngine(models.find("qwen_vl_2b"), launch))
        return running[-1]

    yield make
    for engine in running:
        engine.close()


def ask(prompt: str = "misbehave", seconds: float = 30.0) -> Request:
    page = Size(40, 30)
    image = Image.new("RGB", (40, 30), "red")
    return Request(
        model="qwen_vl_2b", task=Task.TEXT, page=page, region=whole(page), image=image, prompt=prompt,
        limits=Limits(10, seconds),
    )  # fmt: skip


def behaves(engine: WorkerEngine) -> bool:
    *_, reply = engine.stream(ask("behave"))
    return isinstance(reply, Reply) and reply.text == "behave"


def test_t03_a_crash_is_an_error_and_the_next_request_meets_a_fresh_child(start: Start) -> None:
    """EngineCrashed carries exit status and last words; a new process answers afterwards."""
    engine = start("crash")
    first = engine.pid
    with pytest.raises(EngineCrashed) as crashed:
        list(engine.stream(ask()))
    assert crashed.value.details["status"] == 7
    assert "the last words" in crashed.value.message()
    assert behaves(engine)
    assert engine.pid != first


def test_a_silent_child_is_killed_within_its_patience(start: Start) -> None:
    """Silence beyond patience ends the child and is EngineTimeout; the next request is answered."""
    engine = start("hang", patience=1.0)
    began = time.monotonic()
    with pytest.raises(EngineTimeout):
        list(engine.stream(ask()))
    assert time.monotonic() - began < 10
    assert behaves(engine)


def test_a_deadline_that_the_child_ignores_is_enforced(start: Start) -> None:
    """A child that goes on past the request's time and the grace period is killed, however talkative."""
    engine = start("stubborn", patience=60.0, grace=0.5)
    with pytest.raises(EngineTimeout):
        list(engine.stream(ask(seconds=1.0)))
    assert engine.pid is None


def test_prints_of_libraries_do_not_reach_the_frames(start: Start) -> None:
    """What Python or C prints between frames lands in the log, and the reply is clean."""
    engine = start("pollute")
    *_, reply = engine.stream(ask())
    assert isinstance(reply, Reply)
    assert reply.text == "clean clean clean "
    for _ in range(50):
        if "from C" in engine.log and "progress: 50%" in engine.log:
            return
        time.sleep(0.1)
    raise AssertionError(engine.log)


@pytest.mark.parametrize("fault", ["cut", "junk"])
def test_a_broken_stream_is_a_crash(start: Start, fault: str) -> None:
    """Half a frame followed by death, or bytes that are no frame, end in EngineCrashed, not in a wrong text."""
    engine = start(fault)
    with pytest.raises(EngineCrashed):
        list(engine.stream(ask()))
    assert behaves(engine)


def test_half_a_frame_and_silence_is_a_timeout(start: Start) -> None:
    """A frame that never becomes whole is silence."""
    with pytest.raises(EngineTimeout):
        list(start("half", patience=1.0).stream(ask()))


def test_closing_a_stream_stops_the_generation_and_keeps_the_child(start: Start) -> None:
    """Closing asks the child to stop; it does, and the same process answers the next request."""
    engine = start("loop")
    child = engine.pid
    stream = engine.stream(ask())
    assert isinstance(next(stream), Delta)
    stream.close()  # type: ignore[attr-defined]
    assert behaves(engine)
    assert engine.pid == child


def test_a_child_that_does_not_stop_is_killed_after_the_grace_period(start: Start) -> None:
    """A stubborn child survives the request to stop, but not the grace period."""
    engine = start("stubborn", grace=0.5)
    child = engine.pid
    stream = engine.stream(ask())
    next(stream)
    began = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 30
    assert behaves(engine)
    assert engine.pid != child


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_in_the_middle_of_a_generation(start: Start) -> None:
    """kill -9 while it talks: EngineCrashed with the signal as status, and a fresh child afterwards."""
    engine = start("loop")
    stream = engine.stream(ask())
    next(stream)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineCrashed) as crashed:
        list(stream)
    assert crashed.value.details["status"] == -signal.SIGKILL
    assert behaves(engine)


def test_a_child_that_ends_while_idle_is_replaced(start: Start) -> None:
    """Nobody notices a child that died between two requests."""
    engine = start("good")
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGTERM)
    time.sleep(0.5)
    assert behaves(engine)


def test_a_large_image_cannot_block_the_parent(start: Start) -> None:
    """A child that reads nothing holds nobody: the start ends by patience."""
    began = time.monotonic()
    with pytest.raises(EngineStartFailed):
        start("deaf", start_patience=1.0)
    assert time.monotonic() - began < 10


def test_a_start_that_fails_says_why(start: Start) -> None:
    """An error frame instead of ready keeps its code; a slow start ends by patience; a missing program is no hang."""
    with pytest.raises(NotEnoughMemory):
        start("refuse")
    with pytest.raises(EngineStartFailed):
        start("slow", start_patience=1.0)


def test_one_child_serves_many_threads_one_after_the_other(start: Start) -> None:
    """Requests from several threads are answered by one process, each with its own reply."""
    engine, replies = start("good"), []

    def work(text: str) -> None:
        *_, reply = engine.stream(ask(text))
        assert isinstance(reply, Reply)
        replies.append((text, reply.text, engine.pid))

    threads = [threading.Thread(target=work, args=(f"page {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 8
    assert all(asked == answered for asked, answered, _ in replies)
    assert len({pid for *_, pid in replies}) == 1


def test_closing_an_engine_leaves_no_process(start: Start) -> None:
    """After close the child is gone, even in the middle of a sentence."""
    engine = start("loop")
    stream = engine.stream(ask())
    next(stream)
    child = engine.pid
    assert child is not None
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_request_survives_the_journey() -> None:
    """What is packed is unpacked: pixels, turns, options, region and limits."""
    picture = Image.effect_noise((31, 17), 80).convert("RGB")
    request = Request(
        model="m", task=Task.CHAT, page=Size(310, 170), region=Box(10, 20, 300, 160), image=picture, prompt="вопрос",
        turns=(Turn("user", "раз", (picture, picture.rotate(90))), Turn("assistant", "два")), languages=("rus",),
        limits=Limits(7, 1.5), options={"format": True, "box": [1, 2, 3, 4]},
    )  # fmt: skip
    back = frames.unpack(*frames.pack(request))
    assert back.image is not None
    assert back.image.tobytes() == picture.tobytes()
    assert back.turns[0].images[1].tobytes() == picture.rotate(90).tobytes()
    for name in ("model", "task", "page", "region", "prompt", "languages", "limits", "options"):
        assert getattr(back, name) == getattr(request, name)
    assert [turn.text for turn in back.turns] == ["раз", "два"]


def test_t06_the_parent_changes_no_environment(start: Start) -> None:
    """A worker's environment is handed to it; ours is as before, and no debugging switch is set."""
    from chatvlmllm.engines.worker import _environ

    before = dict(os.environ)
    start("good")
    assert dict(os.environ) == before
    assert "CUDA_LAUNCH_BLOCKING" not in set(_environ()) - set(before)
    assert _environ()["HF_HUB_OFFLINE"] == "1"
    assert not any(name.startswith("CHATVLMLLM_") for name in _environ())


def test_replies_carry_what_the_worker_reported(start: Start) -> None:
    """Device, type and attention of a reply are the worker's own words."""
    *_, reply = start("good").stream(ask())
    assert isinstance(reply, Reply)
    assert (reply.device, reply.dtype, reply.attention, reply.stop) == ("cpu", "float32", "sdpa", Stop.END)
