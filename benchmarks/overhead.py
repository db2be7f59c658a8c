"""What the pool, or the whole server, adds to a raw chat completion, and what it keeps of the throughput.

    python benchmarks/overhead.py [ROUNDS] [--server]

Needs `scripts/setup-real`. A tiny checkpoint answers; raw requests and requests through the pool alternate, so that
whatever else the machine does hits both alike. Then the same with 16 at once.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from tests.real.conftest import ROOT, make_checkpoints
from tests.tiny.training import SIZE, page

from chatvlmllm.config import Gpu, ModelSettings, Settings, Vllm
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.openai import OpenAI
from chatvlmllm.exchange import Limits, Reply, Request, Task
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models import find
from chatvlmllm.server.presence import running

TOGETHER = 16


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def asked(tokens: int = 32) -> Request:
    model = find("qwen_vl_2b")
    size = Size(*SIZE)
    prompt = model.recipes[Task.TEXT].prompt
    limits = Limits(tokens)
    return Request(
        model=model.key, task=Task.TEXT, page=size, region=whole(size), image=page("bill"), prompt=prompt, limits=limits
    )


def measure(pool: Host, rounds: int, over_http: bool) -> tuple[float, float]:
    """Milliseconds that the pool (or the whole server) adds at the median, and the share of throughput it keeps."""
    model, request = find("qwen_vl_2b"), asked()
    with pool.ensure(model) as engine:
        client = engine.client  # type: ignore[attr-defined]
    with ExitStack() as stack:
        plain = _raw(client, request, stack)
        added = _served(client, request, stack) if over_http else _pooled(pool, request)
        for act in (plain, added, plain, added):
            act()
        return _latency(plain, added, rounds), _throughput(plain, added, rounds)


def _client(url: str, key: str, stack: ExitStack) -> httpx.Client:
    limits = httpx.Limits(max_keepalive_connections=TOGETHER)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False, limits=limits))


def _streamed(client: httpx.Client, body: dict[str, object]) -> None:
    with client.stream("POST", "chat/completions", json=body) as response:
        assert [line for line in response.iter_lines() if line][-1] == "data: [DONE]"


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


def _served(client: OpenAI, request: Request, stack: ExitStack) -> Callable[[], None]:
    """Through `chatvlmllm serve`, a process of its own in front of the same vLLM."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    models = {request.model: client.endpoint.served}
    own = {"url": client.endpoint.url, "models": models, "key_variable": "UPSTREAM_KEY", "requests": TOGETHER}
    config = folder / "config.yaml"
    config.write_text(json.dumps({"data": str(folder), "servers": [own], "server": {"port": 0}}))
    environ = {**os.environ, "CHATVLMLLM_CONFIG": str(config), "UPSTREAM_KEY": client.endpoint.key}
    command = [sys.executable, "-m", "chatvlmllm", "serve"]
    process = stack.enter_context(subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL))
    stack.callback(process.terminate)
    while (found := running(folder)) is None:
        time.sleep(0.1)
    ours = _client(found.url + "/v1/", "", stack)
    body = {"model": request.model, "max_tokens": request.limits.tokens, "stream": True}
    return lambda: _streamed(ours, body | {"messages": client.body(request)["messages"]})


def _latency(plain: Callable[[], None], pooled: Callable[[], None], rounds: int) -> float:
    pairs = [_pair(plain, pooled, _seconds, number) for number in range(rounds)]
    one, other = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    say(f"one at a time, {rounds} each, median: raw {one:.1f}, through us {other:.1f}; {other - one:+.1f} ms")
    return other - one


def _throughput(plain: Callable[[], None], pooled: Callable[[], None], rounds: int) -> float:
    """The median over short pairs: a neighbour who wakes up spoils a pair, not the figure."""
    together = 2 * TOGETHER
    spent = {plain: 0.0, pooled: 0.0}

    def seconds(act: Callable[[], None]) -> float:
        worked = time.process_time()
        begun = time.perf_counter()
        list(threads.map(lambda _: act(), range(together)))
        spent[act] += time.process_time() - worked
        return time.perf_counter() - begun

    with ThreadPoolExecutor(TOGETHER) as threads:
        pairs = [_pair(plain, pooled, seconds, number) for number in range(rounds)]
    one, other = (together / statistics.median(times) for times in zip(*pairs, strict=True))
    share = statistics.median(raw / pool for raw, pool in pairs)
    low, high = _interval([raw / pool for raw, pool in pairs])
    requests = rounds * together
    say(f"{TOGETHER} at once, {requests} each: raw {one:.1f}/s, through us {other:.1f}/s")
    say(f"kept, median of {rounds} pairs: {100 * share:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})")
    work = ", ".join(
        f"{name} {1000 * spent[act] / requests:.2f} ms" for name, act in (("raw", plain), ("through us", pooled))
    )
    say(f"work of this process per request: {work}")
    return share


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
        checkpoints = make_checkpoints(python, Path(folder))
        settings = Settings(
            data=Path(folder) / "data",
            gpu=Gpu(start_seconds=600),
            vllm=Vllm(mode="process", python=python, cache_gb=1, requests=TOGETHER),
            models={"qwen_vl_2b": ModelSettings(engine="vllm", weights=checkpoints / "qwen_vl_2b")},
        )
        with Host(settings) as pool:
            added, kept = measure(pool, rounds, over_http)
    most = 8 if over_http else 5
    say(f"wanted: at most +{most} ms and at least 95 %: {'yes' if added <= most and kept >= 0.95 else 'no'}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(numbers[0] if numbers else 40, "--server" in sys.argv)
