"""Files and requests that mean harm: the server and everybody else's work come through."""

import base64
import io
import os
import signal
import socket
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pikepdf
import pytest
from PIL import Image

from chatvlmllm.config import Jobs, Limits, Settings
from chatvlmllm.errors import UnsafeFile
from chatvlmllm.server.apart import Chambers
from tests.conftest import encoded
from tests.pdfs import text_pdf
from tests.server.conftest import serving, settings
from tests.server.papers import ended, numbered, queued


@contextmanager
def _server(folder: Path, **more: object) -> Iterator[httpx.Client]:
    with (
        serving(settings(folder).model_copy(update=more)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=120) as http,
    ):
        yield http


def _flate_bomb(megabytes: int) -> bytes:
    """A PDF of some kilobytes whose one page is so many megabytes of spaces, deflated twice."""
    packer = zlib.compressobj(9)
    once = [packer.compress(b" " * 1_000_000) for _ in range(megabytes)] + [packer.flush()]
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 200))
    bomb = pikepdf.Stream(pdf, zlib.compress(b"".join(once), 9))
    bomb.Filter = pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.FlateDecode])
    page.Contents = bomb
    stream = io.BytesIO()
    pdf.save(stream, compress_streams=False)
    return stream.getvalue()


@pytest.mark.real
def test_a_flate_bomb_hurts_nobody(tmp_path: Path) -> None:
    """A page that unpacks to a gigabyte meets the memory limit of the process that opens it; the next file is read."""
    bomb = _flate_bomb(1000)
    assert len(bomb) < 100_000
    with _server(tmp_path, jobs=Jobs(file_memory_mb=500)) as http:
        answer = http.post("/v1/recognize", files={"files": ("bomb.pdf", bomb)}, data={"model": "text_layer"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unsafe_file")
        assert http.post("/v1/recognize", files={"files": text_pdf("alive")}, data={"format": "txt"}).text == "alive\n"


@pytest.mark.real
def test_a_picture_too_large_for_memory_is_refused(tmp_path: Path) -> None:
    """Pixels within the limit but beyond the process's memory are a 4xx, and a file beside it in the job is read."""
    big = encoded(Image.new("RGB", (13_000, 9_000)), "PNG")
    with _server(tmp_path, jobs=Jobs(file_memory_mb=500)) as http:
        answer = http.post("/v1/recognize", files={"files": ("big.png", big)})
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] in ("unsafe_file", "damaged_file")
        job = ended(http, queued(http, [("files", ("big.png", big)), ("files", ("good.pdf", text_pdf("good")))]))
        assert job["verdicts"] == {"failed": 1, "ok": 1}
        assert http.get(f"/v1/jobs/{job['id']}/result?format=txt&file=1").text == "good\n"


def test_a_file_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    """Drawing a page has a time limit; its process is ended and the server goes on."""
    strokes = b"".join(b"0 0 m %d %d l S " % (n % 200, n * 7 % 200) for n in range(600_000))
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(2000, 2000)).Contents = pdf.make_stream(strokes)
    stream = io.BytesIO()
    pdf.save(stream)
    with _server(tmp_path, jobs=Jobs(file_seconds=0.5)) as http:
        http.get("/healthz")
        answer = http.post(
            "/v1/recognize", files={"files": ("slow.pdf", stream.getvalue())}, data={"model": "embedded"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unsafe_file")
        assert http.get("/healthz").status_code == 200


def _children() -> list[int]:
    """The processes that open files for us."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"apart_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def test_a_file_that_ends_its_process_costs_one_page(tmp_path: Path) -> None:
    """When the process that has a file open dies, the page in hand is UnsafeFile and the next meets a fresh process."""
    path = tmp_path / "two.pdf"
    path.write_bytes(numbered(2))
    with Chambers(Settings()) as chambers, chambers.open(path, "two.pdf") as document:
        first, second = document.pages()
        for child in _children():
            os.kill(child, signal.SIGKILL)
        with pytest.raises(UnsafeFile):
            first.image()
        assert second.image().size == (second.size.width, second.size.height)
        layer = second.text_layer()
        assert layer is not None
        assert layer.text == "page 2"
    assert _children() == []


def test_the_opening_process_can_write_nothing_and_is_bounded(tmp_path: Path) -> None:
    """Address space, written files and core dumps are limited by the kernel."""
    path = tmp_path / "one.pdf"
    path.write_bytes(text_pdf("one"))
    with Chambers(Settings(jobs=Jobs(file_memory_mb=700))) as chambers, chambers.open(path, "one.pdf"):
        [child] = _children()
        limits = Path(f"/proc/{child}/limits").read_text()
    bounds = {line[:26].strip(): line[26:47].strip() for line in limits.splitlines()}
    assert bounds["Max address space"] == "700000000"
    assert bounds["Max file size"] == bounds["Max core file size"] == "0"


_PATHS = ("../../escaped.pdf", "..\\..\\escaped.pdf", "/etc/escaped.pdf", "C:\\escaped.pdf", "a/../../escaped.pdf")


def test_a_name_is_never_a_path(tmp_path: Path) -> None:
    """Whatever a client calls its files, nothing is written under that name, and the archive's members are plain."""
    with _server(tmp_path) as http:
        files = [{"name": name, "content": base64.b64encode(text_pdf(name[-4:])).decode()} for name in _PATHS]
        job = ended(http, str(http.post("/v1/jobs", json={"files": files}).json()["id"]))
        assert {file["name"] for file in job["files"]} == {"escaped.pdf"}
        archive = zipfile.ZipFile(io.BytesIO(http.get(f"/v1/jobs/{job['id']}/result?format=txt").content))
        more = [f"escaped.pdf-{number}.txt" for number in range(2, 6)]
        assert sorted(archive.namelist()) == [*more, "escaped.pdf.txt"]
    assert not list(tmp_path.parent.rglob("*escaped*"))


def test_a_name_cannot_move_a_cursor_or_a_header(tmp_path: Path) -> None:
    """Control characters, right-to-left marks and length are taken from a name."""
    with _server(tmp_path) as http:
        name = "a\x1b[2J\r\nX-Evil: 1\x00\u202egnp.exe" + "x" * 500
        content = base64.b64encode(text_pdf("one")).decode()
        refused = http.post("/v1/jobs", json={"files": [{"name": name, "content": content}]})
        assert refused.json()["error"]["code"] == "invalid_request"
        body = {"files": [{"name": name[:60], "content": content}]}
        shown = http.post("/v1/jobs", json=body).json()["files"][0]["name"]
        assert shown.isprintable()
        assert len(shown) <= 200


def test_pages_and_pixels_are_bounded(tmp_path: Path) -> None:
    """A document of too many pages and a picture of too many pixels are refused before they are read."""
    with _server(tmp_path, limits=Limits(pages=50, megapixels=1)) as http:
        for content, code in (
            (numbered(51), "too_many_pages"),
            (encoded(Image.new("1", (2000, 2000)), "PNG"), "image_too_large"),
        ):
            answer = http.post("/v1/recognize", files={"files": content})
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, code)
        assert [one["state"] for one in http.get("/v1/jobs").json()["data"]] in (["finished"], ["failed"], [])


@pytest.mark.parametrize("framing", ["announced", "chunked"])
def test_a_gigabyte_is_refused_early(tmp_path: Path, framing: str) -> None:
    """An upload beyond the limit is 413 before it was sent: at its announcement, or a little after the limit."""
    chosen = settings(tmp_path, body_mb=3)
    with serving(chosen) as url:
        port = int(url.rpartition(":")[2])
        head = b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.pdf"\r\n\r\n%PDF-1.7\n'
        sent, piece = 0, b"x" * 100_000
        with closing(socket.create_connection(("127.0.0.1", port))) as sender:
            sender.settimeout(20)
            if framing == "announced":
                sender.sendall(head + b"Content-Length: 1000000000\r\n\r\n" + part)
            else:
                sender.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n" % (len(part), part))
                with suppress(OSError):
                    while sent < 1_000_000_000:
                        sender.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                        sent += len(piece)
            answer = b""
            with suppress(OSError):
                answer = sender.recv(4000)
        assert sent < 100_000_000
        assert answer == b"" or b" 413 " in answer.splitlines()[0]
        if framing == "announced":
            assert b" 413 " in answer.splitlines()[0]
        assert httpx.get(f"{url}/healthz").status_code == 200
        _until_empty(tmp_path / "data" / "arriving" / "new")


def test_files_within_json_are_bounded(tmp_path: Path) -> None:
    """JSON holds its files in memory, so it may be less large than a form."""
    with _server(tmp_path, jobs=Jobs(json_mb=0.1)) as http:
        content = base64.b64encode(bytes(200_000)).decode()
        answer = http.post("/v1/jobs", json={"files": [{"name": "x", "content": content}]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def _until_empty(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while list(folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
