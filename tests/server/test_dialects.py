"""Clients of other document servers, with the requests that they really send."""

import base64
import io
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from tests.conftest import encoded, picture
from tests.pdfs import text_pdf
from tests.server.conftest import behind, serving, settings


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with behind(tmp_path_factory.mktemp("dialects"), {}) as found:
        yield found


@pytest.fixture(scope="module")
def docling(url: str) -> Iterator[httpx.Client]:
    """What docling's clients are: plain HTTP with their headers."""
    with httpx.Client(base_url=url, headers={"X-Api-Key": ""}, trust_env=False, timeout=60) as client:
        yield client


PAGE = encoded(picture("Total 2468"), "PNG")
PDF = text_pdf("First line", pages=2)


def within(content: bytes, name: str = "page.png") -> dict[str, str]:
    return {"kind": "file", "base64_string": base64.b64encode(content).decode(), "filename": name}


def test_docling_converts_an_upload(docling: httpx.Client) -> None:
    """The multipart request of docling's clients: repeated fields, the document in the body."""
    form = {"to_formats": ["md", "text"], "ocr_lang": ["en"], "image_export_mode": "placeholder", "do_ocr": "true"}
    answer = docling.post("/v1/convert/file", files=[("files", ("page.png", PAGE, "image/png"))], data=form)
    assert answer.status_code == 200, answer.text
    converted = answer.json()
    assert converted["status"] == "success"
    assert converted["document"]["filename"] == "page.png"
    assert "2468" in converted["document"]["md_content"]
    assert "2468" in converted["document"]["text_content"]
    assert converted["document"]["html_content"] is None
    assert converted["errors"] == []
    assert converted["processing_time"] >= 0


def test_docling_converts_what_is_within_the_request(docling: httpx.Client) -> None:
    """A base64 source, and a range of pages."""
    wanted = {"to_formats": ["md"], "page_range": [2, 2]}
    answer = docling.post("/v1/convert/source", json={"options": wanted, "sources": [within(PDF, "two.pdf")]}).json()
    assert answer["document"]["md_content"].count("First line") == 1
    refused = docling.post("/v1/convert/source", json={"sources": [{"kind": "http", "url": "http://127.0.0.1/a.pdf"}]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "url_forbidden")


def test_docling_is_told_what_is_not_made(docling: httpx.Client) -> None:
    """DoclingDocument JSON is not faked: it is absent, named, and the status says so."""
    wanted = {"to_formats": ["md", "json"]}
    answer = docling.post("/v1/convert/source", json={"options": wanted, "sources": [within(PAGE)]}).json()
    assert answer["status"] == "partial_success"
    assert answer["document"]["json_content"] is None
    assert "json" in answer["errors"][0]["error_message"]


def test_docling_converts_several_into_an_archive(docling: httpx.Client) -> None:
    """Several files come back as a ZIP."""
    files = [("files", (name, PAGE, "image/png")) for name in ("a.png", "b.png")]
    answer = docling.post("/v1/convert/file", files=files, data={"to_formats": "md"})
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["a.md", "b.md"]


@pytest.mark.parametrize("way", ["source", "file"])
def test_docling_polls_a_task(docling: httpx.Client, way: str) -> None:
    """Submit, poll with a wait, fetch the result; an unknown task is 404."""
    if way == "source":
        task = docling.post("/v1/convert/source/async", json={"sources": [within(PAGE)]}).json()
    else:
        task = docling.post("/v1/convert/file/async", files={"files": ("page.png", PAGE)}).json()
    assert task["task_type"] == "convert"
    end = time.monotonic() + 30
    while task["task_status"] in ("pending", "started"):
        assert time.monotonic() < end
        task = docling.get(f"/v1/status/poll/{task['task_id']}", params={"wait": 5}).json()
    assert task["task_status"] == "success"
    assert "2468" in docling.get(f"/v1/result/{task['task_id']}").json()["document"]["md_content"]
    assert docling.get(f"/v1/status/poll/{'0' * 32}").status_code == 404


def test_docling_options_mean_what_they_say(docling: httpx.Client) -> None:
    """Without OCR only the text that a PDF carries is read, and a scan is an error; forced OCR reads the picture."""
    plain = {"options": {"do_ocr": False}, "sources": [within(PDF, "a.pdf")]}
    assert "First line" in docling.post("/v1/convert/source", json=plain).json()["document"]["md_content"]
    scan = docling.post("/v1/convert/source", json={"options": {"do_ocr": False}, "sources": [within(PAGE)]})
    assert (scan.status_code, scan.json()["error"]["code"]) == (422, "no_text_layer")
    forced = {"options": {"force_ocr": True, "page_range": [1, 1]}, "sources": [within(PDF, "a.pdf")]}
    assert "First" in docling.post("/v1/convert/source", json=forced).json()["document"]["md_content"]
    wrong = {"options": {"ocr_lang": ["klingon language"]}, "sources": [within(PAGE)]}
    assert docling.post("/v1/convert/source", json=wrong).status_code == 422


def test_mistral_reads_a_document(url: str) -> None:
    """The official client's OCR request: a PDF as data URI, page by page as Markdown, pages counted from 0."""
    with Mistral(api_key="none", server_url=url) as client:
        source = "data:application/pdf;base64," + base64.b64encode(PDF).decode()
        document = {"type": "document_url", "document_url": source}
        read = client.ocr.process(model="mistral-ocr-latest", document=document)
        assert [page.index for page in read.pages] == [0, 1]
        assert "First line" in read.pages[0].markdown
        assert read.usage_info.pages_processed == 2
        assert read.pages[0].dimensions is not None
        one = client.ocr.process(model="mistral-ocr-latest", document=document, pages=[1])
        assert [page.index for page in one.pages] == [1]
        image = {"type": "image_url", "image_url": "data:image/png;base64," + base64.b64encode(PAGE).decode()}
        assert "2468" in client.ocr.process(model="embedded", document=image).pages[0].markdown


def test_mistral_hears_of_errors(url: str) -> None:
    """An unknown model and a file that is none are errors of the client's, with their status."""
    with Mistral(api_key="none", server_url=url) as client:
        for model, content, status in (("gpt-4o", PAGE, 404), ("embedded", b"nothing at all", 415)):
            image = {"type": "image_url", "image_url": "data:image/png;base64," + base64.b64encode(content).decode()}
            with pytest.raises(SDKError) as caught:
                client.ocr.process(model=model, document=image)
            assert caught.value.status_code == status


def test_open_webui_loads_a_file(url: str, tmp_path: Path) -> None:
    """Its loader's request: PUT with the file as body and a quoted name; a list of pages with metadata back."""
    path = tmp_path / "Счёт № 5.pdf"
    path.write_bytes(PDF)
    headers = {"Content-Type": "application/pdf", "Authorization": "Bearer none"}
    headers["X-Filename"] = quote(os.path.basename(path))  # noqa: PTH119 as its loader does
    pages = httpx.put(f"{url}/process", content=path.read_bytes(), headers=headers, timeout=60).json()
    assert [page["metadata"]["page"] for page in pages] == [1, 2]
    assert "First line" in pages[0]["page_content"]
    assert pages[0]["metadata"]["source"] == path.name
    assert pages[0]["metadata"]["verdict"] == "ok"
    assert httpx.put(f"{url}/process", content=b"", headers=headers).status_code == 422


def test_nothing_stays_where_nothing_is_to_be_kept(tmp_path: Path) -> None:
    """With `store.keep: nothing` a dialect's job is gone as soon as it was answered."""
    chosen = settings(tmp_path)
    chosen = chosen.model_copy(update={"store": chosen.store.model_copy(update={"keep": "nothing"})})
    with serving(chosen) as url:
        assert httpx.put(f"{url}/process", content=PAGE, timeout=60).status_code == 200
        assert httpx.get(f"{url}/v1/jobs").json()["data"] == []


def test_tasks_of_others_do_not_exist(tmp_path: Path) -> None:
    """A task is its owner's: another key gets 404 for its state and its result."""
    keys = {"me": "0123456789abcdef-mine", "her": "0123456789abcdef-hers"}
    with serving(settings(tmp_path, keys=keys)) as url:
        mine, hers = ({"X-Api-Key": key} for key in keys.values())
        task = httpx.post(f"{url}/v1/convert/source/async", json={"sources": [within(PAGE)]}, headers=mine).json()
        for path in (f"/v1/status/poll/{task['task_id']}", f"/v1/result/{task['task_id']}"):
            assert httpx.get(url + path, headers=hers).status_code == 404
        assert httpx.get(f"{url}/v1/status/poll/{task['task_id']}", headers=mine).status_code == 200
