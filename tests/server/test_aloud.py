"""What is said of a page before its reply has ended."""

import json

from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.exchange import Request, Task
from chatvlmllm.geometry import Box, Size, whole
from chatvlmllm.server.aloud import Aloud

SIZE = Size(1000, 1000)
LINES = [f'строка {n} "о\\"' for n in range(5)]
LAYOUT = json.dumps(
    [{"bbox": [10, 10 * n, 500, 10 * n + 9], "category": "Text", "text": line} for n, line in enumerate(LINES)],
    ensure_ascii=False,
)


def request(model: str, task: Task, region: Box | None = None) -> Request:
    return Request(model=model, task=task, page=SIZE, region=region or whole(SIZE))


@given(st.integers(0, len(LAYOUT)), st.integers(1, 40))
def test_a_reply_is_understood_wherever_it_has_come_to(cut: int, step: int) -> None:
    """However little of a layout in JSON was said, what can be told of it is text, and never its notation."""
    aloud = Aloud()
    aloud.begin((0, 1), request("dots_ocr", Task.LAYOUT))
    for start in range(0, cut, step):
        aloud.hear((0, 1), LAYOUT[start : min(cut, start + step)])
    [saying] = aloud.now()
    assert "bbox" not in saying.text
    lines = [line for line in saying.text.splitlines() if line]
    assert lines[:-1] == LINES[: max(0, len(lines) - 1)]


def test_another_model_begins_anew_and_the_rest_of_a_page_goes_on() -> None:
    """A stand-in's text is in place of what failed; a reply about the rest of the page follows the first."""
    aloud, place = Aloud(), (0, 3)
    aloud.begin(place, request("got_ocr_hf", Task.TEXT))
    aloud.hear(place, "lost")
    aloud.begin(place, request("qwen3_vl_2b", Task.TEXT))
    aloud.hear(place, "first")
    aloud.begin(place, request("qwen3_vl_2b", Task.TEXT, Box(0, 500, 1000, 1000)))
    aloud.hear(place, "second")
    [saying] = aloud.now()
    assert (saying.page, saying.model, saying.text) == (3, "qwen3_vl_2b", "first\nsecond")
    aloud.end(place)
    aloud.hear(place, "late")
    assert aloud.now() == []
