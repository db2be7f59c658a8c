"""The Dockerfile, built and run: Podman on a Debian that `scripts/setup-real` made, packages from their indexes."""

import json
import os
import re
import secrets
import signal
import time
from pathlib import Path

import httpx
import pytest
from rapidfuzz import fuzz

from chatvlmllm.engines.process import ServerProcess, free_port
from tests.real.conftest import ROOT, podman_folder, podman_in

pytestmark = pytest.mark.real

SAMPLES = ROOT / "src" / "chatvlmllm" / "samples"
#: The authorities that this machine trusts: whoever answers for the package index here is among them.
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def test_the_image_is_built_and_reads_a_page(vllm_python: Path, tmp_path: Path) -> None:
    """Built from nothing but Debian and the index, it is well, wants its key, reads a page, and ends when told to."""
    base = next(iter(re.findall(r"^FROM (debian:(.+)-slim)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)))
    content = vllm_python.parents[2] / f"debian-{base[1]}.tar"
    pip = tmp_path / "pip.conf"
    pip.write_text("[global]\ncert = /mnt/authorities.pem\n")
    port, key = free_port(), secrets.token_hex(16)
    own = {"CHATVLMLLM_SERVER__KEYS": json.dumps({"me": key}), "CHATVLMLLM_SERVER__PORT": str(port)}
    with podman_folder() as folder:
        podman, environ = podman_in(folder)

        def done(*words: str) -> ServerProcess:
            process = ServerProcess([*podman, *words], environ)
            while process.status is None:
                time.sleep(0.2)
            assert process.settled() == 0, "\n".join(process.log)
            return process

        done("import", str(content), f"docker.io/library/{base[0]}")
        mounts = [f"--volume={pip}:/etc/pip.conf:ro", f"--volume={AUTHORITIES}:/mnt/authorities.pem:ro"]
        # One layer: each is a whole copy where the storage cannot share them.
        done("build", "--pull=never", "--layers=false", "--network=host", *mounts, "--tag=reader", str(ROOT))
        running = ServerProcess([*podman, "run", "--rm", *(f"--env={name}" for name in own), "reader"], environ | own)
        try:
            _reads(f"http://127.0.0.1:{port}", key, running)
            os.kill(running.pid, signal.SIGTERM)
            assert running.settled(40) == 128 + signal.SIGTERM, "\n".join(running.log)
            assert running.log[-1].startswith("Stopped")
        finally:
            running.kill()


def _reads(url: str, key: str, running: ServerProcess) -> None:
    """The server becomes well, refuses strangers, and reads the sample page."""
    until = time.monotonic() + 60
    while not _well(url):
        assert running.status is None, running.log
        assert time.monotonic() < until
        time.sleep(0.2)
    content = (SAMPLES / "sample.png").read_bytes()
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        sent = {"file": ("sample.png", content)}
        assert client.post("/v1/recognize", files=sent).status_code == 401
        owner = {"Authorization": f"Bearer {key}"}
        for model in ("embedded", "tesseract"):
            found = client.post("/v1/recognize", files=sent, data={"model": model}, headers=owner).json()
            text = "\n".join(block["text"] for block in found["readings"][0]["blocks"])
            assert fuzz.ratio(text, (SAMPLES / "sample.gt.txt").read_text()) > 90


def _well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
