"""Our own client and the command line's `--server` against a real server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatvlmllm.client import Client
from chatvlmllm.errors import (
    DamagedFile,
    FileMissing,
    JobUnfinished,
    KeyWrong,
    ServerUnreachable,
    UnknownJob,
    UnknownModel,
)
from chatvlmllm.fields import extract
from chatvlmllm.reading import Verdict
from chatvlmllm.run import Options
from tests.conftest import Outcome
from tests.pdfs import text_pdf
from tests.server.conftest import behind, serving, settings
from tests.server.papers import numbered

KEY = "0123456789abcdef-mine"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with behind(tmp_path_factory.mktemp("client"), {"qwen3_vl_2b": ("text=one two three", "pace=0.01")}) as url:
        yield url


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    with Client(server) as opened:
        yield opened


def test_reading_by_the_client_is_reading(client: Client, tmp_path: Path) -> None:
    """A path or bytes come back as the package's own run; a file that is not there or damaged is the usual error."""
    path = tmp_path / "act.pdf"
    path.write_bytes(text_pdf("Act 5", pages=3))
    run = client.recognize(path, pages="2-")
    assert [(reading.page, reading.text) for reading in run.readings] == [(2, "Act 5"), (3, "Act 5")]
    assert client.export(("x.pdf", path.read_bytes()), "txt") == b"Act 5\n\fAct 5\n\fAct 5\n"
    with pytest.raises(FileMissing):
        client.recognize(tmp_path / "gone.pdf")
    with pytest.raises(DamagedFile) as caught:
        client.recognize(("x.pdf", b"%PDF-1.7\n"))
    assert "damaged" in str(caught.value)
    with pytest.raises(UnknownModel):
        client.recognize(path, Options(model="teseract"))


def test_a_job_by_the_client(client: Client) -> None:
    """Submitted, followed, looked at page by page, fetched, listed and deleted."""
    job = client.submit([("a.pdf", numbered(4, "client")), ("b.txt", b"text")], Options(), priority=3)
    pages = [event.content["page"] for event in client.events(job.id) if event.kind == "page"]
    assert sorted(pages) == [1, 2, 3, 4]
    done = client.wait(job.id)
    assert (done.state, done.verdict, done.pages.done) == ("finished", "failed", 4)
    assert done.files is not None
    assert [file.error and file.error.code for file in done.files] == [None, "unsupported_file"]
    assert client.result(job.id).readings[2].text == client.page(job.id, 0, 3).text == "client 3"
    assert client.download(job.id, "txt")[:2] == b"PK"
    assert client.page_image(done.files[0].sha256 or "", 1, 100, "jpeg")[:2] == b"\xff\xd8"
    assert client.jobs(1)[0].id == job.id
    client.delete(job.id)
    with pytest.raises(UnknownJob):
        client.job(job.id)


def test_cancel_by_the_client(client: Client) -> None:
    """A cancelled job says so, and has what it has."""
    job = client.submit([("a.pdf", numbered(300, "cancelled"))])
    with pytest.raises(JobUnfinished):
        client.result(job.id)
    assert client.cancel(job.id).state == "cancelled"
    assert [event.content.get("state") for event in client.events(job.id)][-1] == "cancelled"


def test_fields_by_the_client_are_those_of_the_command(client: Client) -> None:
    """`/v1/extract` finds what `extract` finds on the same file, and masks what is to be masked."""
    lines = ("Invoice No. 17 dated 03.02.2025", "Total: 120.00")
    alike = Options(model="text_layer")
    here = extract(text_pdf(*lines), "invoice_en", options=alike)
    there = client.extract(("x.pdf", text_pdf(*lines)), "invoice_en", alike)
    assert there == here
    assert b"invoice_en" in client.extract_as(("x.pdf", text_pdf(*lines)), "csv", "invoice_en")


def test_talking_and_looking_after_models(client: Client) -> None:
    """Chat arrives in pieces; models are listed, loaded, told about and unloaded."""
    said = list(client.chat([{"role": "user", "content": "hello"}], "qwen3_vl_2b"))
    assert "".join(said).split() == ["one", "two", "three"]
    assert len(said) > 1
    assert "qwen3_vl_2b" in {model["id"] for model in client.models()}
    assert client.load("qwen3_vl_2b")["state"] in ("ready", "busy")
    assert isinstance(client.logs("qwen3_vl_2b"), list)
    assert client.unload("qwen3_vl_2b")["state"] == "absent"
    assert client.system()["version"]


def test_nobody_there_and_a_wrong_key_are_told_apart(tmp_path: Path) -> None:
    """No server is ServerUnreachable, a wrong key is KeyWrong."""
    with pytest.raises(ServerUnreachable), Client("http://127.0.0.1:1") as nobody:
        nobody.system()
    with serving(settings(tmp_path, keys={"me": KEY})) as url:
        with pytest.raises(KeyWrong), Client(url, "wrong") as stranger:
            stranger.system()
        with Client(url, KEY) as mine:
            assert mine.jobs() == ()


def test_the_command_reads_by_a_server(server: str, cli: Callable[..., Outcome], tmp_path: Path) -> None:
    """`recognize --server` writes what `recognize` writes, file by file, with the same exit codes."""
    one, two, bad = tmp_path / "one.pdf", tmp_path / "two.pdf", tmp_path / "bad.pdf"
    one.write_bytes(text_pdf("First", pages=2))
    two.write_bytes(text_pdf("Second"))
    bad.write_bytes(b"%PDF-1.7\n")
    files = (one, bad, two)
    here = cli("recognize", *files)
    there = cli("recognize", *files, "--server", server)
    assert there.text == here.text == "First\n\fFirst\nSecond\n"
    assert there.code == here.code == 1
    assert "bad.pdf" in there.err
    assert [cli("recognize", bad, *more).code for more in ((), ("--server", server))] == [2, 2]
    folder = tmp_path / "out"
    assert cli("recognize", one, "-f", "pdf", "-f", "json", "-o", folder, "--server", server).code == 0
    assert json.loads((folder / "one.json").read_text())["verdict"] == Verdict.OK
    assert (folder / "one.searchable.pdf").read_bytes()[:5] == b"%PDF-"
    nobody = cli("recognize", one, "--server", "http://127.0.0.1:1")
    assert nobody.code == 4
    assert "127.0.0.1:1" in nobody.err


def test_the_command_extracts_by_a_server(server: str, cli: Callable[..., Outcome], tmp_path: Path) -> None:
    """`extract --server` prints what `extract` prints."""
    paper = tmp_path / "invoice.pdf"
    paper.write_bytes(text_pdf("Invoice No. 17 dated 03.02.2025", "Total: 120.00"))
    # The server has a model that could be asked for the fields; the machine of the command has none.
    wishes = ("extract", paper, "-t", "invoice_en", "-f", "json", "-m", "text_layer")
    here, there = cli(*wishes), cli(*wishes, "--server", server)
    assert json.loads(there.text) == json.loads(here.text)
    assert there.code == here.code
