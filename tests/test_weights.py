"""Checkpoints are fetched from a hub on this machine, over HTTP, by the real client and the real command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chatvlmllm import models, weights
from chatvlmllm.config import ModelSettings, Settings
from chatvlmllm.engines import environment
from chatvlmllm.engines.start import launch, plan
from chatvlmllm.errors import (
    DownloadFailed,
    EngineNotSupported,
    MissingWeights,
    NotEnoughDisk,
    OfflineForbidden,
    UnpinnedCode,
)
from chatvlmllm.models.card import Worker
from tests.hub import HEAD, Hub

pytest.importorskip("huggingface_hub")

KEY = "qwen_vl_2b"
REPO = "Qwen/Qwen2-VL-2B-Instruct"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with what a checkpoint has, and what must stay where it is."""
    folder = tmp_path / "repository"
    (folder / "figures").mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen2_vl"}')
    (folder / "model.safetensors").write_bytes(os.urandom(300_000))
    for unwanted in ("pytorch_model.bin", "modeling_evil.py", "README.md", "figures/a.png"):
        (folder / unwanted).write_bytes(b"x" * 1000)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`chatvlmllm ARGS…` in a process of its own that talks to the given hub and keeps its data in `tmp_path/data`."""

    def call(*arguments: str, hub: str = "http://127.0.0.1:9", **environ: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CHATVLMLLM", "HF_"))}
        return subprocess.run(
            [sys.executable, "-m", "chatvlmllm", "--ui-lang", "en", *arguments], capture_output=True, text=True,
            cwd=tmp_path, timeout=120, check=False,
            env={**inherited, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "hf"),
                 "CHATVLMLLM_DATA": str(tmp_path / "data"), **environ},
        )  # fmt: skip

    return call


def settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(data=tmp_path / "data", **values)  # type: ignore[arg-type]


def test_pull_fetches_the_pinned_commit_and_nothing_else(run: Run, repository: Path, tmp_path: Path) -> None:
    """Weights and configuration arrive at the card's commit; code, pictures and other formats do not."""
    with Hub({REPO: repository}) as hub:
        done = run("models", "pull", KEY, hub=hub.url)
    assert done.returncode == 0, done.stderr
    folder = weights.folder(models.find(KEY), settings(tmp_path))
    assert folder.name == "895c3a49bc3fa70a340399125c650a463535e71c"
    assert (folder / "model.safetensors").read_bytes() == (repository / "model.safetensors").read_bytes()
    fetched = {file.name for file in folder.iterdir() if file.is_file()}
    assert fetched == {"config.json", "model.safetensors", "chatvlmllm.json"}
    assert all(folder.name in path for method, path, _ in hub.log if "resolve" in path)
    again = run("models", "pull", KEY)
    assert again.returncode == 0, "a complete checkpoint needs no hub"


@pytest.mark.real
def test_t48_a_partial_download_is_not_a_model_and_is_resumed(run: Run, repository: Path, tmp_path: Path) -> None:
    """A transfer that breaks off leaves no model; the next pull goes on where it stopped."""
    # The client writes in pieces of 10 MB; less than one piece is nothing to go on from.
    (repository / "model.safetensors").write_bytes(os.urandom(25_000_000))
    with Hub({REPO: repository}, cut=12_000_000) as hub:
        broken = run("models", "pull", KEY, hub=hub.url)
    assert broken.returncode == 3
    assert "could not be downloaded" in broken.stderr
    with pytest.raises(MissingWeights):
        weights.folder(models.find(KEY), settings(tmp_path))
    with Hub({REPO: repository}) as hub:
        assert run("models", "pull", KEY, hub=hub.url).returncode == 0
    assert "bytes=10000000-" in [wanted for *_, wanted in hub.log] or "bytes=10485760-" in [w for *_, w in hub.log]
    folder = weights.folder(models.find(KEY), settings(tmp_path))
    assert (folder / "model.safetensors").read_bytes() == (repository / "model.safetensors").read_bytes()


def test_t48_a_file_that_was_shortened_is_noticed(run: Run, repository: Path, tmp_path: Path) -> None:
    """A checkpoint of which a file lost its end is not complete any more."""
    with Hub({REPO: repository}) as hub:
        run("models", "pull", KEY, hub=hub.url)
    model = models.find(KEY)
    (weights.folder(model, settings(tmp_path)) / "model.safetensors").write_bytes(b"short")
    assert weights.complete(model, settings(tmp_path)) == []


def test_an_unpinned_model_is_pinned_by_its_first_download(run: Run, repository: Path, tmp_path: Path) -> None:
    """Without a commit in the card, the one that the branch resolved to is the folder's name and stays."""
    with Hub({"deepseek-community/DeepSeek-OCR-2": repository}) as hub:
        assert run("models", "pull", "deepseek_ocr_2", hub=hub.url).returncode == 0
    folder = weights.folder(models.find("deepseek_ocr_2"), settings(tmp_path))
    assert folder.name == HEAD
    assert json.loads((folder / "chatvlmllm.json").read_text())["revision"] == HEAD


def test_a_gated_model_says_where_to_ask(run: Run, repository: Path) -> None:
    """A gated repository is an error that names the page and the variable for the token."""
    with Hub({REPO: repository}, gated=True) as hub:
        done = run("models", "pull", KEY, hub=hub.url)
    assert done.returncode == 3
    assert f"https://huggingface.co/{REPO}" in done.stderr
    assert "HF_TOKEN" in done.stderr


def test_no_hub_is_an_error_in_plain_words(run: Run) -> None:
    """A hub that cannot be reached and a repository that it lacks are each one sentence, no traceback."""
    dead = run("models", "pull", KEY)
    assert dead.returncode == 3
    with Hub({}) as hub:
        unknown = run("models", "pull", KEY, hub=hub.url)
    assert unknown.returncode == 3
    for done in (dead, unknown):
        assert "could not be downloaded" in done.stderr
        assert "Traceback" not in done.stderr
    assert "does not know it" in unknown.stderr


@pytest.mark.parametrize("how", ["flag", "setting", "library"])
def test_offline_reaches_for_nothing(run: Run, repository: Path, how: str) -> None:
    """Offline by flag, by setting or by the hub library's own variable: an error, and not one request."""
    with Hub({REPO: repository}) as hub:
        flags = ("--offline",) if how == "flag" else ()
        environ = {"setting": {"CHATVLMLLM_OFFLINE": "true"}, "library": {"HF_HUB_OFFLINE": "1"}}.get(how, {})
        done = run("models", "pull", KEY, *flags, hub=hub.url, **environ)
    assert done.returncode == 3
    assert "network access is forbidden" in done.stderr
    assert hub.log == []


def test_the_disk_is_looked_at_before_anything_is_fetched(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too little space is an error that names what is needed and what is free; nothing was transferred."""
    plan = weights.Plan(REPO, HEAD, {"model.safetensors": 10**18})
    monkeypatch.setattr(weights, "survey", lambda _: plan)
    monkeypatch.setattr(weights, "_fetch", lambda *_: pytest.fail("fetched"))
    with pytest.raises(NotEnoughDisk) as error:
        weights.pull(models.find(KEY), settings(tmp_path), lambda *_: None)
    assert error.value.details["needed"] == pytest.approx(1e9, rel=0.01)


def test_removing_frees_the_space(run: Run, repository: Path, tmp_path: Path) -> None:
    """`models rm` deletes the files, and the model is missing afterwards."""
    with Hub({REPO: repository}) as hub:
        run("models", "pull", KEY, hub=hub.url)
    assert run("models", "rm", KEY).returncode == 0
    with pytest.raises(MissingWeights, match=f"models pull {KEY}"):
        weights.folder(models.find(KEY), settings(tmp_path))


def test_a_named_folder_must_hold_a_checkpoint(tmp_path: Path) -> None:
    """A local folder without config.json is refused; with it, it is used as it is."""
    model = models.find(KEY)
    named = settings(tmp_path, models={KEY: ModelSettings(weights=tmp_path)})
    with pytest.raises(MissingWeights):
        weights.folder(model, named)
    (tmp_path / "config.json").write_text("{}")
    assert weights.folder(model, named) == tmp_path.resolve()


def test_unpinned_code_is_never_fetched_or_run(tmp_path: Path) -> None:
    """A card that runs a repository's code without a commit can be neither pulled nor started."""
    model = models.find("phi3_vision")
    assert model.weights is not None
    loose = replace(model, weights=replace(model.weights, revision=None, unpinned="lost"))
    with pytest.raises(UnpinnedCode):
        weights.pull(loose, settings(tmp_path), lambda *_: None)
    worker = loose.runtimes["transformers"]
    assert isinstance(worker, Worker)
    with pytest.raises(UnpinnedCode):
        launch(loose, worker, settings(tmp_path))


def test_an_engine_that_the_card_excludes_says_why(tmp_path: Path) -> None:
    """Asked for an engine that cannot run the model, the error carries the card's reason."""
    wrong = settings(tmp_path, models={"got_ocr_hf": ModelSettings(engine="vllm")})
    with pytest.raises(EngineNotSupported, match="no class for this architecture"):
        plan(models.find("got_ocr_hf"), wrong)
    old = settings(tmp_path, models={"deepseek_ocr": ModelSettings(engine="transformers")})
    with pytest.raises(EngineNotSupported, match="deepseek_ocr_2"):
        plan(models.find("deepseek_ocr"), old)


@pytest.mark.real
def test_t15_an_environment_of_its_own_is_made_and_used(tmp_path: Path) -> None:
    """The environment holds exactly what was pinned, our packages are not seen there, and a worker starts in it."""
    requirements = ("packaging==24.0",)
    own = settings(tmp_path)
    with pytest.raises(MissingWeights, match="models pull m"):
        environment.interpreter("m", requirements, own)
    python = environment.make(requirements, own)
    assert environment.interpreter("m", requirements, own) == python
    assert environment.make(requirements, settings(tmp_path, offline=True)) == python
    seen = "import importlib.util as u, packaging; print(packaging.__version__, u.find_spec('pydantic'))"
    done = subprocess.run([python, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24.0", "None"]
    from chatvlmllm.engines.worker import BOOTSTRAP, Launch, WorkerEngine
    from chatvlmllm.errors import EngineStartFailed

    # Without torch it cannot load, but it must get as far as saying so in a frame.
    with pytest.raises(EngineStartFailed, match="No module named 'torch'"):
        WorkerEngine(models.find(KEY), Launch(folder=tmp_path, command=(str(python), str(BOOTSTRAP))))


@pytest.mark.real
def test_an_environment_that_cannot_be_made_leaves_none(tmp_path: Path) -> None:
    """Offline, or with requirements that do not exist, there is an error and no environment that looks finished."""
    with pytest.raises(OfflineForbidden):
        environment.make(("packaging==24.0",), settings(tmp_path, offline=True))
    with pytest.raises(DownloadFailed):
        environment.make(("packaging==0.0.0.dev999",), settings(tmp_path))
    with pytest.raises(MissingWeights):
        environment.interpreter("m", ("packaging==0.0.0.dev999",), settings(tmp_path))
