"""What a vLLM server is told: pure, from the card, the checkpoint and the machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chatvlmllm.config import ModelSettings, Settings
from chatvlmllm.engines import diagnosis, vllm
from chatvlmllm.engines.start import context, plan
from chatvlmllm.errors import (
    ChatVLMLLMError,
    CudaFailed,
    EngineCrashed,
    EngineNotSupported,
    EngineStartFailed,
    MissingExtra,
    MissingWeights,
    NotEnoughDisk,
    NotEnoughMemory,
    PortTaken,
    UnpinnedCode,
)
from chatvlmllm.models import catalogue, find
from chatvlmllm.models.card import Served
from chatvlmllm.prepare import room


def told(key: str, tmp_path: Path, **more: object) -> list[str]:
    launch = vllm.Launch(folder=tmp_path, program=("vllm",), **more)  # type: ignore[arg-type]
    return vllm.arguments(find(key), launch, "/model", "127.0.0.1", 4242)


SERVED = [key for key, model in catalogue().items() if isinstance(model.runtimes.get("vllm"), Served)]


@pytest.mark.parametrize("key", SERVED)
def test_the_card_decides_what_a_server_is_told(tmp_path: Path, key: str) -> None:
    """Loopback, our name, the card's own arguments, a share of the GPU; remote code only where the card has it."""
    words = told(key, tmp_path, share=0.4)
    assert "--host=127.0.0.1" in words
    assert "--port=4242" in words
    assert f"--served-model-name={key}" in words
    assert "--gpu-memory-utilization=0.40" in words
    assert not any("api-key" in word for word in words)
    card = find(key).runtimes["vllm"]
    assert isinstance(card, Served)
    assert set(card.arguments) <= set(words)
    assert ("--trust-remote-code" in words) == ("--trust-remote-code" in card.arguments)


def test_code_that_may_change_unseen_is_never_run(tmp_path: Path) -> None:
    """A card that wants remote code but pins no commit cannot be started."""
    model = find("dots_ocr")
    assert model.weights is not None
    loose = replace(model, weights=replace(model.weights, revision=None))
    launch = vllm.Launch(folder=tmp_path, program=("vllm",))
    with pytest.raises(UnpinnedCode):
        vllm.arguments(loose, launch, "/model", "127.0.0.1", 1)


def test_the_key_travels_in_the_environment_only(tmp_path: Path) -> None:
    """Other users of the machine can read a command line, not an environment."""
    launch = vllm.Launch(folder=tmp_path, program=("vllm",), device="cpu", cache=3, marks={"MARK": "m"})
    said = vllm.variables(launch, "secret")
    assert said["VLLM_API_KEY"] == "secret"
    assert said["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert said["MARK"] == "m"
    assert "VLLM_SERVER_DEV_MODE" not in said
    assert "--enforce-eager" in told("qwen_vl_2b", tmp_path, device="cpu")


def test_t36_the_page_is_made_for_the_context_that_the_server_has(tmp_path: Path) -> None:
    """The room for an image follows the server's context and the checkpoint's, not the card's larger one."""
    model = find("qwen3_vl_2b")
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 8192}}))
    settings = Settings(models={"qwen3_vl_2b": ModelSettings(weights=tmp_path)})
    assert context(model, "vllm", settings) == 8192
    assert context(model, "transformers", settings) is None
    assert "--max-model-len=8192" in told("qwen3_vl_2b", tmp_path)
    recipe = next(iter(model.recipes.values()))
    left = room(recipe, 8192)
    assert left is not None
    assert left + recipe.limits.tokens < 8192


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", NotEnoughMemory),
        ("ValueError: Free memory on device (5.81/11.94 GiB) on startup is less than desired", NotEnoughMemory),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", NotEnoughMemory),
        ("torch.AcceleratorError: CUDA error: device-side assert triggered", CudaFailed),
        ("OSError: [Errno 98] Address already in use", PortTaken),
        ("OSError: [Errno 28] No space left on device", NotEnoughDisk),
        ("ValueError: something else", EngineCrashed),
    ],
)
def test_last_words_become_a_named_error(line: str, error: type[ChatVLMLLMError]) -> None:
    """What libraries print while dying is recognised behind their shutdown chatter."""
    found = diagnosis.crash("m", ("INFO starting", line, "INFO Shutting down", "INFO Finished"), 1)
    assert type(found) is error
    assert "something else" in found.message() or error is not EngineCrashed


def test_exit_zero_and_a_kill_are_told_apart() -> None:
    """A wanted server that ends by itself crashed, whatever its status; a kill hints at memory."""
    assert "exit status 0" in diagnosis.crash("m", (), 0).message()
    assert "lack of memory" in diagnosis.crash("m", ("INFO fine",), -9).message()
    assert isinstance(diagnosis.crash("m", (), 0, starting=True), EngineStartFailed)


def test_what_is_not_here_is_said_before_anything_starts(tmp_path: Path) -> None:
    """No interpreter with vLLM, no files, no such engine: each an error of its own, with what to do."""
    chosen = Settings(models={"qwen_vl_2b": ModelSettings(engine="vllm")}, data=tmp_path)
    with pytest.raises(MissingExtra, match="vLLM"):
        plan(find("qwen_vl_2b"), chosen)
    here = chosen.model_copy(update={"vllm": chosen.vllm.model_copy(update={"python": Path("/bin/sh")})})
    with pytest.raises(MissingWeights):
        plan(find("qwen_vl_2b"), here).check()
    with pytest.raises(EngineNotSupported):
        plan(find("got_ocr_hf"), Settings(models={"got_ocr_hf": ModelSettings(engine="vllm")}))
