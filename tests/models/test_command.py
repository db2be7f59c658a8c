"""Models on the command line: what they are, and that wrong words are refused before anything starts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm import models
from tests.conftest import Outcome

Cli = Callable[..., Outcome]


def test_list_names_every_model(cli: Cli) -> None:
    """One line a model; those whose files are here are marked."""
    said = cli("models", "list").text.splitlines()
    assert [line.split()[1] for line in said] == list(models.catalogue())
    marks = {line.split()[1]: line[0] for line in said}
    assert (marks["tesseract"], marks["dots_ocr"]) == ("●", "○")


@pytest.mark.parametrize("key", models.catalogue())
def test_show_says_what_a_model_is_and_why_not(cli: Cli, key: str) -> None:
    """Licence, tasks, engines and, for networks, commit, size and the reasons against other engines."""
    said, model = cli("models", "show", key).text, models.find(key)
    for word in (model.title, model.licence, *model.recipes, *model.runtimes):
        assert word in said
    for engine in model.excluded:
        assert f"on {engine}" in said
    if model.weights and model.weights.revision:
        assert model.weights.revision in said


def test_an_unknown_key_names_its_neighbours(cli: Cli) -> None:
    """`models show` and `models pull` know no model by half its name."""
    for verb in ("show", "pull", "rm"):
        outcome = cli("models", verb, "dots_oc")
        assert (outcome.code, "dots_ocr" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--model", "got_ocr_ucas", "--option", "ocr_typ=format"), "ocr_type"),
        (("--model", "got_ocr_hf", "--task", "chat"), "markdown"),
        (("--model", "got_ocr_hf", "--option", "crop"), "NAME=VALUE"),
    ],
)
def test_wrong_words_are_refused_before_anything_starts(
    cli: Cli, good: Path, arguments: tuple[str, ...], named: str
) -> None:
    """An unknown option, a task without a recipe or a broken option ends with exit code 2 and what would be right."""
    outcome = cli("recognize", good, *arguments)
    assert outcome.code == 2
    assert named in outcome.err


def test_settings_of_a_misspelt_model_are_an_error(cli: Cli, good: Path, tmp_path: Path, monkeypatch) -> None:
    """A key under `models:` that names no model is refused, and so is a setting that does not exist."""
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("CHATVLMLLM_CONFIG", str(path))
    path.write_text("models: {qwen_vl_2: {device: cpu}}")
    assert "qwen_vl_2b" in cli("recognize", good, "--model", "tesseract").err
    path.write_text("models: {qwen_vl_2b: {wieghts: /x}}")
    assert "weights" in cli("recognize", good, "--model", "tesseract").err
