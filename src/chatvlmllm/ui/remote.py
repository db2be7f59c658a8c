"""What the workbench asks of the server, over HTTP. Every answer is JSON, bytes or an iterator of events.

Raises Refused for whatever the server refuses and when it does not answer.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, BinaryIO

import httpx

from chatvlmllm.reading import Reading
from chatvlmllm.run import reading_from_json

#: Seconds: a server that reads answers at once; drawing a page or loading a model may take long.
_TIMES = httpx.Timeout(300.0, connect=3.0)

#: A file on its way: its name, its content, its media type.
Upload = tuple[str, BinaryIO | bytes, str]


class Refused(Exception):
    """The server said no, or nothing: what happened, what to do, and the stable code of the error."""

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


@dataclass(frozen=True, slots=True)
class Remote:
    """A server at `url`; `say` gives sentences about a server that does not answer as it should."""

    url: str
    key: str = ""
    language: str = "ru"

    def _client(self) -> httpx.Client:
        headers = {"Accept-Language": self.language}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        # What the environment says about proxies is about the internet, not about this machine.
        return httpx.Client(base_url=self.url, headers=headers, timeout=_TIMES, trust_env=False)

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            with self._client() as client:
                response = client.request(method, path, **more)
        except httpx.TransportError as error:
            raise self._silent(error) from error
        if response.status_code >= 400:
            raise self._refused(response.status_code, response.content)
        return response

    def _silent(self, error: httpx.TransportError) -> Refused:
        from chatvlmllm.ui.words import say

        return Refused(say("errors.unreachable", url=self.url), say("errors.unreachable_hint"), type(error).__name__)

    @staticmethod
    def _refused(status: int, content: bytes) -> Refused:
        from chatvlmllm.ui.words import say

        try:
            fault = json.loads(content)["error"]
            return Refused(str(fault["message"]), str(fault.get("hint", "")), str(fault.get("code", "")))
        except (ValueError, KeyError, TypeError):
            return Refused(say("errors.unexpected", status=status), say("errors.unexpected_hint"), str(status))

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path`."""
        return self._ask("GET", path, params=query).json()

    def content(self, path: str, **query: Any) -> bytes:
        """The content at `path`."""
        return self._ask("GET", path, params=query).content

    def post(self, path: str, value: Any = None) -> Any:
        return self._ask("POST", path, json=value).json()

    def put(self, path: str, value: Any) -> Any:
        return self._ask("PUT", path, json=value).json()

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def system(self) -> dict[str, Any]:
        """Machine, versions, settings."""
        found: dict[str, Any] = self.get("/v1/system")
        return found

    def models(self) -> list[dict[str, Any]]:
        """Every model but `auto`: its `id`, and what the server says about it, installed or not."""
        found = self.get("/v1/models", all="true")["data"]
        return [{"id": one["id"], **one["chatvlmllm"]} for one in found if one["chatvlmllm"] is not None]

    def add(self, files: Sequence[Upload], wishes: Mapping[str, str]) -> dict[str, Any]:
        """Queue a job about files."""
        found: dict[str, Any] = self.send("/v1/jobs", files, wishes)
        return found

    def job(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/jobs/{number}")
        return found

    def jobs(self, limit: int = 50, before: float | None = None) -> dict[str, Any]:
        """The newest jobs, at most `limit`, those before the time `before`."""
        query = {"limit": limit} | ({"before": before} if before is not None else {})
        found: dict[str, Any] = self.get("/v1/jobs", **query)
        return found

    def reading(self, job: str, file: int, page: int) -> Reading | None:
        """A page that was read, or None while it was not."""
        try:
            return reading_from_json(self.content(f"/v1/jobs/{job}/files/{file}/pages/{page}"))
        except Refused as refused:
            if refused.code == "page_out_of_range":
                return None
            raise

    def image(self, digest: str, page: int, width: int) -> bytes:
        """A page as JPEG, at most `width` pixels wide."""
        return self.content(f"/v1/documents/{digest}/pages/{page}/image", width=width, format="jpeg")

    def result(self, job: str, format: str, file: int | None = None) -> bytes:
        """A file of a job in an export format, or a ZIP archive of all."""
        query = {"format": format} | ({"file": file} if file is not None else {})
        return self.content(f"/v1/jobs/{job}/result", **query)

    def talk(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of a chat completion; closing the iterator ends the generation."""
        try:
            with (
                self._client() as client,
                client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response,
            ):
                if response.status_code >= 400:
                    raise self._refused(response.status_code, response.read())
                with closing(response.iter_lines()) as lines:  # type: ignore[type-var]
                    yield from self._chunks(lines)
        except httpx.TransportError as error:
            raise self._silent(error) from error

    def _chunks(self, lines: Iterator[str]) -> Iterator[dict[str, Any]]:
        for line in lines:
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if "error" in chunk:
                raise self._refused(502, line.removeprefix("data: ").encode())
            yield chunk

    def send(self, path: str, files: Sequence[Upload], fields: Mapping[str, str]) -> Any:
        """Files as a form."""
        parts = [("files", upload) for upload in files]
        return self._ask("POST", path, data=dict(fields), files=parts).json()
