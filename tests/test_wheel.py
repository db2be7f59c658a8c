"""What users install is whole and light."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.docs import ROOT

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the built wheel in it, far from the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, cwd=folder)
    return python


def test_the_installed_wheel_reads_the_sample(python: Path) -> None:
    """In an empty environment the package finds its own data and reads its own sample."""
    code = "import chatvlmllm, pathlib; print(pathlib.Path(chatvlmllm.__file__).parent / 'samples' / 'sample.png')"
    sample = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    command = [python, "-m", "chatvlmllm", "recognize", sample, "--json"]
    run = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=python.parent).stdout)
    assert run["verdict"] == "ok"
    assert len(run["readings"][0]["blocks"]) > 5


def test_the_base_install_is_light(python: Path) -> None:
    """`pip install chatvlmllm` brings no learning framework, no web interface and no cluster."""
    listed = subprocess.run([python, "-m", "pip", "list", "--format", "json"], capture_output=True, check=True).stdout
    names = {package["name"].lower() for package in json.loads(listed)}
    assert names.isdisjoint({"torch", "transformers", "streamlit", "ray", "vllm", "fastapi"})
