"""Documents over HTTP: at once and as jobs; what a client can see, stop and delete."""

import base64
import csv
import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import jsonschema
import pytest
from PIL import Image

from chatvlmllm.config import Jobs, Store
from chatvlmllm.errors import leaves
from chatvlmllm.export import FORMATS
from chatvlmllm.run import json_schema
from tests.conftest import encoded, picture
from tests.core.bad_inputs import CASES, Bad
from tests.pdfs import text_pdf
from tests.server.conftest import behind, serving, settings
from tests.server.papers import ended, followed, numbered, paper, queued

PDF = {"files": ("paper.pdf", text_pdf("Invoice 17", "Total 100", pages=2))}
KEYS = {"me": "0123456789abcdef-mine", "her": "0123456789abcdef-hers"}


def _client(url: str, owner: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {KEYS[owner]}"} if owner else {}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=120)


@pytest.mark.parametrize("format", FORMATS.values(), ids=lambda format: format.name)
def test_a_document_is_read_at_once_in_any_format(http: httpx.Client, format: object) -> None:
    """`format` and `Accept` both choose; the job's id and the verdict are in the headers."""
    named = http.post("/v1/recognize", files=PDF, data={"format": format.name})  # type: ignore[attr-defined]
    accepted = http.post("/v1/recognize", files=PDF, headers={"Accept": f"{format.media_type};q=1, */*;q=0.1"})  # type: ignore[attr-defined]
    for answer in (named, accepted):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == format.media_type  # type: ignore[attr-defined]
        assert (answer.headers["X-Verdict"], len(answer.headers["X-Job-Id"])) == ("ok", 32)
        assert answer.content


def test_json_is_the_published_schema_and_text_is_the_text(http: httpx.Client) -> None:
    """The same file as JSON and as text, by a form and by JSON, says the same."""
    run = http.post("/v1/recognize", files=PDF).json()
    jsonschema.validate(run, json_schema())
    assert [reading["verdict"] for reading in run["readings"]] == ["ok", "ok"]
    body = {"files": [{"name": "x.pdf", "content": base64.b64encode(PDF["files"][1]).decode()}], "format": "txt"}
    assert http.post("/v1/recognize", json=body).text == "Invoice 17\nTotal 100\n\fInvoice 17\nTotal 100\n"


def test_wishes_are_those_of_the_command_line(http: httpx.Client) -> None:
    """Model, task, languages, options and pages reach the pipeline; what it cannot do is the same error."""
    wishes = {
        "model": "embedded",
        "task": "layout",
        "lang": "eng",
        "pages": "2",
        "fallback": "false",
    }
    run = http.post("/v1/recognize", files=PDF, data=wishes).json()
    told = http.post("/v1/recognize", files=PDF, data={"option": ["color=red", "format=yes=no"], "kind": "act"}).json()
    assert told["options"]["settings"] == {"color": "red", "format": "yes=no"}
    assert run["options"]["languages"] == ["eng"]
    assert [(one["page"], one["answered"]) for one in run["readings"]] == [(2, "embedded")]
    for wrong, code in (
        ({"model": "tesseractt"}, "unknown_model"),
        ({"model": "text_layer", "task": "layout"}, "task_not_supported"),
        ({"model": "embedded", "option": "speed=1"}, "unknown_option"),
        ({"pages": "3-1"}, "bad_page_range"),
        ({"pages": "9"}, "page_out_of_range"),
        ({"format": "dox"}, "unknown_format"),
        ({"colour": "red"}, "invalid_request"),
        ({"option": "fast"}, "invalid_request"),
        ({"priority": "11"}, "invalid_request"),
    ):
        assert http.post("/v1/recognize", files=PDF, data=wrong).json()["error"]["code"] == code, wrong
    assert http.post("/v1/recognize", data={"model": "auto"}).json()["error"]["code"] == "invalid_request"
    assert http.post("/v1/recognize", content=b"%PDF").json()["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.one_file and not case.environ], ids=lambda case: case.name
)
def test_a_bad_file_is_the_same_error_as_on_the_command_line(http: httpx.Client, case: Bad, tmp_path: Path) -> None:
    """Every known kind of bad file, opened apart or while it is read, has its own code and status; nothing is 500."""
    file = Path(case.build(tmp_path)[0])
    if not file.is_file():
        pytest.skip("no file that could be sent")
    answer = http.post("/v1/recognize", files={"files": (file.name, file.read_bytes())})
    status = next(leaf.status for leaf in leaves() if leaf.code == case.code)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, case.code)


def test_one_bad_file_costs_the_others_nothing(http: httpx.Client) -> None:
    """A job of three files with a bad one in the middle reads two and says what is wrong with the third."""
    files = [
        ("files", ("a.pdf", text_pdf("first"))),
        ("files", ("b.pdf", b"%PDF-1.7\n")),
        ("files", ("c.pdf", text_pdf("last"))),
    ]
    job = ended(http, queued(http, files))
    assert (job["state"], job["verdicts"], job["verdict"]) == ("finished", {"ok": 2}, "failed")
    assert [file["error"] and file["error"]["code"] for file in job["files"]] == [None, "damaged_file", None]
    archive = zipfile.ZipFile(io.BytesIO(http.get(f"/v1/jobs/{job['id']}/result?format=txt").content))
    assert {name: archive.read(name) for name in archive.namelist()} == {"a.txt": b"first\n", "c.txt": b"last\n"}
    assert http.get(f"/v1/jobs/{job['id']}/result?format=txt&file=2").text == "last\n"
    assert http.get(f"/v1/jobs/{job['id']}/result?format=txt&file=1").json()["error"]["code"] == "damaged_file"


def test_a_job_tells_what_happens_and_can_be_followed_from_anywhere(http: httpx.Client) -> None:
    """Events are numbered without gaps; whoever lost the line gets exactly the rest with `Last-Event-ID`."""
    job = queued(http, {"files": ("n.pdf", numbered(12, "event"))})
    events = followed(http, job)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    states = [data["state"] for _, kind, data in events if kind == "state"]
    assert states == ["queued", "running", "finished"]
    pages = [data["page"] for _, kind, data in events if kind == "page"]
    assert sorted(pages) == list(range(1, 13))
    for after in (1, 5, len(events) - 1, len(events)):
        assert followed(http, job, after) == events[after:]


def test_progress_is_counted_and_measured(http: httpx.Client) -> None:
    """Pages, verdicts and seconds per page of a finished job; what was read before is not measured, and said."""
    content = numbered(6, "progress")
    first = ended(http, queued(http, {"files": ("a.pdf", content)}))
    assert (first["pages"]["done"], first["pages"]["total"], first["pages"]["cached"]) == (6, 6, 0)
    assert 0 < first["pages"]["seconds_per_page"] < first["ended"] - first["created"]
    assert first["verdicts"] == {"ok": 6}
    again = ended(http, queued(http, {"files": ("b.pdf", content)}))
    assert (again["pages"]["done"], again["pages"]["cached"]) == (6, 6)
    assert again["pages"]["seconds_per_page"] is None
    results = [http.get(f"/v1/jobs/{job['id']}/result?format=txt").text for job in (first, again)]
    assert results[0] == results[1]
    listed = http.get("/v1/jobs?limit=1").json()
    assert (listed["data"][0]["id"], listed["has_more"]) == (again["id"], True)
    older = http.get(f"/v1/jobs?limit=1&before={listed['data'][0]['created']}").json()
    assert older["data"][0]["id"] == first["id"]


def test_jobs_are_counted_for_prometheus(http: httpx.Client) -> None:
    """Pages of jobs are counted by verdict and model, and the queue has its length."""

    def pages() -> float:
        lines = http.get("/metrics").text.splitlines()
        mine = 'chatvlmllm_pages_total{model="text_layer",verdict="ok"} '
        return next((float(line.removeprefix(mine)) for line in lines if line.startswith(mine)), 0.0)

    before = pages()
    ended(http, queued(http, {"files": ("m.pdf", numbered(7, "metric"))}))
    assert pages() - before == 7
    assert 'chatvlmllm_jobs{state="queued"} 0.0' in http.get("/metrics").text


def test_a_page_can_be_seen_and_its_words_found(http: httpx.Client) -> None:
    """The page's picture has the pixels that its boxes count in; a smaller one keeps its shape."""
    job = ended(http, queued(http, paper("Locate me", pages=2)))
    digest = job["files"][0]["sha256"]
    reading = http.get(f"/v1/jobs/{job['id']}/files/0/pages/2").json()
    answer = http.get(f"/v1/documents/{digest}/pages/2/image")
    shown = Image.open(io.BytesIO(answer.content))
    assert shown.size == (reading["size"]["width"], reading["size"]["height"])
    word = reading["blocks"][0]["lines"][0]["words"][0]
    box = word["box"]
    assert word["text"] == "Locate"
    assert min(shown.convert("L").crop((box["x1"], box["y1"], box["x2"], box["y2"])).tobytes()) < 100
    small = Image.open(io.BytesIO(http.get(f"/v1/documents/{digest}/pages/2/image?width=200&format=jpeg").content))
    assert (small.format, small.width) == ("JPEG", 200)
    assert http.get(f"/v1/documents/{digest}/pages/3/image").status_code == 422
    assert http.get(f"/v1/documents/{'0' * 64}/pages/1/image").json()["error"]["code"] == "unknown_document"
    assert http.get(f"/v1/jobs/{job['id']}/files/0/pages/3").json()["error"]["code"] == "page_out_of_range"


@pytest.mark.parametrize("silence", ["pace=0.2", "hang=3"])
def test_cancel_ends_the_generation(tmp_path: Path, silence: str) -> None:
    """A model in the middle of a long answer, or of a long silence, is left at once, and no result is claimed."""
    long = " ".join(["word"] * 500)
    scan = encoded(picture("scan"), "PNG")
    with behind(tmp_path, {"qwen3_vl_2b": (f"text={long}", silence)}) as url, _client(url) as http:
        job = queued(http, {"files": ("scan.png", scan)}, model="qwen3_vl_2b", witness="off")
        _until(lambda: 'chatvlmllm_engine_leases{model="qwen3_vl_2b"} 1.0' in http.get("/metrics").text)
        assert http.get(f"/v1/jobs/{job}/result").json()["error"]["code"] == "job_unfinished"
        assert http.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
        _until(lambda: 'chatvlmllm_engine_leases{model="qwen3_vl_2b"} 0.0' in http.get("/metrics").text)
        assert followed(http, job)[-1][2]["state"] == "cancelled"
        found = http.get(f"/v1/jobs/{job}").json()
        assert (found["state"], found["pages"]["done"], found["verdict"]) == ("cancelled", 0, None)
        assert http.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"


def test_a_client_that_leaves_cancels_what_it_waited_for(tmp_path: Path) -> None:
    """Nobody reads for a connection that is gone."""
    long, scan = " ".join(["word"] * 500), encoded(picture("scan"), "PNG")
    with behind(tmp_path, {"qwen3_vl_2b": (f"text={long}", "pace=0.2")}) as url, _client(url) as http:
        with suppress(httpx.ReadTimeout):
            http.post(
                "/v1/recognize", files={"files": scan}, data={"model": "qwen3_vl_2b", "witness": "off"}, timeout=2
            )
        _until(lambda: http.get("/v1/jobs").json()["data"][0]["state"] == "cancelled")
        _until(lambda: 'chatvlmllm_engine_leases{model="qwen3_vl_2b"} 0.0' in http.get("/metrics").text)


def test_a_job_belongs_to_its_owner(tmp_path: Path) -> None:
    """For the owner of another key neither the job nor its pages nor its file exist."""
    with serving(settings(tmp_path, keys=KEYS)) as url, _client(url, "me") as mine, _client(url, "her") as hers:
        job = ended(mine, queued(mine, paper("private")))
        path, digest = f"/v1/jobs/{job['id']}", job["files"][0]["sha256"]
        assert hers.get("/v1/jobs").json()["data"] == []
        for method, where in (
            ("GET", path), ("GET", f"{path}/result"), ("GET", f"{path}/events"), ("GET", f"{path}/files/0/pages/1"),
            ("POST", f"{path}/cancel"), ("GET", f"/v1/documents/{digest}/pages/1/image"), ("DELETE", path),
        ):  # fmt: skip
            assert hers.request(method, where).status_code == 404, where
            assert mine.request(method, where).status_code == 200, where


def test_deleted_means_gone(tmp_path: Path) -> None:
    """Rows, results and the file go; what another owner refers to stays until he deletes it."""
    content = text_pdf("gone with the wind")
    with serving(settings(tmp_path, keys=KEYS)) as url, _client(url, "me") as mine, _client(url, "her") as hers:
        first = ended(mine, queued(mine, {"files": ("my secret name.pdf", content)}))
        second = ended(hers, queued(hers, {"files": ("her.pdf", content)}))
        assert second["pages"]["cached"] == 1
        assert mine.delete(f"/v1/jobs/{first['id']}").json() == {"id": first["id"], "deleted": True}
        assert mine.get(f"/v1/jobs/{first['id']}").status_code == 404
        left = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("store*"))
        assert b"my secret name" not in left
        assert hers.get(f"/v1/jobs/{second['id']}/result?format=txt").text == "gone with the wind\n"
        digest = second["files"][0]["sha256"]
        assert hers.get(f"/v1/documents/{digest}/pages/1/image").status_code == 200
        hers.delete(f"/v1/jobs/{second['id']}")
        files = [file for file in (tmp_path / "data" / "originals").rglob("*") if file.is_file()]
        assert files == []
        left = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("store*"))
        assert digest.encode() not in left


def test_nothing_is_left_where_nothing_may_be_kept(tmp_path: Path) -> None:
    """`keep: nothing`: a document is read, its job is over with its answer, and no file of the store was written."""
    chosen = settings(tmp_path).model_copy(update={"store": Store(keep="nothing")})
    with serving(chosen) as url, _client(url) as http:
        assert http.post("/v1/recognize", files=PDF, data={"format": "txt"}).status_code == 200
        assert http.get("/v1/jobs").json()["data"] == []
        job = ended(http, queued(http, PDF))
        assert http.get(f"/v1/jobs/{job['id']}/result?format=txt").status_code == 200
        http.delete(f"/v1/jobs/{job['id']}")
        assert [file for file in (tmp_path / "data").rglob("*") if file.is_file() and file.name != "server.json"] == []


def test_results_can_be_kept_without_files(tmp_path: Path) -> None:
    """`keep: results`: the file goes when its job has ended, what was read stays."""
    chosen = settings(tmp_path).model_copy(update={"store": Store(keep="results")})
    with serving(chosen) as url, _client(url) as http:
        job = ended(http, queued(http, paper("kept")))
        _until(lambda: not [file for file in (tmp_path / "data" / "originals").rglob("*") if file.is_file()])
        digest = job["files"][0]["sha256"]
        gone = http.get(f"/v1/documents/{digest}/pages/1/image")
        assert (gone.status_code, gone.json()["error"]["code"]) == (410, "original_gone")
        assert http.get(f"/v1/jobs/{job['id']}/result?format=txt").text == "kept\n"


def test_old_jobs_are_deleted(tmp_path: Path) -> None:
    """What ended longer ago than `store.keep_days` is gone at the next start."""
    chosen = settings(tmp_path)
    with serving(chosen) as url, _client(url) as http:
        ended(http, queued(http, paper("old")))
    short = chosen.model_copy(update={"store": Store(keep_days=1e-9)})
    with serving(short) as url, _client(url) as http:
        _until(lambda: http.get("/v1/jobs").json()["data"] == [])
    assert not [file for file in (tmp_path / "data" / "originals").rglob("*") if file.is_file()]


def test_a_full_queue_says_when_to_come_again(tmp_path: Path) -> None:
    """Jobs beyond `jobs.queue` are 429 with `Retry-After`, before the file is looked at; no accepted one is lost."""
    chosen = settings(tmp_path).model_copy(update={"jobs": Jobs(queue=3, parallel=1)})
    with serving(chosen) as url, _client(url) as http:
        content = numbered(200, "long")
        accepted, refused = [], 0
        for number in range(8):
            answer = http.post("/v1/jobs", files={"files": (f"{number}.pdf", content)}, data={"kind": str(number)})
            if answer.status_code == 202:
                accepted.append(answer.json()["id"])
            else:
                refused += 1
                assert (answer.status_code, answer.json()["error"]["code"]) == (429, "queue_full")
                assert int(answer.headers["Retry-After"]) > 0
        assert refused
        for job in accepted[1:]:
            http.post(f"/v1/jobs/{job}/cancel")
        assert ended(http, accepted[0])["state"] == "finished"


def test_a_long_job_does_not_keep_others_waiting(tmp_path: Path) -> None:
    """Who waits on the line is served while jobs fill every other place."""
    chosen = settings(tmp_path).model_copy(update={"jobs": Jobs(parallel=2)})
    with serving(chosen) as url, _client(url) as http:
        jobs = [queued(http, {"files": ("long.pdf", numbered(400, name))}) for name in ("one", "two")]
        assert http.post("/v1/recognize", files=paper("quick"), data={"format": "txt"}).text == "quick\n"
        states = [http.get(f"/v1/jobs/{job}").json()["state"] for job in jobs]
        assert states[1] == "queued"
        for job in jobs:
            http.post(f"/v1/jobs/{job}/cancel")


def test_csv_cells_stay_cells(http: httpx.Client) -> None:
    """An export through the server is the export of the command line: formulas in a scan do not become formulas."""
    text = http.post("/v1/recognize", files=paper("=SUM(1)"), data={"format": "csv"}).content.decode("utf-8-sig")
    assert all(not cell.startswith("=") for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row)


def test_html_of_a_hostile_scan_is_inert(http: httpx.Client) -> None:
    """Script in a document's text or name is shown, never run: escaped, and forbidden by the response's own policy."""
    content = text_pdf("<script>alert 1</script>")
    answer = http.post(
        "/v1/recognize", files={"files": ("<img src=x onerror=alert(1)>.pdf", content)}, data={"format": "html"}
    )
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def _until(true: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the readers inside the program only."""
    with serving(settings(tmp_path_factory.mktemp("server"))) as found:
        yield found


def test_events_are_json(http: httpx.Client) -> None:
    """Every event's data is one line of JSON with its time."""
    job = queued(http, paper("events"))
    assert all(json.loads(json.dumps(data))["at"] > 0 for _, _, data in followed(http, job))
