"""What people do with results over HTTP: corrections, fields, archives, history, chats."""

import io
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from tests.pdfs import text_pdf
from tests.server.conftest import serving, settings
from tests.ui.rig import until

PAPER = text_pdf("Invoice 17", "=2+5 total", "<b>bold</b>")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    keys = {"anna": "a" * 20, "boris": "b" * 20}
    with (
        serving(settings(tmp_path_factory.mktemp("desk"), keys=keys)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60, headers={"X-API-Key": keys["anna"]}) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def job(desk: httpx.Client) -> str:
    """A job about one file that was read from its text layer."""
    files = {"files": ("Счёт Ромашка.pdf", PAPER)}
    number = desk.post("/v1/jobs", files=files, data={"model": "text_layer"}).json()["id"]
    until(lambda: desk.get(f"/v1/jobs/{number}").json()["state"] == "finished")
    return str(number)


def test_what_is_put_right_is_kept_and_exported(desk: httpx.Client, job: str) -> None:
    """A corrected text is in every text export, harmless in a table; the reading itself stays as it was."""
    place = f"/v1/jobs/{job}/files/0"
    assert desk.get(f"{place}/corrections").json() == {"blocks": {}, "cells": {}, "fields": {}}
    right = {"blocks": {"1:0": "=1+1 corrected <i>"}, "cells": {}, "fields": {}}
    assert desk.put(f"{place}/corrections", json=right).json() == right
    assert "=1+1 corrected" in desk.get(f"{place}/corrected", params={"format": "txt"}).text
    assert "'=1+1 corrected" in desk.get(f"{place}/corrected", params={"format": "csv"}).content.decode("utf-8-sig")
    assert "&lt;i&gt;" in desk.get(f"{place}/corrected", params={"format": "html"}).text
    assert '"corrected"' in desk.get(f"{place}/corrected", params={"format": "json"}).text
    assert "corrected" not in desk.get(f"{place}/pages/1").text
    desk.put(f"{place}/corrections", json={})
    assert "=1+1 corrected" not in desk.get(f"{place}/corrected").text


def test_everything_is_in_one_archive(desk: httpx.Client, job: str) -> None:
    """One member per format, named after the file."""
    from chatvlmllm.export import FORMATS

    packed = zipfile.ZipFile(io.BytesIO(desk.get(f"/v1/jobs/{job}/everything").content))
    assert {f"Счёт Ромашка{format.suffix}" for format in FORMATS.values()} <= set(packed.namelist())
    assert packed.testzip() is None


def test_fields_come_with_their_checks_in_the_callers_language(desk: httpx.Client, job: str) -> None:
    """A named type is used, its titles are in the language asked for, and a workbook can be had."""
    place = f"/v1/jobs/{job}/files/0/fields"
    for language, title in (("ru", "Счёт на оплату"), ("en", "nvoice")):
        found = desk.get(place, params={"type": "invoice"}, headers={"Accept-Language": language}).json()
        assert found["form"] == "invoice"
        assert title in found["title"]
    assert desk.get(place, params={"type": "invoice", "format": "xlsx"}).content[:2] == b"PK"
    assert desk.get(place, params={"type": "no such"}).status_code == 404
    assert desk.get(place, params={"format": "exe"}).status_code == 422


def test_the_history_is_searched_by_name_in_any_case(desk: httpx.Client, job: str) -> None:
    """A part of a Russian name finds the job whatever its letter case; nothing else does."""
    assert [one["id"] for one in desk.get("/v1/history", params={"name": "РОМАШ"}).json()["data"]] == [job]
    assert desk.get("/v1/history", params={"name": "другое"}).json()["data"] == []


def test_only_what_was_not_read_is_read_again(desk: httpx.Client, job: str) -> None:
    """A job without a failed page gives nothing to read again."""
    refused = desk.post(f"/v1/jobs/{job}/again")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
    assert [one["done"] for one in desk.get(f"/v1/jobs/{job}/progress").json()["data"]] == [1]


def test_a_chat_keeps_its_messages_and_pictures(desk: httpx.Client) -> None:
    """Messages come back as they were put, a PDF's pages become pictures, deleting leaves nothing."""
    chat = desk.post("/v1/chats", json={"title": "Разговор"}).json()["id"]
    message = {"role": "user", "text": "вопрос", "pictures": [1]}
    files = {"files": ("two.pdf", text_pdf("A", pages=3))}
    assert desk.post(f"/v1/chats/{chat}/pictures", files=files, data={"pages": "2-3"}).json() == {"numbers": [1, 2]}
    assert desk.put(f"/v1/chats/{chat}", json={"title": "Т", "messages": [message]}).json()["messages"] == [message]
    assert desk.get(f"/v1/chats/{chat}/pictures/2").content[:2] == b"\xff\xd8"
    assert desk.get(f"/v1/chats/{chat}").json()["pictures"] == {"1": "two.pdf · 2", "2": "two.pdf · 3"}
    assert chat in [one["id"] for one in desk.get("/v1/chats").json()["data"]]
    assert desk.delete(f"/v1/chats/{chat}").status_code == 200
    assert desk.get(f"/v1/chats/{chat}").json()["error"]["code"] == "unknown_chat"


def test_what_is_somebody_elses_does_not_exist(desk: httpx.Client, job: str) -> None:
    """Another key sees neither the chat nor the corrections nor the history of this one."""
    chat = desk.post("/v1/chats", json={}).json()["id"]
    other = {"X-API-Key": "b" * 20}
    for path in (f"/v1/chats/{chat}", f"/v1/jobs/{job}/files/0/corrections", f"/v1/jobs/{job}/everything"):
        assert desk.get(path, headers=other).status_code == 404
    assert desk.put(f"/v1/chats/{chat}", json={}, headers=other).status_code == 404
    assert desk.get("/v1/history", headers=other).json()["data"] == []
