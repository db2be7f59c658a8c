"""Files that are looked at before they are read: pages in small, and who would read them."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from chatvlmllm.errors import OriginalGone
from chatvlmllm.server.previews import Previews
from tests.conftest import encoded, picture
from tests.pdfs import text_pdf
from tests.server.conftest import serving, settings
from tests.server.papers import ended, numbered, queued
from tests.ui.rig import until

KEYS = {"anna": "a" * 20, "boris": "b" * 20}


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        serving(settings(tmp_path_factory.mktemp("looked"), keys=KEYS)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60, headers={"X-API-Key": KEYS["anna"]}) as client,
    ):
        yield client


def preview(http: httpx.Client, name: str, content: bytes) -> dict:
    answer = http.post("/v1/previews", files={"files": (name, content)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_pages_are_seen_in_small_and_nothing_is_read(looked: httpx.Client) -> None:
    """A window of a long PDF comes as small upright pictures; there is no job, and a stranger sees nothing of it."""
    before = {job["id"] for job in looked.get("/v1/jobs").json()["data"]}
    found = preview(looked, "long.pdf", text_pdf("A page of many", pages=40))
    assert (found["name"], found["pages"]) == ("long.pdf", 40)
    place = f"/v1/previews/{found['id']}"
    leaves = looked.get(f"{place}/pages", params={"first": 37, "count": 12, "width": 100}).json()["data"]
    assert [leaf["page"] for leaf in leaves] == [37, 38, 39, 40]
    image = Image.open(io.BytesIO(base64.b64decode(leaves[0]["image"].partition(",")[2])))
    assert image.width == 100
    assert {job["id"] for job in looked.get("/v1/jobs").json()["data"]} == before
    assert looked.get(f"{place}/pages", headers={"X-API-Key": KEYS["boris"]}).json()["error"]["code"] == "original_gone"
    assert looked.delete(place).json()["deleted"]
    assert looked.get(f"{place}/pages").status_code == 410


def test_what_cannot_be_opened_is_refused_at_once(looked: httpx.Client) -> None:
    """A broken file is the same error as when it is to be read."""
    answer = looked.post("/v1/previews", files={"files": ("x.pdf", b"%PDF-1.7 broken")})
    assert answer.json()["error"]["code"] == "damaged_file"


def test_auto_says_whom_it_would_ask_and_why(looked: httpx.Client) -> None:
    """A page with text of its own goes to its text layer, a scan to who can read it here; the reason is in words."""
    born = preview(looked, "born.pdf", text_pdf("Invoice 17"))["id"]
    scan = preview(looked, "scan.png", encoded(picture("Hello"), "PNG"))["id"]
    told = {"Accept-Language": "ru"}
    first = looked.get("/v1/route", params={"model": "auto", "preview": born}, headers=told).json()["candidates"][0]
    assert (first["model"], first["reason"], first["why"]) == ("text_layer", "text_layer", "в PDF есть текст")
    for wanted in ({"preview": scan}, {}):
        found = looked.get("/v1/route", params={"model": "auto", **wanted}).json()["candidates"]
        read = looked.post("/v1/recognize", files={"files": ("scan.png", encoded(picture("Hello"), "PNG"))}).json()
        assert [found[0]["model"], found[0]["reason"]] == [
            read["readings"][0]["attempts"][0][name] for name in ("model", "reason")
        ]
    assert looked.get("/v1/route", params={"model": "nobody"}).json()["error"]["code"] == "unknown_model"


def test_every_file_of_a_job_may_have_pages_of_its_own(looked: httpx.Client) -> None:
    """Lists of pages separated by semicolons go to the files in order; another number of lists is refused."""
    files = [("files", (f"{n}.pdf", numbered(4))) for n in range(3)]
    job = ended(looked, queued(looked, files, model="text_layer", pages="2-3;;4"))
    assert [file["wanted"] for file in job["files"]] == [[2, 3], [1, 2, 3, 4], [4]]
    refused = looked.post("/v1/jobs", files=files, data={"pages": "1;2"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "pages")


def test_a_file_that_nobody_looks_at_is_gone(tmp_path: Path) -> None:
    """Without anybody asking for it a preview leaves the disk by itself, and with the program at the latest."""
    previews, place = Previews(0.2), tmp_path / "seen"
    place.write_bytes(b"private")
    number = previews.add("anna", place, "seen.pdf", 1)
    assert previews.get("anna", number).path == place
    until(lambda: not place.exists())
    with pytest.raises(OriginalGone):
        previews.get("anna", number)
    place.write_bytes(b"private")
    previews.add("anna", place, "seen.pdf", 1)
    previews.close()
    assert not place.exists()
