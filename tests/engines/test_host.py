"""The pool: one owner, one start, one swap at a time, and nothing left behind. Servers are real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatvlmllm.config import Settings
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.ownership import MARK, Ownership, birth
from chatvlmllm.engines.process import listening
from chatvlmllm.engines.state import State, Status
from chatvlmllm.errors import (
    AcceleratorTaken,
    CudaFailed,
    EngineCrashed,
    EngineResting,
    EngineStartFailed,
    NotEnoughMemory,
    PortTaken,
)
from chatvlmllm.exchange import Reply
from chatvlmllm.models import find
from tests.engines.rig import PROGRAM, host, request, settings

QWEN2, QWEN3, DOTS = find("qwen_vl_2b"), find("qwen3_vl_2b"), find("dots_ocr")


def ours() -> list[int]:
    """Fault programs that this test process started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            mark = (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(PROGRAM).encode() in line and f":{os.getpid()}:".encode() in mark:
            found.append(int(entry.name))
    return found


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Every test ends with no process of its own."""
    yield
    assert ours() == []


def ask(pool: Host, model: str = "qwen_vl_2b", **more: bool) -> Reply:
    with pool.ensure(find(model), **more) as engine:
        *_, reply = engine.stream(request(model))
    assert isinstance(reply, Reply)
    return reply


def test_t41_ensure_is_idempotent(tmp_path: Path) -> None:
    """Many at once ask for a model: it starts once, all are answered by the same process."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("slow=0.5",)}) as pool:
        with ThreadPoolExecutor(12) as threads:
            replies = list(threads.map(lambda _: ask(pool), range(12)))
        assert len(replies) == 12
        assert pool.swaps == 1
        assert len(ours()) == 1


def test_a_switch_ends_the_previous_model_first(tmp_path: Path) -> None:
    """Under the single policy there is never more than one server, and each answers for itself."""
    with host(settings(tmp_path), {"qwen_vl_2b": (), "qwen3_vl_2b": ()}) as pool:
        for key in ("qwen_vl_2b", "qwen3_vl_2b", "qwen_vl_2b"):
            reply = ask(pool, key)
            assert (reply.model, reply.served) == (key, key)
            assert reply.text.strip().endswith(key)
            assert len(ours()) == 1
        assert pool.swaps == 3


def test_under_a_budget_models_stay_while_they_fit(tmp_path: Path) -> None:
    """Two of 1 GB fit into 2.5 GB, the third makes the least recently used go."""
    chosen = settings(tmp_path, policy="budget", budget_gb=2.5)
    with host(chosen, {"qwen_vl_2b": (), "qwen3_vl_2b": (), "dots_ocr": ()}) as pool:
        for key in ("qwen_vl_2b", "qwen3_vl_2b", "qwen_vl_2b", "dots_ocr"):
            ask(pool, key)
        assert pool.running() == {"qwen_vl_2b", "dots_ocr"}
        assert len(ours()) == 2


def test_t43_a_failed_switch_rolls_back(tmp_path: Path) -> None:
    """The new model does not start: the error names why, and the model that worked works again."""
    with host(settings(tmp_path), {"qwen_vl_2b": (), "qwen3_vl_2b": ("exit0",)}) as pool:
        ask(pool)
        with pytest.raises(EngineStartFailed, match="exit status 0"):
            ask(pool, "qwen3_vl_2b")
        assert pool.running() == {"qwen_vl_2b"}
        assert ask(pool).model == "qwen_vl_2b"
        assert pool.swaps == 1


def test_t43_what_cannot_start_stops_nothing(tmp_path: Path) -> None:
    """A model without its files is refused before anything is stopped for it."""
    from chatvlmllm.errors import ChatVLMLLMError

    with host(settings(tmp_path), {"qwen_vl_2b": ()}) as pool:
        ask(pool)
        (before,) = ours()
        with pytest.raises(ChatVLMLLMError):
            ask(pool, "qwen3_vl_2b")
        assert ours() == [before]


def test_t37c_states_are_told_as_they_happen(tmp_path: Path) -> None:
    """Whoever watches sees starting, ready, busy and stopping in this order, with the server's own log."""
    seen: list[Status] = []
    with host(settings(tmp_path), {"qwen_vl_2b": ("slow=0.3",)}) as pool:
        pool.watch(seen.append)
        ask(pool)
        assert "starting" in pool.status()[0].log
    states = [status.state for status in seen]
    order = [State.STARTING, State.READY, State.BUSY, State.READY, State.STOPPING, State.ABSENT]
    assert [state for index, state in enumerate(states) if index == 0 or states[index - 1] != state] == order


def test_t37c_a_slow_start_is_waited_for_and_a_hopeless_one_ended(tmp_path: Path) -> None:
    """Patience is a setting: within it a slow server is waited for, beyond it the error quotes its log."""
    pool = host(settings(tmp_path), {"qwen_vl_2b": ("slow=60",)}, start_patience=1.0)
    with pool, pytest.raises(EngineStartFailed, match="not ready after 1 s; starting"):
        ask(pool)


def test_closing_the_host_breaks_off_a_start(tmp_path: Path) -> None:
    """A start of a minute does not keep the program from ending."""
    pool = host(settings(tmp_path), {"qwen_vl_2b": ("slow=60",)})
    failed: list[str] = []

    def wait() -> None:
        try:
            ask(pool)
        except EngineStartFailed as error:
            failed.append(error.message())

    thread = threading.Thread(target=wait)
    thread.start()
    while not ours():
        time.sleep(0.02)
    begun = time.monotonic()
    pool.close()
    thread.join(5)
    assert time.monotonic() - begun < 50
    assert "ending" in failed[0] or "cancelled" in failed[0]


@pytest.mark.parametrize("fault", ["die=1", "quit=1"])
def test_t3_a_dead_engine_is_replaced(tmp_path: Path, fault: str) -> None:
    """Exit in the middle, status 0 included, is a crash; the next request has a fresh engine."""
    with host(settings(tmp_path), {"qwen_vl_2b": (fault, f"once={tmp_path / 'once'}")}) as pool:
        with pytest.raises(EngineCrashed):
            ask(pool)
        assert ask(pool).model == "qwen_vl_2b"
        assert pool.swaps == 2


def test_t3_a_device_side_assert_is_named(tmp_path: Path) -> None:
    """The log of a poisoned engine becomes an error about the GPU, and the next page is answered by a fresh process."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("assert", f"once={tmp_path / 'once'}")}) as pool:
        with pytest.raises(CudaFailed, match="device-side assert"):
            ask(pool)
        assert ask(pool).text


def test_out_of_memory_is_named(tmp_path: Path) -> None:
    """An engine that dies of memory says so, whoever killed it."""
    pool = host(settings(tmp_path), {"qwen_vl_2b": ("oom",)})
    with pool, pytest.raises(NotEnoughMemory, match=r"20\.00 GiB"):
        ask(pool)


def test_an_engine_that_ended_while_idle_is_noticed(tmp_path: Path) -> None:
    """Somebody ends the server between two pages: the second page is still answered."""
    with host(settings(tmp_path), {"qwen_vl_2b": ()}) as pool:
        ask(pool)
        (pid,) = ours()
        os.kill(pid, signal.SIGKILL)
        while pool.running():
            time.sleep(0.01)
            pool.examine()
        assert ask(pool).text
        assert pool.swaps == 2


def test_a_port_that_is_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    """The first port turns out to be taken: another is tried, nobody notices."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("taken", f"once={tmp_path / 'once'}")}) as pool:
        assert ask(pool).text
    with host(settings(tmp_path), {"qwen_vl_2b": ("taken",)}) as pool, pytest.raises(PortTaken):
        ask(pool)


def test_a_model_that_keeps_failing_rests(tmp_path: Path) -> None:
    """After four failures in a row it is not tried again for a while, and the error says for how long."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("exit0",)}) as pool:
        for _ in range(4):
            with pytest.raises(EngineStartFailed):
                ask(pool)
        with pytest.raises(EngineResting, match="4 times"):
            ask(pool)


def test_waiters_share_one_failed_start(tmp_path: Path) -> None:
    """Eight wait for a model that cannot start: all learn it from one try."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("slow=0.6", "exit0")}) as pool:
        barrier = threading.Barrier(8)

        def one(_: int) -> str:
            barrier.wait()
            with pytest.raises(EngineStartFailed) as caught:
                ask(pool)
            return caught.value.code

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(one, range(8))) == {"engine_start_failed"}
        assert len([status for status in pool.status() if status.state is State.FAILED]) == 1


def test_an_idle_model_is_unloaded(tmp_path: Path) -> None:
    """After the idle time-out nothing of the model is left; a pinned one stays."""
    chosen = settings(tmp_path, idle_seconds=0.5, policy="budget", budget_gb=10, pinned=("qwen3_vl_2b",))
    with host(chosen, {"qwen_vl_2b": (), "qwen3_vl_2b": ()}) as pool:
        ask(pool)
        ask(pool, "qwen3_vl_2b")
        until = time.monotonic() + 6
        while pool.running() != {"qwen3_vl_2b"} and time.monotonic() < until:
            time.sleep(0.1)
        assert pool.running() == {"qwen3_vl_2b"}
        assert len(ours()) == 1


def test_sleep_keeps_the_process_and_wakes_it(tmp_path: Path) -> None:
    """Where the engine can sleep it is not ended for another model, and answers again without a start."""
    with host(settings(tmp_path), {"qwen_vl_2b": (), "qwen3_vl_2b": ()}, sleep=True) as pool:
        ask(pool)
        ask(pool, "qwen3_vl_2b")
        assert len(ours()) == 2
        states = {status.model: status.state for status in pool.status()}
        assert states == {"qwen_vl_2b": State.SLEEPING, "qwen3_vl_2b": State.READY}
        before = sorted(ours())
        assert ask(pool).served == "qwen_vl_2b"
        assert sorted(ours()) == before


def test_a_server_that_ignores_the_request_to_end_is_ended(tmp_path: Path) -> None:
    """After the grace period a deaf server is killed; its port is free again."""
    with host(settings(tmp_path), {"qwen_vl_2b": ("deaf",)}) as pool:
        ask(pool)
        line = (Path("/proc") / str(ours()[0]) / "cmdline").read_text().split("\0")
        port = int(next(part for part in line if part.startswith("--port=")).partition("=")[2])
        assert listening(port)
    assert not listening(port)


def test_two_parents_do_not_share_the_accelerator(tmp_path: Path) -> None:
    """A second owner of the same data folder is refused with the first one's process number, until that one ends."""
    chosen = settings(tmp_path)
    with host(chosen, {"qwen_vl_2b": ()}) as first:
        ask(first)
        with host(chosen, {"qwen_vl_2b": ()}) as second, pytest.raises(AcceleratorTaken, match=str(os.getpid())):
            ask(second)
        assert ask(first).text
    with host(chosen, {"qwen_vl_2b": ()}) as third:
        assert ask(third).text


CHILD = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.engines.rig import host, settings
from tests.engines.test_host import ask
pool = host(settings(Path({folder!r})), {{"qwen_vl_2b": ("deaf",)}})
ask(pool)
os.kill(os.getpid(), 9)
"""


def test_t38_orphans_of_a_killed_parent_are_ended_and_nobody_else(tmp_path: Path) -> None:
    """A parent is killed; the next one ends what it left, found by its mark, and leaves a stranger of the same name."""
    root = str(Path(__file__).parents[2])
    code = CHILD.format(root=root, folder=str(tmp_path))
    killed = subprocess.Popen([sys.executable, "-c", code])
    assert killed.wait(30) == -signal.SIGKILL
    orphans = [left.pid for left in Ownership(tmp_path / "data" / "engines")._marked() if left.owner.pid == killed.pid]
    assert len(orphans) == 1
    command = [sys.executable, str(PROGRAM), "--port=0", "--served-model-name=qwen_vl_2b"]
    environ = {**os.environ, MARK: f"{tmp_path / 'elsewhere'}:{killed.pid}:1"}
    with subprocess.Popen(command, env=environ, start_new_session=True) as stranger:
        try:
            with host(settings(tmp_path), {"qwen_vl_2b": ()}) as pool:
                assert ask(pool).text
                assert birth(orphans[0]) is None
                assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_mixed_batch_swaps_a_handful_of_times(tmp_path: Path) -> None:
    """Sixty pages over two models in random order, all waiting at once, are read with a few swaps."""
    import random

    order = random.Random(7).choices(["qwen_vl_2b", "qwen3_vl_2b"], k=60)
    with host(settings(tmp_path), {"qwen_vl_2b": (), "qwen3_vl_2b": ()}) as pool:
        with ThreadPoolExecutor(60) as threads:
            replies = list(threads.map(lambda key: ask(pool, key), order))
        assert [reply.model for reply in replies] == order
        assert pool.swaps <= 4


def test_t42_embedded_readers_never_touch_the_accelerator(tmp_path: Path) -> None:
    """Reading with the embedded engine neither locks nor stops anything."""
    with host(settings(tmp_path), {"qwen_vl_2b": ()}) as pool:
        ask(pool)
        with pool.ensure(find("tesseract")) as engine:
            assert engine.name == "embedded"
        assert pool.running() == {"qwen_vl_2b", "tesseract"}
        with Host(Settings(data=tmp_path / "data")) as other, other.ensure(find("tesseract")):
            pass


def test_t45_the_parent_never_loads_what_computes() -> None:
    """Owning engines, asking for memory and choosing models loads neither torch nor vLLM into this process."""
    code = (
        "import sys; from chatvlmllm.config import Settings; from chatvlmllm.engines import gpu, start;"
        "from chatvlmllm.engines.host import Host; from chatvlmllm.models import catalogue; gpu.memory();"
        "host = Host(Settings()); [host.engine_of(model) for model in catalogue().values()]; host.close();"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "transformers", "vllm", "docker"}.isdisjoint(loaded)


def test_t4_the_reply_says_where_it_was_computed(tmp_path: Path) -> None:
    """The device stands in every reply and status, so that a silent move to the CPU cannot go unseen."""
    with host(settings(tmp_path), {"qwen_vl_2b": ()}) as pool:
        assert ask(pool).device == "cpu"
        assert pool.status()[0].device == "cpu"


def test_t44_one_model_does_not_unload_another_needlessly(tmp_path: Path) -> None:
    """Ten pages of one model are one start, however often it is asked for."""
    with host(settings(tmp_path), {"qwen_vl_2b": ()}) as pool:
        for _ in range(10):
            ask(pool)
        assert pool.swaps == 1
