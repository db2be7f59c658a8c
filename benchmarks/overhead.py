"""What the pool, or the whole server, adds to a raw chat completion, and what it keeps of the throughput.

    python benchmarks/overhead.py [ROUNDS] [--server]

Needs `scripts/setup-real`. A tiny checkpoint answers; raw requests and requests through the pool alternate, so that
whatever else the machine does hits both alike. Then the same with 16 at once. All of it for an answer of 32 tokens,
where the cost of a request shows most, and for one of 256, nearer to a page. The processor time per request tells whose
work it is: client, server and vLLM share this machine's cores.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
import psutil
from tests.real.conftest import ROOT
from tests.tiny import training

from chatvlmllm.config import Gpu, ModelSettings, Settings, Vllm
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.openai import OpenAI
from chatvlmllm.exchange import Limits, Reply, Request, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models import find
from chatvlmllm.server.presence import running

TOGETHER = 16
#: Tokens per answer, and into how many times fewer rounds their length allows.
ANSWERS = {32: 1, 256: 4}
#: What is written on the page: longer than the longest answer.
TEXT = "\n".join(f"{n}. Pos. {n * 37 % 101} kg {n * 53 % 97},{n * 29 % 89:02} rub" for n in range(1, 13))
training.PAGES["bill"] = TEXT
TEACH = """
import sys
from pathlib import Path
from chatvlmllm.exchange import Task
from chatvlmllm.models import find
from tests.tiny import checkpoints, training
folder = Path(sys.argv[1])
training.PAGES["bill"] = sys.argv[2]
checkpoints.qwen2_vl(folder)
loss = training.overfit(folder, find("qwen_vl_2b").recipes[Task.TEXT].prompt, steps=200)
assert loss < 0.1, loss
"""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def taught(python: Path, folder: Path) -> Path:
    """A checkpoint that says `TEXT` to the page, made by the libraries that will serve it."""
    # With more threads than free cores they wait for each other, and seconds become minutes.
    more = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([python, "-c", TEACH, folder, TEXT], env=os.environ | more, check=True, capture_output=True)
    return folder


def asked(tokens: int) -> Request:
    model = find("qwen_vl_2b")
    size = Size(*training.SIZE)
    return Request(
        model=model.key,
        task=Task.TEXT,
        page=size,
        region=whole(size),
        image=training.page("bill"),
        prompt=model.recipes[Task.TEXT].prompt,
        limits=Limits(tokens),
    )


def measure(pool: Host, rounds: int, over_http: bool) -> bool:
    """Whether the pool (or the whole server) adds few enough milliseconds at the median and keeps the throughput."""
    with pool.ensure(find("qwen_vl_2b")) as engine:
        client = engine.client  # type: ignore[attr-defined]
    held = True
    with ExitStack() as stack:
        served = Served(client, stack) if over_http else None
        for tokens, fewer in ANSWERS.items():
            request = asked(tokens)
            *_, reply = client.stream(request)
            assert isinstance(reply, Reply)
            assert reply.usage.completion_tokens == tokens, "the page is too short"
            plain = _raw(client, request, stack)
            added = served.asked(client, request) if served else _pooled(pool, request)
            for act in (plain, added, plain, added):
                act()
            say(f"\nanswers of {tokens} tokens")
            most = 8 if over_http else 5
            more = _latency(plain, added, rounds // fewer)
            kept = _throughput(plain, added, rounds // fewer, served.process if served else None)
            fits = more <= most and kept >= 0.95
            say(f"wanted: at most +{most} ms and at least 95 %: {'yes' if fits else 'no'}")
            held = held and fits
    return held


def _client(url: str, key: str, stack: ExitStack) -> httpx.Client:
    # Shorter than vLLM waits: a connection that it closes at the moment of a request would be an error of nobody.
    limits = httpx.Limits(max_keepalive_connections=TOGETHER, keepalive_expiry=2)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False, limits=limits))


def _streamed(client: httpx.Client, body: dict[str, object]) -> None:
    with client.stream("POST", "chat/completions", json=body) as response:
        last = [line for line in response.iter_lines() if line][-1]
    assert last == "data: [DONE]", last


def _raw(client: OpenAI, request: Request, stack: ExitStack) -> Callable[[], None]:
    raw, body = _client(client.endpoint.url + "/", client.endpoint.key, stack), client.body(request)
    # The picture is encoded anew, as any client would have to.
    return lambda: _streamed(raw, body | {"messages": client.body(request)["messages"]})


def _pooled(pool: Host, request: Request) -> Callable[[], None]:
    def act() -> None:
        with pool.ensure(find(request.model)) as engine:
            *_, reply = engine.stream(request)
        assert isinstance(reply, Reply)

    return act


class Served:
    """`chatvlmllm serve`, a process of its own in front of the same vLLM."""

    def __init__(self, client: OpenAI, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        models = {"qwen_vl_2b": client.endpoint.served}
        own = {"url": client.endpoint.url, "models": models, "key_variable": "UPSTREAM_KEY", "requests": TOGETHER}
        config = folder / "config.yaml"
        config.write_text(json.dumps({"data": str(folder), "servers": [own], "server": {"port": 0}}))
        environ = {**os.environ, "CHATVLMLLM_CONFIG": str(config), "UPSTREAM_KEY": client.endpoint.key}
        command = [sys.executable, "-m", "chatvlmllm", "serve"]
        self.process = stack.enter_context(subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL))
        stack.callback(self.process.terminate)
        while (found := running(folder)) is None:
            time.sleep(0.1)
        self._client = _client(found.url + "/v1/", "", stack)

    def asked(self, client: OpenAI, request: Request) -> Callable[[], None]:
        """Asks this server what `client` asks vLLM."""
        body = {"model": request.model, "max_tokens": request.limits.tokens, "stream": True}
        return lambda: _streamed(self._client, body | {"messages": client.body(request)["messages"]})


def _latency(plain: Callable[[], None], pooled: Callable[[], None], rounds: int) -> float:
    pairs = [_pair(plain, pooled, _seconds, number) for number in range(rounds)]
    one, other = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    say(f"one at a time, {rounds} each, median: raw {one:.1f}, through us {other:.1f}; {other - one:+.1f} ms")
    return other - one


def _throughput(
    plain: Callable[[], None], pooled: Callable[[], None], rounds: int, server: "subprocess.Popen[bytes] | None"
) -> float:
    """The median over short pairs: a neighbour who wakes up spoils a pair, not the figure."""
    together = 2 * TOGETHER
    spent = {plain: Counter[str](), pooled: Counter[str]()}

    def seconds(act: Callable[[], None]) -> float:
        before = _worked(server)
        begun = time.perf_counter()
        list(threads.map(lambda _: act(), range(together)))
        took = time.perf_counter() - begun
        spent[act] += _worked(server) - before
        return took

    with ThreadPoolExecutor(TOGETHER) as threads:
        pairs = [_pair(plain, pooled, seconds, number) for number in range(rounds)]
    one, other = (together / statistics.median(times) for times in zip(*pairs, strict=True))
    share = statistics.median(raw / pool for raw, pool in pairs)
    low, high = _interval([raw / pool for raw, pool in pairs])
    requests = rounds * together
    say(f"{TOGETHER} at once, {requests} each: raw {one:.1f}/s, through us {other:.1f}/s")
    say(f"kept, median of {rounds} pairs: {100 * share:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})")
    for name, act in (("raw", plain), ("through us", pooled)):
        work = ", ".join(f"{who} {1000 * seconds / requests:.2f}" for who, seconds in spent[act].items())
        say(f"processor time per request, {name}, ms: {work}")
    return share


def _worked(server: "subprocess.Popen[bytes] | None") -> Counter[str]:
    """Seconds of processor time so far: of this process, of our server, and of vLLM, which is every other child."""
    found = Counter({"client": time.process_time()})
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            who = "server" if server is not None and child.pid == server.pid else "vLLM"
            found[who] += sum(child.cpu_times()[:2])
    return found


def _seconds(act: Callable[[], None]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _pair(
    plain: Callable[[], None],
    pooled: Callable[[], None],
    measured: Callable[[Callable[[], None]], float],
    number: int,
) -> tuple[float, float]:
    """Both, one right after the other; who goes first alternates."""
    if number % 2:
        return measured(plain), measured(pooled)
    other = measured(pooled)
    return measured(plain), other


def _interval(values: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the median."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(2000))
    return medians[50], medians[-50]


def main(rounds: int, over_http: bool) -> None:
    python = Path(
        subprocess.run([ROOT / "scripts" / "setup-real"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    )
    with tempfile.TemporaryDirectory() as folder:
        weights = taught(python, Path(folder) / "qwen_vl_2b")
        settings = Settings(
            data=Path(folder) / "data",
            gpu=Gpu(start_seconds=600),
            vllm=Vllm(mode="process", python=python, cache_gb=1, requests=TOGETHER),
            models={"qwen_vl_2b": ModelSettings(engine="vllm", weights=weights)},
        )
        with Host(settings) as pool:
            held = measure(pool, rounds, over_http)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(numbers[0] if numbers else 40, "--server" in sys.argv)
