"""Where a network is put: every wish is met or refused, every choice has its reason."""

import pytest

from chatvlmllm.engines.placement import Machine, Wanted, choose
from chatvlmllm.errors import EngineStartFailed
from chatvlmllm.models.card import Checkpoint, Loaded, Placement, Worker


def _load(checkpoint: Checkpoint) -> Loaded:
    raise NotImplementedError


PLAIN = Worker(load=_load)
EAGER = Worker(load=_load, attention=("eager",), half=True, quantization=())
NOTHING = Machine()
TURING = Machine(capabilities=[(7, 5)], flash=True)
AMPERE = Machine(capabilities=[(8, 6)], bf16=True, flash=True, bitsandbytes=True)
BLACKWELL = Machine(capabilities=[(12, 0)], bf16=True)


def put(wanted: Wanted, machine: Machine, worker: Worker = PLAIN) -> Placement:
    return choose(wanted, machine, worker, "m")


@pytest.mark.parametrize(
    ("machine", "worker", "device", "dtype", "attention"),
    [
        (NOTHING, PLAIN, "cpu", "float32", "sdpa"),
        (AMPERE, PLAIN, "cuda:0", "bfloat16", "sdpa"),
        (BLACKWELL, PLAIN, "cuda:0", "bfloat16", "sdpa"),
        (TURING, PLAIN, "cuda:0", "float32", "sdpa"),
        (TURING, EAGER, "cuda:0", "float16", "eager"),
        (AMPERE, EAGER, "cuda:0", "bfloat16", "eager"),
    ],
)
def test_t01_the_defaults_cannot_overflow(
    machine: Machine, worker: Worker, device: str, dtype: str, attention: str
) -> None:
    """bfloat16 where the GPU has it, else float32; float16 only for models known to stay finite; each with a reason."""
    found = put(Wanted(), machine, worker)
    assert (found.device, found.dtype, found.attention, found.quantization) == (device, dtype, attention, None)
    assert set(found.reasons) == {"device", "dtype", "attention"}
    assert all(found.reasons.values())


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3"])
def test_t04_asked_for_a_gpu_the_cpu_is_no_answer(device: str) -> None:
    """A GPU that is not there is an error; nothing moves to the CPU by itself."""
    with pytest.raises(EngineStartFailed, match="not usable"):
        put(Wanted(device=device), NOTHING)


def test_t04_the_cpu_is_used_when_asked_for() -> None:
    """Asked for the CPU, the GPU stays untouched."""
    assert put(Wanted(device="cpu"), AMPERE).device == "cpu"


@pytest.mark.parametrize(
    ("wanted", "machine", "why"),
    [
        (Wanted(attention="flash_attention_2"), BLACKWELL, "not installed"),
        (Wanted(attention="flash_attention_2"), TURING, "8.0"),
        (Wanted(attention="flash_attention_2", device="cpu"), AMPERE, "8.0"),
        (Wanted(dtype="bfloat16"), TURING, "bfloat16"),
        (Wanted(quantization="int4"), BLACKWELL, "bitsandbytes"),
    ],
)
def test_t08_what_cannot_be_done_is_refused_by_name(wanted: Wanted, machine: Machine, why: str) -> None:
    """FlashAttention, bfloat16 and quantisation need what they need; nothing is replaced silently."""
    with pytest.raises(EngineStartFailed, match=why):
        put(wanted, machine)


def test_t08_flash_attention_is_used_only_on_request() -> None:
    """Installed and fit, it still is not the default; asked for, it is used."""
    assert put(Wanted(), AMPERE).attention == "sdpa"
    found = put(Wanted(attention="flash_attention_2"), AMPERE)
    assert (found.attention, found.reasons["attention"]) == ("flash_attention_2", "asked for")


def test_a_class_with_one_attention_refuses_another() -> None:
    """GOT's class knows eager only: sdpa is refused with the list of what it knows."""
    with pytest.raises(EngineStartFailed, match="not one of eager"):
        put(Wanted(attention="sdpa"), AMPERE, EAGER)
    with pytest.raises(EngineStartFailed, match="not one of none"):
        put(Wanted(quantization="int8"), AMPERE, EAGER)


def test_t16_quantisation_is_reported() -> None:
    """Asked for and possible, the quantisation is in the placement with its reason."""
    found = put(Wanted(quantization="int4"), AMPERE)
    assert (found.quantization, found.reasons["quantization"]) == ("int4", "asked for")


def test_t04_a_weight_elsewhere_is_found_after_loading() -> None:
    """A network of which one part is not where it was put is refused."""
    torch = pytest.importorskip("torch")
    from chatvlmllm.engines.generation import verify

    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2, device="meta"))
    loaded = Loaded(network=network, tokenizer=None, encode=lambda _: {}, stops=(0,), image_token=1)
    with pytest.raises(EngineStartFailed, match="weights meant for cpu are on meta"):
        verify(loaded, Placement("cpu", "float32", "sdpa"), "m")


def test_t07_memory_and_poison_are_told_apart() -> None:
    """Out of memory is not a broken GPU context, and neither is any other error."""
    torch = pytest.importorskip("torch")
    from chatvlmllm.engines.generation import out_of_memory, poisoned

    full, broken = torch.OutOfMemoryError("full"), RuntimeError("CUDA error: device-side assert triggered")
    assert (out_of_memory(full), poisoned(full)) == (True, False)
    assert (out_of_memory(broken), poisoned(broken)) == (False, True)
    assert not poisoned(ValueError("Image features and image tokens do not match"))
