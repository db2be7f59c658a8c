"""Tiny checkpoints, built once a session, and engines that run them."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from chatvlmllm import models
from chatvlmllm.engines.worker import Launch, WorkerEngine
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.geometry import Size, whole

PAGE = Size(640, 480)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny checkpoint; built at the first call."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.tiny.checkpoints import FAMILIES

    torch.set_num_threads(1)
    root, built = tmp_path_factory.mktemp("checkpoints"), {}

    def get(key: str) -> Path:
        if key not in built:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                built[key] = FAMILIES[key](root / key)
        return built[key]

    return get


@pytest.fixture(scope="session")
def engine(tiny: Callable[[str], Path]) -> Iterator[Callable[[str], WorkerEngine]]:
    """A running worker of a family; one a session, because importing torch costs seconds."""
    patch = pytest.MonkeyPatch()
    # Several small processes on few cores: more threads would only wait for each other.
    patch.setenv("OMP_NUM_THREADS", "1")
    running: dict[str, WorkerEngine] = {}

    def get(key: str) -> WorkerEngine:
        if key not in running:
            running[key] = WorkerEngine(models.find(key), Launch(folder=tiny(key)))
        return running[key]

    yield get
    for one in running.values():
        one.close()
    patch.undo()


def question(key: str, task: Task, tokens: int = 4, page: Size = PAGE, **options: object) -> Request:
    """A request as `prepare` makes it, for a page with a line of text and few tokens of reply."""
    model = models.find(key)
    recipe = model.recipes[task]
    sent = model.image.fit(page)
    image = Image.new("RGB", (sent.width, sent.height), "white")
    ImageDraw.Draw(image).text((20, 20), "Total 17.50", fill="black")
    return Request(
        model=key,
        task=task,
        page=page,
        region=whole(page),
        image=image,
        prompt=recipe.prompt or "What is the total?",
        limits=Limits(tokens, 120),
        options={**recipe.options, **options},
    )
