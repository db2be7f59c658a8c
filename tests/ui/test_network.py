"""The workbench with networks of its own: tiny checkpoints of real families, in real workers, on the CPU."""

import re
import warnings
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from chatvlmllm import models
from chatvlmllm.exchange import Task
from tests.conftest import encoded
from tests.tiny import training
from tests.ui import rig
from tests.ui.test_chat import ask
from tests.ui.test_recognize import choose, drop

pytest.importorskip("torch")
pytestmark = pytest.mark.real

FIRST, SECOND = "qwen_vl_2b", "qwen3_vl_2b"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rig.Workbench]:
    """A workbench with two networks; the first was taught to read a page."""
    from tests.tiny.checkpoints import FAMILIES

    folder = tmp_path_factory.mktemp("networks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        places = {key: FAMILIES[key](folder / key) for key in (FIRST, SECOND)}
        training.overfit(places[FIRST], models.find(FIRST).recipes[Task.TEXT].prompt, steps=150)
    chosen = {key: {"weights": str(place), "engine": "transformers"} for key, place in places.items()}
    with rig.workbench(folder, models=chosen, OMP_NUM_THREADS="1") as found:
        yield found


def state(bench: rig.Workbench, key: str) -> str:
    return str(bench.get(f"/v1/models/{key}")["chatvlmllm"]["state"])


def test_a_network_reads_talks_and_gives_way_to_another(page: Page, bench: rig.Workbench) -> None:
    """A page is read by the first network, three questions are answered by it, and the second takes its place."""
    drop(page, ("bill.png", encoded(training.page("bill"), "PNG")))
    choose(page, "Модель", "Qwen2-VL 2B")
    page.get_by_role("button", name="Распознать").click()
    expect(page.locator(".reading")).to_contain_text("Счёт № 17 от 21.11.2026", timeout=180_000)
    expect(page.get_by_text(f"прочла {FIRST}")).to_be_visible()
    page.get_by_role("button", name="Спросить о странице").click()
    expect(page.locator(".strip .leaf")).to_have_count(1)
    choose(page, "Модель ответа", "Qwen2-VL 2B")
    for turn in range(1, 4):
        ask(page, f"Вопрос {turn}")
        answers(page, turn, FIRST)
    chat = page.url
    page.goto("/models")
    page.locator(f".st-key-load-{SECOND} button").click()
    rig.until(lambda: state(bench, SECOND) == "ready", 180)
    page.goto(chat)
    rig.settled(page)
    choose(page, "Модель ответа", "Qwen3-VL 2B")
    ask(page, "Вопрос 4")
    answers(page, 4, SECOND)
    page.goto("/models")
    page.locator(f".st-key-unload-{SECOND} button").click()
    rig.until(lambda: state(bench, SECOND) == "absent")


def answers(page: Page, turn: int, model: str) -> None:
    """Wait for the answer of this turn, and see that it is this model's, about the page."""
    expect(page.locator("[data-testid=stChatMessage]")).to_have_count(2 * turn)
    about = page.locator("[data-testid=stChatMessage]").last.locator("[data-testid=stCaptionContainer]")
    expect(about).to_contain_text(
        re.compile(rf"{model} · [\d.]+ с · токенов: \d+ · Видела страницы: 1"), timeout=180_000
    )
    expect(page.get_by_placeholder("Ваш вопрос")).to_be_visible()
