"""On a real GPU: precision, placement, and what a broken context does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm import models
from chatvlmllm.engines.placement import Wanted
from chatvlmllm.engines.worker import Launch, WorkerEngine
from chatvlmllm.exchange import Reply, Task
from tests.models.conftest import question
from tests.tiny.checkpoints import FAMILIES

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Tiny checkpoints; skips where there is no GPU."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    root = tmp_path_factory.mktemp("checkpoints")
    return lambda key: FAMILIES[key](root / key)


@pytest.mark.parametrize("key", FAMILIES)
def test_every_family_reads_on_the_gpu_in_bfloat16(checkpoints: Callable[[str], Path], key: str) -> None:
    """By default the network is on the GPU in bfloat16, and the reply says so."""
    worker = WorkerEngine(models.find(key), Launch(folder=checkpoints(key)))
    try:
        reply = list(worker.stream(question(key, Task.TEXT)))[-1]
        assert isinstance(reply, Reply)
        assert (reply.device, reply.dtype) == ("cuda:0", "bfloat16")
    finally:
        worker.close()


@pytest.mark.parametrize("attention", ["eager", "sdpa", "flash_attention_2"])
def test_every_attention_gives_the_same_text(checkpoints: Callable[[str], Path], attention: str) -> None:
    """Eager, SDPA and, where installed, FlashAttention agree on a greedy reply."""
    if attention == "flash_attention_2":
        pytest.importorskip("flash_attn")
    folder = checkpoints("qwen_vl_2b")
    texts = []
    for wanted in (Wanted(attention="sdpa"), Wanted(attention=attention)):
        worker = WorkerEngine(models.find("qwen_vl_2b"), Launch(folder=folder, wanted=wanted))
        try:
            reply = list(worker.stream(question("qwen_vl_2b", Task.TEXT, tokens=8)))[-1]
            assert isinstance(reply, Reply)
            assert reply.attention == wanted.attention
            texts.append(reply.text)
        finally:
            worker.close()
    assert texts[0] == texts[1]


def test_t03_a_broken_context_is_recognised(checkpoints: Callable[[str], Path]) -> None:
    """A real device-side assert is told from other errors, and poisons every later call of its process only."""
    code = (
        "import torch\n"
        "from chatvlmllm.engines.generation import poisoned\n"
        "def fails(do):\n"
        "    try:\n"
        "        do(); torch.cuda.synchronize()\n"
        "    except RuntimeError as error:\n"
        "        return poisoned(error)\n"
        "x = torch.zeros(4, device='cuda')\n"
        "print(fails(lambda: x[torch.tensor([99], device='cuda')]), fails(lambda: torch.zeros(4, device='cuda') + 1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True"], done.stderr
    import torch

    assert float((torch.zeros(4, device="cuda") + 1).sum()) == 4
