"""Fetching addresses that requests name: switched off, then only what is public, at every step of the way."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatvlmllm.config import Limits, Serving, Settings
from chatvlmllm.errors import ChatVLMLLMError, FileTooLarge, OfflineForbidden, UrlFailed, UrlForbidden
from chatvlmllm.server import fetch as fetching
from chatvlmllm.server.fetch import fetch, is_public
from tests.conftest import encoded, picture
from tests.server.conftest import behind

ALLOWED = Settings(server=Serving(allow_urls=True))


@contextmanager
def web(answers: dict[str, tuple[int, dict[str, str], bytes]], host: str = "127.0.0.1") -> Iterator[tuple[int, list]]:
    """A web server that answers by path; its port, and the hosts that it was asked as."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def first_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine nothing is public; so 127.0.0.1 plays the internet, and all else is judged as always."""
    real = fetching.is_public
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1" or real(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1",
    ],
)  # fmt: skip
def test_only_the_public_internet_is_public(address: str) -> None:
    """Loopback, private, link-local, shared, multicast, and all of these hidden inside an IPv6 address are not."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "::ffff:8.8.8.8"])
def test_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/", "http://localhost/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
        "http://0x7f.1/", "http://017700000001/", "http://user:pw@127.0.0.1/", "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/a.png",
    ],
)  # fmt: skip
def test_addresses_of_this_machine_are_refused_however_written(url: str) -> None:
    """Numbers in any base, names, IPv6 and passwords before the host change nothing."""
    with pytest.raises((UrlForbidden, UrlFailed)) as caught:
        fetch(url, ALLOWED)
    assert caught.type is UrlForbidden or "name" in str(caught.value)


def test_nothing_is_fetched_unless_allowed() -> None:
    """Switched off by default, and never when offline."""
    with pytest.raises(UrlForbidden):
        fetch("http://8.8.8.8/", Settings())
    with pytest.raises(OfflineForbidden):
        fetch("http://8.8.8.8/", Settings(server=Serving(allow_urls=True), offline=True))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://8.8.8.8/", "gopher://8.8.8.8/", "http://", "http://[bad"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(UrlForbidden):
        fetch(url, ALLOWED)


@pytest.mark.usefixtures("first_is_public")
def test_a_redirect_into_this_machine_is_refused() -> None:
    """Each hop is judged anew; a public page cannot send the server to a private one, nor round in circles."""
    with web({"/secret": (200, {}, b"secret")}, host="127.0.0.2") as (inner, asked):
        answers = {
            "/in": (302, {"Location": f"http://127.0.0.2:{inner}/secret"}, b""),
            "/file": (302, {"Location": "file:///etc/passwd"}, b""),
            "/round": (302, {"Location": "/round"}, b""),
            "/on": (301, {"Location": "/here"}, b""),
            "/here": (200, {}, b"content"),
        }
        with web(answers) as (port, _):
            root = f"http://127.0.0.1:{port}"
            for path in ("/in", "/file"):
                with pytest.raises(UrlForbidden):
                    fetch(root + path, ALLOWED)
            with pytest.raises(UrlFailed, match="redirects"):
                fetch(root + "/round", ALLOWED)
            assert fetch(root + "/on", ALLOWED) == b"content"
        assert asked == []


@pytest.mark.usefixtures("first_is_public")
def test_a_name_that_changes_its_address_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name is asked for once, and the connection goes to the address that was looked at."""
    lookups: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: object, port: object, *more: object, **named: object) -> list:
        if host != "rebind.example":
            return real(host, port, *more, **named)  # type: ignore[arg-type]
        lookups.append(str(host))
        return real("127.0.0.1" if len(lookups) == 1 else "127.0.0.2", port, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with web({"/": (200, {}, b"public")}) as (port, asked):
        assert fetch(f"http://rebind.example:{port}/", ALLOWED) == b"public"
    assert lookups == ["rebind.example"]
    assert asked == [f"rebind.example:{port}"]


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All addresses of a name must be public, not only the first."""
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(UrlForbidden):
        fetch("http://mixed.example/", ALLOWED)


@pytest.mark.usefixtures("first_is_public")
def test_too_much_is_not_read() -> None:
    """The limit for files holds while the content comes, whatever its length says."""
    small = Settings(server=Serving(allow_urls=True), limits=Limits(file_mb=0.1))
    with web({"/": (200, {}, b"x" * 500_000)}) as (port, _), pytest.raises(FileTooLarge):
        fetch(f"http://127.0.0.1:{port}/", small)
    with web({"/": (404, {}, b"")}) as (port, _), pytest.raises(UrlFailed, match="404"):
        fetch(f"http://127.0.0.1:{port}/", small)


@pytest.mark.usefixtures("first_is_public")
def test_a_picture_by_its_address_is_read(tmp_path: Path) -> None:
    """Where it is allowed, a conversation may name a public picture; where it is not, it is 403."""
    import httpx

    with web({"/a.png": (200, {}, encoded(picture("Total 2468"), "PNG"))}) as (port, _):
        image = {"type": "image_url", "image_url": {"url": f"http://127.0.0.1:{port}/a.png"}}
        asked = {"model": "embedded", "messages": [{"role": "user", "content": [image]}]}
        with behind(tmp_path, {}, allow_urls=True) as url:
            answer = httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=30).json()
            assert "2468" in answer["choices"][0]["message"]["content"]
        with behind(tmp_path, {}) as url:
            refused = httpx.post(f"{url}/v1/chat/completions", json=asked)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "url_forbidden")


def test_errors_show_no_password_and_no_query() -> None:
    """What stands in an error is the address without its secrets."""
    with pytest.raises(ChatVLMLLMError) as caught:
        fetch("http://user:secret@127.0.0.1/a?token=secret", ALLOWED)
    assert "secret" not in str(caught.value)
