"""The real things: a vLLM in its own environment, tiny checkpoints made there, and Podman's Docker API."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatvlmllm.config import Gpu, ModelSettings, Settings, Vllm
from chatvlmllm.engines.container import Box
from chatvlmllm.engines.process import ServerProcess, free_port, listening

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/chatvlmllm-real:1"

MAKE = """
import json, sys
from pathlib import Path
from chatvlmllm.exchange import Task
from chatvlmllm.models import find
from tests.tiny import checkpoints, training
folder = Path(sys.argv[1])
checkpoints.qwen2_vl(folder / "qwen_vl_2b")
loss = training.overfit(folder / "qwen_vl_2b", find("qwen_vl_2b").recipes[Task.TEXT].prompt, steps=200)
assert loss < 0.1, loss
checkpoints.qwen3_vl(folder / "qwen3_vl_2b")
checkpoints.qwen2_vl(folder / "broken")
path = folder / "broken" / "config.json"
config = json.loads(path.read_text())
# Half the width per head: a server starts with it, and its engine dies at the first request.
config["text_config"]["num_attention_heads"] = 4
config["text_config"]["num_key_value_heads"] = 2
config["text_config"]["rope_parameters"]["mrope_section"] = [2, 3, 3]
path.write_text(json.dumps(config))
"""


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter that has vLLM; installed at the first call ever."""
    found = subprocess.run([ROOT / "scripts" / "setup-real"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(found.stdout.strip())


@pytest.fixture(scope="session")
def checkpoints(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny checkpoint per model key, made by the libraries that will serve it."""
    return make_checkpoints(vllm_python, tmp_path_factory.mktemp("checkpoints"))


def make_checkpoints(vllm_python: Path, folder: Path) -> Path:
    """Tiny checkpoints in `folder`: one that was taught two pages, one that was not, one that kills its engine."""
    # With more threads than free cores they wait for each other, and seconds become minutes.
    environ = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run([vllm_python, "-c", MAKE, folder], env=environ, check=True, capture_output=True)
    return folder


@pytest.fixture
def real_settings(vllm_python: Path, checkpoints: Path, tmp_path: Path) -> Settings:
    """Settings of a user who has vLLM in an environment of its own."""
    return Settings(
        data=tmp_path / "data",
        gpu=Gpu(silence_seconds=40, start_seconds=900),
        vllm=Vllm(mode="process", python=vllm_python, cache_gb=1),
        models={key: ModelSettings(engine="vllm", weights=checkpoints / key) for key in ("qwen_vl_2b", "qwen3_vl_2b")},
    )


def podman_in(folder: Path) -> tuple[list[str], dict[str, str]]:
    """How to call a Podman that keeps everything in `folder`: the beginning of a command line, and the environment."""
    conf = folder / "containers.conf"
    conf.write_text(
        '[containers]\ncgroups="disabled"\nnetns="host"\n'
        'default_ulimits=["nofile=20000:20000","nproc=4096:4096"]\n'
        '[engine]\ncgroup_manager="cgroupfs"\nevents_logger="file"\n'
    )
    call = (
        "if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; "
        f'exec podman --root {folder}/root --runroot {folder}/run --storage-driver vfs "$@"'
    )
    return ["unshare", "-m", "sh", "-c", call, "podman"], {**os.environ, "CONTAINERS_CONF": str(conf)}


@contextmanager
def podman_folder() -> Iterator[Path]:
    """A folder for a Podman, with all that it holds removed afterwards."""
    # Short: Podman keeps sockets below it, and their paths may not be long.
    folder = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))
    try:
        yield folder
    finally:
        command, environ = podman_in(folder)
        subprocess.run([*command, "system", "reset", "--force"], env=environ, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def podman() -> Iterator[str]:
    """The address of a Docker-compatible API that is really Podman's, with an image of one static program."""
    with podman_folder() as folder:
        command, environ = podman_in(folder)
        port = free_port()
        service = ServerProcess([*command, "system", "service", "--time=0", f"tcp://127.0.0.1:{port}"], environ)
        try:
            until = time.monotonic() + 30
            while not listening(port):
                assert service.status is None, service.log
                assert time.monotonic() < until
                time.sleep(0.1)
            address = f"tcp://127.0.0.1:{port}"
            _import_image(address)
            yield address
        finally:
            service.stop(5)


def _import_image(address: str) -> None:
    import docker

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        shell = tarfile.TarInfo("bin/sh")
        shell.type, shell.linkname = tarfile.SYMTYPE, "busybox"
        archive.addfile(shell)
    client = docker.DockerClient(base_url=address)
    name, tag = IMAGE.rsplit(":", 1)
    made = client.api.import_image_from_data(stream.getvalue(), repository=name)
    identifier = made.split('"id":"')[1].split('"')[0]
    client.images.get(identifier).tag(name, tag)
    client.close()


@pytest.fixture
def box(podman: str, vllm_python: Path, tmp_path: Path) -> Box:
    """A container that borrows this machine's system, interpreter and vLLM, all read-only."""
    venv = vllm_python.parents[1]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    borrowed = {path: path for path in ("/usr", "/lib", "/lib64", "/etc", str(venv)) if Path(path).exists()}
    prefix = str(Path(sys.base_prefix).resolve())
    if not prefix.startswith("/usr/") and prefix != "/usr":
        borrowed[prefix] = prefix
    return Box(
        image=IMAGE,
        socket=podman,
        program=(str(vllm_python), "-m", "vllm.entrypoints.openai.api_server"),
        mounts=borrowed,
        scratch={str(scratch): "/scratch"},
        environ={"HOME": "/scratch", "TMPDIR": "/scratch", "PATH": "/usr/bin:/bin"},
        network="host",
        gpu=False,
    )
