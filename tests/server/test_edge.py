"""What every request passes: numbers, keys, origins, sizes, and how an error looks."""

import hmac
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from chatvlmllm.config import Settings
from chatvlmllm.errors import AddressTaken, KeyNeeded, ServerRuns
from chatvlmllm.server.presence import present, running
from chatvlmllm.server.run import listening, serve
from tests.pdfs import text_pdf
from tests.server.conftest import serving, settings

KEY, OTHER = "0123456789abcdef-mine", "0123456789abcdef-hers"


def test_the_server_answers_and_can_read(http: httpx.Client) -> None:
    """`/healthz` says that it lives, `/readyz` that a picture was really read."""
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ok"}


def test_readiness_is_not_claimed_without_a_reader(tmp_path: Path) -> None:
    """Where the embedded reader cannot start, `/readyz` is an error with a code and `/healthz` stays well."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "routing.toml").write_text('[embedded]\nchain = ["qwen3_vl_2b"]\n')
    with serving(settings(tmp_path)) as url:
        refused = httpx.get(f"{url}/readyz", timeout=30)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] in ("missing_weights", "missing_extra", "engine_not_supported")
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_readiness_is_not_claimed_without_a_store(tmp_path: Path) -> None:
    """When the store cannot be used any more, `/readyz` is an error and `/healthz` stays well."""
    chosen = settings(tmp_path)
    with serving(chosen) as url:
        assert httpx.get(f"{url}/readyz", timeout=30).status_code == 200
        [store] = [path for path in chosen.data.iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3")]
        with closing(sqlite3.connect(store)) as database:
            database.execute("ALTER TABLE jobs RENAME TO gone")
        refused = httpx.get(f"{url}/readyz", timeout=90)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unusable")
        assert httpx.get(f"{url}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "no_such_path"), ("DELETE", "/healthz", 405, "method_not_allowed")],
)
def test_errors_have_one_shape(http: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    """Message, type, param, code and hint, in the client's language, with the number of the request."""
    for language, letters in (("en", "abc"), ("ru-RU,ru;q=0.9", "абв")):
        refused = http.request(method, path, headers={"Accept-Language": language, "X-Request-Id": "my-7"})
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (status, code)
        assert {"message", "type", "param", "code", "hint"} <= set(error)
        assert any(letter in error["message"] for letter in letters)
        assert error["request_id"] == refused.headers["X-Request-Id"] == "my-7"


def test_a_request_number_cannot_forge_a_header(http: httpx.Client) -> None:
    """A number that is no plain word is replaced by ours."""
    answer = http.get("/healthz", headers={"X-Request-Id": "a b;c"})
    assert answer.headers["X-Request-Id"] != "a b;c"


def test_a_key_opens_the_server_and_nothing_else_does(tmp_path: Path) -> None:
    """Both ways to send a key work; none, a wrong one and a beginning of one are 401; only probes are open."""
    with serving(settings(tmp_path, keys={"me": KEY, "her": OTHER})) as url:
        good = [{"Authorization": f"Bearer {KEY}"}, {"X-Api-Key": OTHER}]
        bad = [{}, {"X-Api-Key": KEY[:-1]}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer"}]
        assert [httpx.get(f"{url}/v1/system", headers=headers).status_code for headers in good] == [200, 200]
        for headers in bad:
            refused = httpx.get(f"{url}/v1/system", headers=headers)
            assert refused.status_code == 401
            assert refused.json()["error"]["code"] == "key_wrong"
            assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert httpx.get(f"{url}/metrics").status_code == 401
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_time_tells_nothing_about_a_guessed_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was sent, digests of one length are compared with every key, in constant time."""
    compared: list[int] = []
    real = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(len(other))
        return real(one, other)

    with serving(settings(tmp_path, keys={"me": KEY, "her": OTHER})) as url:
        monkeypatch.setattr(hmac, "compare_digest", counted)
        for guess in (KEY, OTHER, KEY[:3], "a" * 5000):
            httpx.get(f"{url}/v1/system", headers={"X-Api-Key": guess})
    assert compared == [32] * 8


def test_pages_of_others_may_not_call(http: httpx.Client, url: str, tmp_path: Path) -> None:
    """CORS is closed by default: a foreign origin is refused, also when it comes by another name (DNS rebinding)."""
    foreign = http.get("/v1/system", headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "origin_forbidden")
    assert "access-control-allow-origin" not in foreign.headers
    rebound = http.get("/v1/system", headers={"Host": "evil.example", "Origin": "http://evil.example"})
    assert rebound.status_code == 403
    assert http.get("/v1/system", headers={"Origin": url}).status_code == 200
    with serving(settings(tmp_path, cors=("https://good.example",))) as open_to:
        good = "https://good.example"
        allowed = httpx.get(f"{open_to}/v1/system", headers={"Origin": good})
        assert allowed.headers["access-control-allow-origin"] == good
        assert httpx.get(f"{open_to}/v1/system", headers={"Origin": "https://evil.example"}).status_code == 403


def test_every_answer_is_inert_in_a_browser(http: httpx.Client) -> None:
    """No guessing of types, no scripts, no frames: whatever a stored page holds stays text."""
    for path in ("/healthz", "/nowhere", "/v1/system"):
        headers = http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_t28_html_of_a_hostile_scan_is_inert(http: httpx.Client) -> None:
    """A page that carries markup comes back as text in HTML, and the browser is told to run nothing of it."""
    hostile = text_pdf("<script>alert(1)</script>", "<img src=x onerror=alert(1)>")
    files = {"files": ("<script>alert(2)</script>.pdf", hostile)}
    answer = http.post("/v1/recognize", files=files, data={"format": "html"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "alert(1)" in answer.text
    assert "<script" not in answer.text
    assert "<img" not in answer.text


def test_slowloris_loses_its_connection(tmp_path: Path) -> None:
    """Who sends a letter of a header now and then is cut off, and others are served meanwhile."""
    with serving(settings(tmp_path, patience_seconds=1)) as url:
        port = int(url.rpartition(":")[2])
        with closing(socket.create_connection(("127.0.0.1", port))) as slow:
            slow.settimeout(20)
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
            assert httpx.get(f"{url}/healthz").status_code == 200
            assert slow.recv(100) == b""


def test_an_endless_head_is_refused(url: str) -> None:
    """Headers without end do not fill the memory."""
    port = int(url.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port))) as talker:
        talker.settimeout(20)
        talker.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        sent = 0
        with suppress(OSError):
            while sent < 20_000_000:
                talker.sendall(b"X-A: " + b"a" * 1000 + b"\r\n")
                sent += 1007
        assert sent < 20_000_000


def test_the_access_log_names_no_document(tmp_path: Path) -> None:
    """JSON lines with number, route, status and seconds; neither the query nor the path of what was asked."""
    with running_command(tmp_path, "--log", "json") as (process, url):
        httpx.get(f"{url}/nowhere/passport-of-ivanov.pdf?q=secret")
        httpx.get(f"{url}/v1/system", headers={"X-Request-Id": "n1"})
        lines = ended(process)
    assert "ivanov" not in "".join(lines)
    assert "secret" not in "".join(lines)
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    mine = next(line for line in logged if line.get("request") == "n1")
    assert (mine["route"], mine["status"], mine["owner"]) == ("/v1/system", 200, "local")
    assert mine["seconds"] > 0


class running_command:  # noqa: N801 a context manager
    """`chatvlmllm serve` as a process, once it listens."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environ = {**os.environ, "CHATVLMLLM_DATA": str(folder / "data")}
        command = [sys.executable, "-m", "chatvlmllm", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
        self.data = folder / "data"

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "http://" in line:
                found = running(self.data)
                assert found is not None
                assert found.pid == self.process.pid
                return self.process, found.url
        raise AssertionError

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def ended(process: "subprocess.Popen[str]") -> list[str]:
    """Ask the server to end; what it wrote."""
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    lines = process.stderr.readlines()
    assert process.wait(20) == 128 + signal.SIGTERM
    return lines


def test_others_find_the_server_while_it_runs_and_not_after(tmp_path: Path) -> None:
    """`server.json` leads to a living server; a second one on the same folder is refused; afterwards there is none."""
    with running_command(tmp_path) as (process, url):
        assert httpx.get(f"{url}/healthz").status_code == 200
        with pytest.raises(ServerRuns) as caught:
            serve(settings(tmp_path))
        assert caught.value.details["url"] == url
        ended(process)
    assert running(tmp_path / "data") is None
    with present(tmp_path / "data", "http://127.0.0.1:1"):
        assert running(tmp_path / "data") is not None


def test_t60_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    """Not a stack trace and not another port: an error that names the port."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AddressTaken) as caught:
            listening(Settings(server={"port": port}).server)  # type: ignore[arg-type]
    assert caught.value.details["port"] == port


def test_the_server_is_not_opened_to_others_without_a_key(tmp_path: Path) -> None:
    """An address beyond this machine needs a key; the default is this machine."""
    assert Settings().server.host == "127.0.0.1"
    for host in ("0.0.0.0", "::", "192.168.1.7"):
        with pytest.raises(KeyNeeded):
            serve(settings(tmp_path, host=host))


def test_the_head_of_a_kept_connection_is_timed_too(tmp_path: Path) -> None:
    """Patience begins anew with every request of one connection; a long answer does not use it up."""
    with serving(settings(tmp_path, patience_seconds=1)) as url, httpx.Client(base_url=url) as client:
        for _ in range(3):
            assert client.get("/healthz").status_code == 200
            time.sleep(0.6)


def raw(url: str, head: str, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send a POST by hand; what comes back before the connection ends."""
    answer = b""
    with closing(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))) as client:
        client.settimeout(20)
        path = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        with suppress(OSError):
            client.sendall(f"{path}{head}\r\n\r\n".encode())
            for piece in pieces:
                client.sendall(piece)
                time.sleep(pause)
        with suppress(OSError):
            while more := client.recv(10_000):
                answer += more
    return answer


def test_a_body_too_large_is_refused_early(tmp_path: Path) -> None:
    """An announced gigabyte is refused before it is sent, an unannounced one as soon as it passes the limit."""
    with serving(settings(tmp_path, body_mb=0.1)) as url:
        assert b" 413 " in raw(url, f"Content-Length: {10**9}")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        assert b" 413 " in raw(url, "Transfer-Encoding: chunked", piece, piece, pause=0.1)
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_a_body_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    """A pause beyond the patience is 408; so is a byte now and then that never makes a request."""
    with serving(settings(tmp_path, patience_seconds=0.5)) as url:
        assert b" 408 " in raw(url, "Content-Length: 100", b"{")
        assert b" 408 " in raw(url, "Content-Length: 100", *([b" "] * 6), pause=0.2)


def test_a_full_server_says_when_to_come_again(tmp_path: Path) -> None:
    """Beyond its queue the server answers 429 with `Retry-After`, and 200 again when there is room."""
    with serving(settings(tmp_path, queue=1, patience_seconds=3)) as url:
        with closing(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))) as holder:
            holder.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
            busy = httpx.get(f"{url}/v1/system")
            while busy.status_code == 200:
                busy = httpx.get(f"{url}/v1/system")
            assert (busy.status_code, busy.json()["error"]["code"]) == (429, "server_busy")
            assert int(busy.headers["Retry-After"]) > 0
            assert httpx.get(f"{url}/healthz").status_code == 200
        while httpx.get(f"{url}/v1/system").status_code != 200:
            time.sleep(0.05)
