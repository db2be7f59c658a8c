"""«Чат с документом»: a real conversation about pictures, with a model behind OpenAI's protocol."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import encoded, picture
from tests.pdfs import text_pdf
from tests.ui import rig
from tests.ui.test_recognize import read

pytestmark = pytest.mark.real


def start(page: Page, *files: tuple[str, bytes]) -> None:
    """A new chat with these files."""
    page.goto("/chat")
    rig.settled(page)
    before = page.url
    page.get_by_role("button", name="Новый чат").click()
    page.wait_for_url(lambda url: "chat=" in url and url != before)
    rig.settled(page)
    if files:
        uploads = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
        page.locator("input[type=file]").set_input_files(uploads)  # type: ignore[arg-type]
        expect(page.locator(".strip .leaf").first).to_be_visible()


def ask(page: Page, text: str) -> None:
    field = page.get_by_placeholder("Ваш вопрос")
    field.fill(text)
    field.press("Enter")


def test_a_chat_of_three_turns_sends_its_history(page: Page) -> None:
    """Two pages and three questions: each answer knows the questions and pictures before it, also after a reload."""
    start(page, ("one.png", encoded(picture("ONE"), "PNG")), ("two.pdf", text_pdf("TWO")))
    for number, text in enumerate(("Что на странице?", "А сумма?", "А дата?"), start=1):
        ask(page, text)
        said = f"Вопросов {number}, ответов {number - 1}, картинок 2: {text}"
        expect(page.get_by_text(said)).to_be_visible()
        expect(page.get_by_placeholder("Ваш вопрос")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("Видела страницы: 1, 2").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("Вопросов 3, ответов 2, картинок 2: А дата?")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-testid=stChatMessage]")).to_have_count(6)


def test_an_answer_can_be_stopped_and_asked_for_again(page: Page) -> None:
    """Stopping keeps what has come and says so; asking again puts a new answer in its place."""
    start(page)
    ask(page, "Говори долго")
    expect(page.get_by_text("слово слово").first).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Остановить").click()
    expect(page.get_by_text("Ответ остановлен.")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("слово слово").first).to_be_visible()
    page.get_by_role("button", name="Ответить заново").click()
    expect(page.get_by_text("Ответ остановлен.")).to_have_count(0)
    page.get_by_role("button", name="Остановить").click()
    expect(page.get_by_text("Ответ остановлен.")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-testid=stChatMessage]")).to_have_count(2)


def test_a_page_that_was_read_is_taken_into_a_chat(page: Page) -> None:
    """From a result one button leads to a new chat that has the page's picture."""
    read(page, ("scan.png", encoded(picture("Hello world"), "PNG")))
    page.get_by_role("button", name="Спросить о странице").click()
    expect(page.locator(".strip .leaf")).to_have_count(1)
    ask(page, "Что здесь?")
    expect(page.get_by_text("Вопросов 1, ответов 0, картинок 1: Что здесь?")).to_be_visible()


def test_t28_an_answer_cannot_act(page: Page) -> None:
    """Tags, pictures, links and colours of an answer are text."""
    start(page)
    ask(page, "Скажи опасно")
    message = page.locator("[data-testid=stChatMessage]").nth(1)
    expect(message).to_contain_text("<script>window.hacked=1</script>")
    expect(message).to_contain_text("![пиксель](http://198.51.100.7/p.png)")
    assert message.locator("img[src^=http], a, script, iframe").count() == 0


def test_t28_formulas_are_drawn_and_nothing_else_acts(page: Page) -> None:
    """Formulas of an answer are drawn as such; what stands beside them, and a formula that would act, is text."""
    start(page)
    ask(page, "Скажи формулы")
    message = page.locator("[data-testid=stChatMessage]").nth(1)
    expect(message.locator(".katex")).to_have_count(4)
    expect(message.locator("table .katex")).to_have_count(1)
    expect(message).to_contain_text("цена 5$ и 10$")
    expect(message).to_contain_text("![пиксель](http://198.51.100.7/p.png) <b>нет</b>")
    expect(message).to_contain_text(":red[цвет] $\\href{javascript:window.hacked=1}{x}$")
    page.screenshot(path=rig.SHOTS / "formulas.png")
    assert message.locator("img[src^=http], a, script, iframe").count() == 0


def test_t31_boxes_stand_under_their_own_message(page: Page) -> None:
    """A layout's boxes belong to the answer that found them; the next answer has none, and nothing is drawn twice."""
    start(page, ("one.png", encoded(picture("ONE", size=(600, 800)), "PNG")))
    page.get_by_role("combobox", name=re.compile("Готовый вопрос")).click()
    page.get_by_role("option", name="Разметка страницы с рамками").click()
    page.get_by_role("button", name="Распознать").click()
    found = page.locator("[data-testid=stChatMessage]").nth(1)
    found.get_by_text("one.png").click()
    expect(found.locator(".picture .box")).to_have_count(3)
    ask(page, "А теперь словами?")
    expect(page.get_by_text("Вопросов 2, ответов 1, картинок 1: А теперь словами?")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-testid=stChatMessage]").nth(3).locator(".picture")).to_have_count(0)
    expect(page.locator("[data-testid=stChatMessage]").nth(1).locator(".picture")).to_have_count(1)


def test_chats_are_kept_apart_and_can_be_deleted(page: Page, bench: rig.Workbench) -> None:
    """A second chat knows nothing of the first; a deleted one is gone from the server too."""
    start(page)
    ask(page, "Первый разговор")
    expect(page.get_by_text("Вопросов 1, ответов 0, картинок 0: Первый разговор")).to_be_visible(timeout=20_000)
    first = page.url.rpartition("chat=")[2]
    page.get_by_role("button", name="Новый чат").click()
    page.wait_for_url(lambda url: first not in url)
    expect(page.locator("[data-testid=stChatMessage]")).to_have_count(0)
    page.goto(f"/chat?chat={first}")
    expect(page.get_by_text("Первый разговор").first).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Удалить чат").click()
    page.get_by_role("button", name="Удалить без возврата").click()
    rig.until(lambda: first not in [one["id"] for one in bench.get("/v1/chats")["data"]])


@pytest.fixture
def without(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A workbench that has the embedded readers only."""
    with rig.workbench(tmp_path_factory.mktemp("alone")) as found:
        page = chromium.new_page(base_url=found.url)
        yield page
        page.close()


def test_without_a_model_that_talks_the_page_says_so(without: Page) -> None:
    """The embedded readers hold no conversation; the page says what is needed and how to get it."""
    without.goto("/chat")
    expect(without.get_by_text("Для чата нужна модель")).to_be_visible(timeout=20_000)
    expect(without.get_by_text("Скачайте модель на странице «Модели»")).to_be_visible()
    without.get_by_role("button", name="Новый чат").click()
    expect(without.get_by_placeholder("Ваш вопрос")).to_have_count(0)
