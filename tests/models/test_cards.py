"""Every card is complete and honest, and none of it needs a network library."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatvlmllm import models
from chatvlmllm.engines.placement import AUTO
from chatvlmllm.errors import TooLong, UnknownModel, UnknownOption
from chatvlmllm.exchange import Task
from chatvlmllm.geometry import Size
from chatvlmllm.models.card import Model, Worker, conversation, sizing
from chatvlmllm.models.dots_ocr import prompt, spread
from chatvlmllm.prepare import fit, room, settings_of
from tests.models.conftest import question

CATALOGUE = models.catalogue()
ENGINES = {"embedded", "transformers", "vllm"}
NAMED_BY_USER = {
    "qwen_vl_2b", "qwen3_vl_2b", "qwen3_vl_4b", "dots_ocr", "got_ocr_hf", "got_ocr_ucas", "phi3_vision", "deepseek_ocr",
}  # fmt: skip


@pytest.mark.parametrize("model", [m for m in CATALOGUE.values() if m.weights], ids=lambda model: model.key)
def test_every_card_is_complete(model: Model) -> None:
    """A network has a commit or says why not, a reason for every engine it lacks, sizes, and both languages."""
    source = model.weights
    assert source is not None
    assert (source.revision is None) != (source.unpinned == "")
    assert source.revision is None or (len(source.revision) == 40 and int(source.revision, 16))
    assert set(model.runtimes) | set(model.excluded) == ENGINES
    assert not set(model.runtimes) & set(model.excluded)
    for words in (model.summary, model.cannot, *model.excluded.values()):
        assert set(words) == {"en", "ru"}
        assert all(words.values())
    assert 0 < source.parameters * 1.5 < source.bytes < source.vram
    assert model.context
    assert model.context >= 8192
    assert Task.TEXT in model.recipes
    for recipe in model.recipes.values():
        assert 0 < recipe.limits.tokens < model.context


def test_the_models_that_the_user_named_are_there() -> None:
    """All eight keys exist, and the successors of those that cannot run natively."""
    assert set(CATALOGUE) >= NAMED_BY_USER | {"phi4_multimodal", "deepseek_ocr_2", "paddleocr_vl"}


def test_code_of_a_repository_needs_a_commit() -> None:
    """No card runs a repository's code without naming the commit that was looked at."""
    for model in CATALOGUE.values():
        if model.weights and model.weights.remote_code:
            assert model.weights.revision, model.key


def test_the_catalogue_imports_no_network_library() -> None:
    """Cards, rules and prompts can be read without torch, transformers or the hub library."""
    code = (
        "import sys; from chatvlmllm.models import catalogue, describe; catalogue();"
        "print([n for n in ('torch', 'transformers', 'huggingface_hub') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_t23_an_unknown_model_names_its_neighbours() -> None:
    """A wrong key is an error with near names; no other model answers instead."""
    with pytest.raises(UnknownModel) as error:
        models.find("qwen_vl_2")
    assert "qwen_vl_2b" in error.value.details["near"]


def test_t16_nothing_is_quantised_by_itself() -> None:
    """No card and no default asks for int8 or int4; only a user can."""
    from chatvlmllm.config import ModelSettings
    from chatvlmllm.engines.placement import Wanted

    assert Wanted().quantization is None
    assert ModelSettings().quantization is None
    assert Wanted().device == AUTO


def test_t15_old_code_gets_an_environment_of_its_own() -> None:
    """Exactly the models that run a repository's code pin an environment, and no other model shares it."""
    for model in CATALOGUE.values():
        worker = model.runtimes.get("transformers")
        if isinstance(worker, Worker):
            wanted = bool(model.weights and model.weights.remote_code)
            assert bool(worker.requirements) == wanted, model.key
            assert all("==" in line or "<" in line for line in worker.requirements)


def test_t11_no_code_of_a_repository_runs_beside_new_libraries() -> None:
    """Natively served models never ask for remote code; GOT under its first key is the native checkpoint."""
    assert CATALOGUE["got_ocr_ucas"].weights == CATALOGUE["got_ocr_hf"].weights
    code = {model.key for model in CATALOGUE.values() if model.weights and model.weights.remote_code}
    assert code == {"phi3_vision"}


def test_t36_a_page_too_large_for_the_context_is_scaled() -> None:
    """The image gets what prompt and reply leave; a smaller context gives a smaller image, never a cut prompt."""
    model = CATALOGUE["dots_ocr"]
    recipe = model.recipes[Task.LAYOUT]
    page, costs = Size(4960, 7016), []
    for context in (32_768, 24_576, 20_480):
        tokens = room(recipe, context)
        assert tokens is not None
        costs.append(model.image.tokens(fit(page, model, {}, tokens)))
        assert costs[-1] + recipe.limits.tokens + len(recipe.prompt.encode()) < context
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


def test_t36_no_room_at_all_is_an_error() -> None:
    """When not even the smallest image fits, TooLong says how much there is."""
    model = CATALOGUE["qwen_vl_2b"]
    with pytest.raises(TooLong):
        fit(Size(1000, 1000), model, {}, 100)


def test_t36_a_scaled_page_says_so() -> None:
    """A page that was made smaller carries a notice with both sizes."""
    from chatvlmllm.prepare import caveats

    model = CATALOGUE["qwen_vl_2b"]
    large = question("qwen_vl_2b", Task.TEXT, page=Size(2480, 3508))
    (notice,) = caveats(model, large)
    assert (notice.code, notice.details["page"]) == ("image_scaled", "2480 × 3508")
    assert caveats(model, question("qwen_vl_2b", Task.TEXT, page=Size(300, 300))) == ()


def test_options_are_checked_by_name() -> None:
    """An option that the model does not know is an error that lists those it knows."""
    with pytest.raises(UnknownOption, match="ocr_type"):
        settings_of(CATALOGUE["got_ocr_ucas"], {"ocr_typ": "format"})
    assert settings_of(CATALOGUE["got_ocr_ucas"], {"chat_crop": "yes", "ocr_type": "ocr"}) == {
        "crop": True,
        "format": False,
    }
    with pytest.raises(UnknownOption):
        settings_of(CATALOGUE["qwen_vl_2b"], {"box": "[1,2,3,4]"})


def test_a_box_is_moved_to_the_image_as_sent() -> None:
    """GOT's box option is in page pixels and reaches the processor in pixels of the sent image, as a new list."""
    from chatvlmllm.models.got_ocr import arguments

    page = Size(4096, 4096)
    given = [1024, 0, 2048, 4096]
    request = question("got_ocr_hf", Task.TEXT, page=page, box=given)
    scale = request.sent.width / page.width
    assert arguments(request)["box"] == [1024 * scale, 0, 2048 * scale, 4096 * scale]
    assert given == [1024, 0, 2048, 4096]
    with pytest.raises(UnknownOption):
        arguments(question("got_ocr_hf", Task.TEXT, box="[1, 2]"))


def test_crops_have_their_own_cost() -> None:
    """With `crop` GOT sees several views, and the plan counts them."""
    model = CATALOGUE["got_ocr_hf"]
    assert sizing(model, {}).tokens(Size(1000, 2000)) == 256
    assert sizing(model, {"crop": True}).tokens(Size(1000, 2000)) > 256


def test_t10_dots_speaks_its_own_notation() -> None:
    """The prompt starts with the image marks, ends with the assistant's, and repeats each mark by its image's cost."""
    turns = conversation(question("dots_ocr", Task.TEXT))
    written = prompt(turns)
    assert written == (
        "<|user|><|img|><|imgpad|><|endofimg|>Extract the text content from this image.<|endofuser|><|assistant|>"
    )
    assert spread(written, [3]).count("<|imgpad|>") == 3
    assert spread("a<|imgpad|>b<|imgpad|>c", [2]) == "a<|imgpad|><|imgpad|>b<|imgpad|>c"


def test_the_layout_prompt_is_the_published_one() -> None:
    """dots.ocr was trained on one wording; a changed letter costs quality."""
    import hashlib

    text = CATALOGUE["dots_ocr"].recipes[Task.LAYOUT].prompt
    assert text.endswith("single JSON object.\n")
    assert text.count("\n") == 17
    assert "['Caption', 'Footnote', 'Formula', 'List-item', 'Page-footer'" in text
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "16ff71ac5d218f35"


def test_the_module_of_a_loader_is_its_card(tmp_path: Path) -> None:
    """A worker imports one module only: the loader stands beside the card that names it."""
    import importlib

    for model in CATALOGUE.values():
        worker = model.runtimes.get("transformers")
        if isinstance(worker, Worker):
            module = importlib.import_module(worker.load.__module__)
            assert model in module.MODELS
