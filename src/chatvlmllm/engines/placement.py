"""Where and how a network is put: a pure choice from what was wanted, what the machine has and what the card allows.

Every choice comes with its reason. What was asked for explicitly is done or refused, never replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.errors import EngineStartFailed
from chatvlmllm.models.card import Placement, Worker

AUTO = "auto"

#: Compute capability of the first generation (Ampere) that FlashAttention's kernels run on.
_AMPERE = (8, 0)

_FLASH = "flash_attention_2"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; `auto` leaves a choice to this module. Quantisation is never chosen by itself."""

    device: str = AUTO
    dtype: str = AUTO
    attention: str = AUTO
    quantization: str | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What a worker found: compute capabilities of its GPUs, and which optional libraries can be imported."""

    capabilities: Sequence[tuple[int, int]] = ()
    bf16: bool = False
    flash: bool = False
    bitsandbytes: bool = False


def choose(wanted: Wanted, machine: Machine, worker: Worker, model: str) -> Placement:
    """The placement, with a reason per choice; raises EngineStartFailed when a wish cannot be met."""
    device, why_device = _device(wanted.device, machine, model)
    dtype, why_dtype = _dtype(wanted.dtype, device, machine, worker, model)
    attention, why_attention = _attention(wanted.attention, device, machine, worker, model)
    reasons = {"device": why_device, "dtype": why_dtype, "attention": why_attention}
    if wanted.quantization is not None:
        _check_quantization(wanted.quantization, machine, worker, model)
        reasons["quantization"] = "asked for"
    return Placement(device, dtype, attention, wanted.quantization, reasons)


def _device(wanted: str, machine: Machine, model: str) -> tuple[str, str]:
    if wanted == AUTO:
        return ("cuda:0", "a GPU is there") if machine.capabilities else ("cpu", "no usable GPU was found")
    if wanted == "cpu":
        return "cpu", "asked for"
    number = int(wanted.partition(":")[2] or 0) if wanted.partition(":")[0] == "cuda" else -1
    if not 0 <= number < len(machine.capabilities):
        found = f"{len(machine.capabilities)} GPU(s) found"
        raise EngineStartFailed(model=model, reason=f"device {wanted} is not usable: {found}")
    return f"cuda:{number}", "asked for"


def _dtype(wanted: str, device: str, machine: Machine, worker: Worker, model: str) -> tuple[str, str]:
    if wanted != AUTO:
        if wanted == "bfloat16" and device != "cpu" and not machine.bf16:
            raise EngineStartFailed(model=model, reason="this GPU cannot compute in bfloat16")
        return wanted, "asked for"
    if device == "cpu":
        return "float32", "the CPU computes fastest and safest in single precision"
    if machine.bf16:
        return "bfloat16", "the GPU supports it, and unlike float16 it cannot overflow"
    if worker.half:
        return "float16", "the GPU has no bfloat16, and this model is known to stay finite in float16"
    return "float32", "the GPU has no bfloat16, and float16 overflows in this model"


def _attention(wanted: str, device: str, machine: Machine, worker: Worker, model: str) -> tuple[str, str]:
    if wanted == AUTO:
        only = "the model's class supports nothing else" if len(worker.attention) == 1 else "default of this model"
        return worker.attention[0], only
    if wanted not in worker.attention:
        known = ", ".join(worker.attention)
        raise EngineStartFailed(model=model, reason=f"attention {wanted} is not one of {known}")
    if wanted == _FLASH:
        _check_flash(device, machine, model)
    return wanted, "asked for"


def _check_flash(device: str, machine: Machine, model: str) -> None:
    if not machine.flash:
        raise EngineStartFailed(model=model, reason="flash-attn is not installed")
    if device == "cpu" or machine.capabilities[int(device.partition(":")[2])] < _AMPERE:
        raise EngineStartFailed(model=model, reason="FlashAttention needs an NVIDIA GPU of compute capability 8.0")


def _check_quantization(wanted: str, machine: Machine, worker: Worker, model: str) -> None:
    if wanted not in worker.quantization:
        known = ", ".join(worker.quantization) or "none"
        raise EngineStartFailed(model=model, reason=f"quantization {wanted} is not one of {known}")
    if not machine.bitsandbytes:
        raise EngineStartFailed(model=model, reason="bitsandbytes is not installed (pip install bitsandbytes)")
