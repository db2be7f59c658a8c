"""Is the server there, can it read, and what is it made of: `/healthz`, `/readyz`, `/metrics`, `/v1/system`."""

import platform
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chatvlmllm import findings, routing
from chatvlmllm.engines import gpu
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.state import RESIDENT
from chatvlmllm.errors import EmptyReply
from chatvlmllm.exchange import Reply, Task
from chatvlmllm.exchange import Request as Exchange
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models import find
from chatvlmllm.server.edge import PROBLEMS, finished
from chatvlmllm.server.metrics import Looked
from chatvlmllm.server.shared import SharedBy
from chatvlmllm.store import queue

router = APIRouter(tags=["system"], responses=PROBLEMS)

#: For how long a proof that the embedded reader reads is good, in seconds.
_PROVEN = 60.0
_WORD = "2468"

_LIBRARIES = ("chatvlmllm", "fastapi", "onnxruntime", "pillow", "pypdfium2", "tesserocr", "torch", "transformers")


class Alive(BaseModel):
    status: str = "ok"


@router.get("/health", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Alive:
    """The process answers; says nothing about models."""
    return Alive()


@router.get("/readyz")
async def readyz(request: Request, shared: SharedBy) -> Alive:
    """The store answers and the embedded reader has read a picture within the last minute; else an error says why."""
    await run_in_threadpool(queue.lengths, shared.runner.own.database)
    proven: dict[str, float] = request.app.state.__dict__.setdefault("proven", {})
    if time.monotonic() - proven.get("reader", -_PROVEN) > _PROVEN:
        await finished(request, lambda: prove(shared.host), threading.Event())
        proven["reader"] = time.monotonic()
    return Alive()


def prove(host: Host) -> str:
    """Let the first embedded reader read a number; raises whatever keeps it from doing so."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (320, 120), "white")
    ImageDraw.Draw(image).text((60, 30), _WORD, fill="black", font=ImageFont.load_default(56))
    model = find(routing.table(host.settings.data).embedded[0])
    size = Size(*image.size)
    asked = Exchange(model=model.key, task=Task.TEXT, page=size, region=whole(size), image=image)
    with host.ensure(model) as engine:
        *_, reply = engine.stream(asked)
    assert isinstance(reply, Reply)
    if _WORD not in reply.text:
        raise EmptyReply(model=model.key)
    return reply.text


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(shared: SharedBy) -> Response:
    """Counters and gauges for Prometheus."""
    return Response(shared.metrics.text(), media_type="text/plain; version=0.0.4")


def gauges(host: Host) -> list[Looked]:
    """What is looked up at every scrape."""

    def states() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((one.model, one.engine, one.state), 1.0) for one in host.status()]

    def leases() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((one.model,), float(one.leases)) for one in host.status()]

    def memory(field: str) -> Callable[[], Iterable[tuple[tuple[str, ...], float]]]:
        return lambda: [((str(one.index),), float(getattr(one, field))) for one in gpu.gpus()]

    return [
        ("chatvlmllm_engine_state", "1 for the state that an engine is in", ("model", "engine", "state"), states),
        ("chatvlmllm_engine_leases", "Requests that an engine answers now", ("model",), leases),
        ("chatvlmllm_swaps_total", "Models brought onto the accelerator", (), lambda: [((), float(host.swaps))]),
        ("chatvlmllm_gpu_used_bytes", "GPU memory in use, as the driver counts it", ("gpu",), memory("used")),
        ("chatvlmllm_gpu_total_bytes", "GPU memory", ("gpu",), memory("total")),
    ]


class Machine(BaseModel):
    """GPUs as the driver sees them, memory of the device that models run on, versions, loaded models."""

    version: str
    python: str
    platform: str
    gpus: list[dict[str, Any]]
    memory: dict[str, Any]
    libraries: dict[str, str]
    loaded: list[str]
    settings: dict[str, Any]


@router.get("/v1/system")
def system(shared: SharedBy) -> Machine:
    """What this server runs on."""
    settings = shared.settings
    return Machine(
        version=version("chatvlmllm"),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        gpus=[asdict(one) for one in gpu.gpus()],
        memory=asdict(gpu.memory()),
        libraries=dict(_versions()),
        loaded=[one.model for one in shared.host.status() if one.state in RESIDENT],
        settings={
            "model": settings.model,
            "languages": settings.languages,
            "offline": settings.offline,
            "limits": settings.limits.model_dump(),
            "queue": settings.server.queue,
            "body_mb": settings.server.body_mb,
        },
    )


class FindingOut(BaseModel):
    """A probe: what was found (null: nothing), whether reading needs it, and the command that mends it."""

    name: str
    found: str | None
    needed: bool
    mend: str


class FindingsOut(BaseModel):
    """What `chatvlmllm doctor` says of the server's machine, and whether documents can be read on it."""

    object: str = "list"
    data: list[FindingOut]
    readable: bool


@router.get("/v1/system/findings")
def examined(shared: SharedBy) -> FindingsOut:
    """Probe the machine; nothing is changed."""
    found = list(findings.examine(shared.settings))
    return FindingsOut(data=[FindingOut(**asdict(one)) for one in found], readable=findings.readable(found))


def _versions() -> Iterable[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
