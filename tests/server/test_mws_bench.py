"""MWS Vision Bench: a stub set in its layout, asked as its runner asks an OpenAI-compatible endpoint.

What its `src/inference/api_inference.py` (July 2026) sends: to the whole address it was given, with a bearer key, the
question before the picture as a data URI, temperature, top_p, both penalties and 8192 tokens, always streamed, five at
once. It keeps what stands in `delta.content` of lines that begin with `data: `, and asks no more than twice.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from rapidfuzz.distance import Levenshtein

from tests.conftest import encoded, picture
from tests.server.conftest import behind
from tests.server.test_chat import MODEL

TEXTS = {"first": "Invoice 2025", "second": "Total 17.50"}
SAID = '{"total": "17.50"} [120, 40, 360, 80]'

Item = Mapping[str, Any]


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, Any]]:
    """Questions of every core kind about two pages, as the entries of the set's JSON."""
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.png").write_bytes(encoded(picture(text), "PNG", dpi=(200, 200)))
    asked: list[tuple[str, str, str, list[Any]]] = [
        ("full-page OCR ru", "first.png", "Выпиши весь текст с картинки.", [TEXTS["first"]]),
        ("full-page OCR ru", "second.png", "Выпиши весь текст с картинки.", [TEXTS["second"]]),
        ("document parsing ru", "first.png", "Переведи документ в Markdown.", [TEXTS["first"]]),
        ("reasoning VQA ru", "second.png", "Какая сумма указана в документе?", ["17.50", "17,50"]),
        ("key information extraction ru", "second.png", 'Верни JSON с ключом "total".', ['{"total": ["17.50"]}']),
        ("text grounding ru", "second.png", "Где стоит сумма? Ответ: [x1, y1, x2, y2].", [120, 40, 360, 80]),
    ]
    names = ("type", "image_path", "question", "answers")
    return [
        {"id": str(number), "dataset_name": "stub", **dict(zip(names, one, strict=True))}
        for number, one in enumerate(asked)
    ]


def ask(api_url: str, model: str, item: Item, folder: Path, system: str = "") -> str:
    """What the runner would keep as `predict`."""
    content = base64.b64encode((folder / item["image_path"]).read_bytes()).decode()
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{content}"}}
    user = {"role": "user", "content": [{"type": "text", "text": item["question"]}, shown]}
    payload = {
        "model": model,
        "messages": [{"role": "system", "content": system}, user] if system else [user],
        "temperature": 0.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "max_tokens": 8192,
        "stream": True,
    }
    headers = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    with httpx.stream("POST", api_url, json=payload, headers=headers, timeout=120, trust_env=False) as response:
        assert response.status_code == 200, response.read()
        return "".join(pieces(response.iter_lines())).strip()


def pieces(lines: Iterator[str]) -> Iterator[str]:
    """The texts of a stream; as the runner does it, a `content` that is no string would be a fault."""
    for line in lines:
        if line == "data: [DONE]":
            return
        if line.startswith("data: "):
            choices = json.loads(line[6:])["choices"]
            if choices and "content" in choices[0]["delta"]:
                yield choices[0]["delta"]["content"]


def asked_by_five(url: str, model: str, items: list[Item], folder: Path) -> dict[str, str]:
    """Every answer by the number of its question, from as many threads as the runner has."""
    with ThreadPoolExecutor(5) as pool:
        said = pool.map(lambda item: ask(f"{url}/v1/chat/completions", model, item, folder), items)
        return {item["id"]: answer for item, answer in zip(items, said, strict=True)}


def points(item: Item, said: str) -> float:
    """The set's own score where its definition is simple; of full-page OCR the half without BLEU and METEOR."""
    answers = item["answers"]
    if item["type"] == "full-page OCR ru":
        words, true = set(said.split()), set(answers[0].split())
        agreed = 2 * len(words & true) / (len(words) + len(true))
        return (agreed + 1 - Levenshtein.normalized_distance(said, answers[0])) / 2
    if item["type"] == "reasoning VQA ru":
        return float(any(answer.lower() in said.lower() for answer in answers))
    if item["type"] == "text grounding ru":
        return float([float(one) for one in re.findall(r"\[(.*?)]", said)[-1].split(",")] == answers)
    return float(bool(said))


def test_a_reader_answers_the_questions_for_text(tmp_path: Path, items: list[Item]) -> None:
    """The embedded reader, asked five at once, gives what stands on the page and nothing else."""
    with behind(tmp_path, {}) as url:
        said = asked_by_five(url, "embedded", items[:2], tmp_path)
    assert [points(item, said[item["id"]]) for item in items[:2]] == [1.0, 1.0]


def test_a_model_that_talks_gets_every_question_and_is_heard_whole(tmp_path: Path, items: list[Item]) -> None:
    """Each kind of question reaches the model as it was put, with its picture, and the answer comes back unchanged."""
    note = tmp_path / "note.json"
    with behind(tmp_path, {MODEL: (f"text={SAID}", f"note={note}")}) as url:
        said = asked_by_five(url, MODEL, items, tmp_path)
        assert set(said.values()) == {SAID}
        assert all(points(item, SAID) == 1 for item in items[2:])
        # SYSTEM_PROMPT of the runner's environment goes in front
        assert ask(f"{url}/v1/chat/completions", MODEL, items[3], tmp_path, system="Отвечай кратко.") == SAID
    sent = json.loads(note.read_text(encoding="utf-8"))
    assert sent["temperature"] == 0
    assert sent["max_tokens"] == 8192
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    parts = {part["type"]: part for part in sent["messages"][1]["content"]}
    assert parts["text"]["text"] == items[3]["question"]
    assert parts["image_url"]["image_url"]["url"].startswith("data:image/")
