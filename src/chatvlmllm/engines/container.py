"""A vLLM server in a container of ours, through the Docker API that Docker and Podman both speak.

A container is found by its labels, never by a name; it is never restarted by the engine, listens on the loopback only,
and sees the model's files read-only. Does not cover what the server says (`vllm`).
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from chatvlmllm.engines import vllm
from chatvlmllm.engines.ownership import MARK, alive
from chatvlmllm.errors import (
    ChatVLMLLMError,
    EngineStartFailed,
    ImageMissing,
    NoContainerEngine,
    NotEnoughDisk,
    PortTaken,
)
from chatvlmllm.models.card import Model

#: Labels of our containers: the owner's mark and the model.
OWNER, MODEL = "chatvlmllm.owner", "chatvlmllm.model"

#: Where a container sees the checkpoint.
_FOLDER = "/model"
#: Lines of output that are kept.
_LINES = 400
_PORT = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a container is made of: image with tag, address of the container engine, program, read-only mounts.

    `network` is `bridge`, where a loopback port is published, or `host`. `gpu` passes every NVIDIA GPU in.
    """

    image: str
    socket: str = ""
    program: tuple[str, ...] = ("python3", "-m", "vllm.entrypoints.openai.api_server")
    mounts: Mapping[str, str] = field(default_factory=dict)
    scratch: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    network: str = "bridge"
    gpu: bool = True
    offline: bool = False


def found(socket: str = "", environ: Mapping[str, str] = os.environ) -> str | None:
    """The address of a container engine: the given one, `DOCKER_HOST`, or a socket where one usually is."""
    if find_spec("docker") is None:
        return None
    named = socket or environ.get("DOCKER_HOST", "")
    if named:
        return named
    run = environ.get("XDG_RUNTIME_DIR", "/run")
    usual = ("/var/run/docker.sock", f"{run}/podman/podman.sock", "/run/podman/podman.sock")
    return next((f"unix://{path}" for path in usual if Path(path).exists()), None)


def connect(socket: str) -> Any:
    """A client of the container engine; raises NoContainerEngine."""
    import docker
    import docker.errors

    try:
        client = docker.DockerClient(base_url=found(socket), timeout=60)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise NoContainerEngine(reason=str(error)[:300]) from error
    return client


def start(
    model: Model,
    launch: vllm.Launch,
    box: Box,
    unwanted: Callable[[], bool],
    seen: Callable[[vllm.Hull], None],
    pulled: Callable[[str], None],
) -> vllm.VllmEngine:
    """A ready server in a container of its own."""
    client = connect(box.socket)
    _provide(client, box, model.key, pulled)

    def hull(port: int, key: str) -> Container:
        return Container(client, model, launch, box, (port, key))

    return vllm.start_in(hull, model, launch, unwanted, seen)


def _provide(client: Any, box: Box, model: str, pulled: Callable[[str], None]) -> None:
    """See that the image is here, fetching it if that is allowed; raises ImageMissing or NotEnoughDisk."""
    import docker.errors

    try:
        client.images.get(box.image)
    except docker.errors.ImageNotFound as missing:
        if box.offline:
            raise ImageMissing(image=box.image, model=model, reason="network access is forbidden") from missing
        with _named(model, box):
            layers: dict[str, tuple[int, int]] = {}
            for event in client.api.pull(box.image, stream=True, decode=True):
                if event.get("error"):
                    raise ImageMissing(image=box.image, model=model, reason=event["error"]) from missing
                detail = event.get("progressDetail") or {}
                if detail.get("total"):
                    layers[event["id"]] = (detail.get("current", 0), detail["total"])
                done, total = (sum(values) for values in zip((0, 0), *layers.values(), strict=True))
                pulled(f"{done / 1e9:.1f} / {total / 1e9:.1f} GB")
        if not client.images.list(name=box.image):
            raise ImageMissing(image=box.image, model=model, reason="the registry did not give it") from missing


@contextlib.contextmanager
def _named(model: str, box: Box, port: int = 0) -> Iterator[None]:
    """What the SDK raises, as errors of ours."""
    import docker.errors
    import requests

    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ImageMissing(image=box.image, model=model, reason=error.explanation or error) from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise _meaning(model, str(getattr(error, "explanation", None) or error), port) from error


def _meaning(model: str, said: str, port: int) -> ChatVLMLLMError:
    if "address already in use" in said or "port is already allocated" in said:
        return PortTaken(model=model, port=port)
    if "no space left" in said.lower():
        return NotEnoughDisk(target=model, needed="?", folder=said[:200], free=0)
    return EngineStartFailed(model=model, reason=said[:300])


class Container:
    """One running container; the hull of a server."""

    def __init__(self, client: Any, model: Model, launch: vllm.Launch, box: Box, door: tuple[int, str]) -> None:
        port, key = door
        host, inner = ("127.0.0.1", port) if box.network == "host" else ("0.0.0.0", _PORT)  # noqa: S104 see `ports`
        command = [*box.program, *vllm.arguments(model, launch, _FOLDER, host, inner)]
        volumes = {str(launch.folder): {"bind": _FOLDER, "mode": "ro"}}
        volumes |= {source: {"bind": target, "mode": "ro"} for source, target in box.mounts.items()}
        volumes |= {source: {"bind": target, "mode": "rw"} for source, target in box.scratch.items()}
        self.address = found(box.socket) or ""
        self._last: tuple[str, ...] = ()
        self._ended: int | None = None
        with _named(model.key, box, port):
            self._container = client.containers.create(
                box.image,
                entrypoint=command[:1],
                command=command[1:],
                # Labels mark a container; a mark in its environment would have its insides ended as a process.
                environment=vllm.variables(replace(launch, marks={}), key) | dict(box.environ),
                labels={OWNER: launch.marks.get(MARK, ""), MODEL: model.key},
                volumes=volumes,
                network_mode=box.network,
                # The world inside the container ends at a published port of the loopback.
                ports={} if box.network == "host" else {f"{_PORT}/tcp": ("127.0.0.1", port)},
                ipc_mode="host",
                restart_policy={"Name": "no"},
                device_requests=_gpus() if box.gpu and launch.device != "cpu" else None,
            )
            try:
                self._container.start()
            except BaseException:
                self._container.remove(force=True)
                raise

    @property
    def id(self) -> str:
        return str(self._container.id)

    @property
    def status(self) -> int | None:
        """The exit status, or None while it runs; a container that vanished ended without one."""
        if self._ended is not None:
            return self._ended
        import docker.errors
        import requests

        try:
            self._container.reload()
        except docker.errors.NotFound:
            return self._end(-1)
        except (docker.errors.DockerException, requests.RequestException):
            return self._end(-1)
        state = self._container.attrs["State"]
        return None if state.get("Running") else self._end(int(state.get("ExitCode", -1)))

    def _end(self, status: int) -> int:
        self._last = self.log
        self._ended = status
        return status

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines of output."""
        if self._ended is not None:
            return self._last
        import docker.errors
        import requests

        try:
            text = self._container.logs(tail=_LINES, stdout=True, stderr=True)
        except (docker.errors.DockerException, requests.RequestException):
            return self._last
        self._last = tuple(text.decode(errors="replace").splitlines())
        return self._last

    def settled(self, seconds: float = 3.0) -> int | None:
        """The exit status of a container that is about to end."""
        until = time.monotonic() + seconds
        while self.status is None and time.monotonic() < until:
            time.sleep(0.1)
        return self.status

    def stop(self, grace: float) -> None:
        """Ask the server to end, then end it, then remove the container."""
        self._quietly(lambda: self._container.stop(timeout=round(grace)))
        self.kill()

    def kill(self) -> None:
        """Remove the container, whatever it is doing."""
        _ = self.log
        self._quietly(lambda: self._container.remove(force=True, v=True))
        self._ended = -1 if self._ended is None else self._ended

    @staticmethod
    def _quietly(act: Callable[[], object]) -> None:
        """Do it, unless the container or its engine is gone already."""
        import docker.errors
        import requests

        with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
            act()


def _gpus() -> list[Any]:
    from docker.types import DeviceRequest

    return [DeviceRequest(count=-1, capabilities=[["gpu"]])]


def listed(client: Any, folder: Path) -> list[tuple[Any, int, int]]:
    """Our containers of this data folder, running or not, each with its owner's number and birth."""
    ours = []
    for container in client.containers.list(all=True, filters={"label": OWNER}):
        place, _, rest = container.labels.get(OWNER, "").rpartition(":")[0].rpartition(":")
        born = container.labels.get(OWNER, "").rpartition(":")[2]
        if place == str(folder) and rest.isdigit() and born.isdigit():
            ours.append((container, int(rest), int(born)))
    return ours


def end_orphans(socket: str, folder: Path) -> list[str]:
    """Remove every container that a dead owner of this folder left; their identifiers."""
    import docker.errors
    import requests

    try:
        client = connect(socket)
    except NoContainerEngine:
        return []
    ended = []
    with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
        for container, pid, born in listed(client, folder):
            if not alive(pid, born):
                container.remove(force=True, v=True)
                ended.append(str(container.id))
    return ended
