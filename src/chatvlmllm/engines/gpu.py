"""What the GPU has and what runs on it, read through NVML; or an honest unknown.

Never touches CUDA: a CUDA context in this process would cost half a gigabyte of the memory that models need.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU; memory in bytes, `busy` in per cent where the driver says."""

    index: int
    name: str
    total: int
    free: int
    used: int
    busy: int | None = None
    capability: tuple[int, int] | None = None
    driver: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of the device that models run on, in bytes; `device` is `cuda:0` or `cpu`."""

    device: str
    total: int | None
    free: int | None


def gpus() -> tuple[Gpu, ...]:
    """Every GPU that NVML can see; empty without a driver or without nvidia-ml-py."""
    nvml = _nvml()
    if nvml is None:
        return ()
    try:
        driver = str(nvml.nvmlSystemGetDriverVersion())
        return tuple(_gpu(nvml, index, driver) for index in range(nvml.nvmlDeviceGetCount()))
    except nvml.NVMLError:
        return ()


def available() -> bool | None:
    """Whether NVML answers; None when there is nothing to ask it with."""
    if _nvml() is not None:
        return True
    return False if find_spec("pynvml") else None


def _gpu(library: Any, index: int, driver: str) -> Gpu:
    handle = library.nvmlDeviceGetHandleByIndex(index)
    memory = library.nvmlDeviceGetMemoryInfo(handle)
    try:
        busy = int(library.nvmlDeviceGetUtilizationRates(handle).gpu)
    except library.NVMLError:
        busy = None
    try:
        capability = tuple(library.nvmlDeviceGetCudaComputeCapability(handle))
    except library.NVMLError:
        capability = None
    name = str(library.nvmlDeviceGetName(handle))
    return Gpu(index, name, memory.total, memory.free, memory.used, busy, capability, driver)


@cache
def _nvml() -> Any:
    """NVML, initialised once; None where it cannot be had."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def memory() -> Memory:
    """Memory of the first GPU, or of the machine where there is none."""
    found = gpus()
    if found:
        return Memory("cuda:0", found[0].total, found[0].free)
    total, free = _machine()
    return Memory("cpu", total, free)


def _machine() -> tuple[int | None, int | None]:
    """Total and available main memory as the kernel counts them; unknown outside Linux."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None, None
    values = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return values.get("MemTotal"), values.get("MemAvailable")
