"""A model hub on this machine: the few endpoints that a download uses, and the faults that real hubs have."""

import hashlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

#: The commit that a branch resolves to here.
HEAD = "0123456789abcdef0123456789abcdef01234567"


LARGE = 1_000_000


class Hub:
    """Serves folders as repositories. `gated` refuses; a transfer that is `cut` after so many bytes is the last one.

    While `open` is not set, transfers of large files stop in their middle.
    """

    def __init__(self, repositories: Mapping[str, Path], *, gated: bool = False, cut: int | None = None) -> None:
        self.repositories, self.gated, self.cut = repositories, gated, cut
        self.dead = False
        self.open = threading.Event()
        self.open.set()
        self.log: list[tuple[str, str, str]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def log_message(self, *_: object) -> None:
                """The test reads `log` instead."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, call: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = unquote(urlsplit(call.path).path)
        self.log.append((call.command, path, call.headers.get("Range", "")))
        repo = next((name for name in self.repositories if f"/{name}/" in path), None)
        if repo is None:
            return self._refuse(call, 404, "RepoNotFound")
        if path.startswith("/api/models/"):
            return self._describe(call, repo, path.rpartition("/revision/")[2])
        if self.dead:
            call.connection.close()
            return None
        if self.gated:
            return self._refuse(call, 403, "GatedRepo")
        revision, _, name = path.partition("/resolve/")[2].partition("/")
        return self._send(call, self.repositories[repo] / name, revision, body=body)

    def _refuse(self, call: BaseHTTPRequestHandler, status: int, code: str) -> None:
        call.send_response(status)
        call.send_header("X-Error-Code", code)
        call.send_header("Content-Length", "0")
        call.end_headers()

    def _describe(self, call: BaseHTTPRequestHandler, repo: str, revision: str) -> None:
        folder = self.repositories[repo]
        files = [{"rfilename": str(p.relative_to(folder)), "size": p.stat().st_size} for p in folder.rglob("*.*")]
        sha = revision if len(revision) == 40 else HEAD
        text = json.dumps({"id": repo, "modelId": repo, "sha": sha, "siblings": files}).encode()
        call.send_response(200)
        call.send_header("Content-Type", "application/json")
        call.send_header("Content-Length", str(len(text)))
        call.end_headers()
        call.wfile.write(text)

    def _send(self, call: BaseHTTPRequestHandler, file: Path, revision: str, *, body: bool) -> None:
        if not file.is_file():
            return self._refuse(call, 404, "EntryNotFound")
        content = file.read_bytes()
        start = int(call.headers["Range"].removeprefix("bytes=").partition("-")[0]) if call.headers.get("Range") else 0
        part = content[start:]
        call.send_response(206 if start else 200)
        call.send_header("Accept-Ranges", "bytes")
        call.send_header("Content-Length", str(len(part)))
        if start:
            call.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        call.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        call.send_header("X-Repo-Commit", revision)
        call.end_headers()
        if body:
            half = len(part) // 2
            call.wfile.write(part[:half] if self.cut is None else part[: self.cut])
            if self.cut is None:
                call.wfile.flush()
                if half > LARGE:
                    self.open.wait(60)
                call.wfile.write(part[half:])
            if self.cut is not None and len(part) > self.cut:
                self.dead = True
                call.close_connection = True
                call.connection.close()
        return None
