"""The server as the workbench draws it: JSON as it comes, where `Client` has nouns that would be taken apart again.

Raises what the server refuses as the error that it was, and ServerUnreachable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from chatvlmllm.errors import PageOutOfRange

if TYPE_CHECKING:
    from chatvlmllm.client import Client
    from chatvlmllm.reading import Reading

#: A file on its way: its name, its content, its media type.
Upload = tuple[str, BinaryIO | bytes, str]


@dataclass(frozen=True, slots=True)
class Remote:
    """A server, asked by way of its client."""

    client: "Client"

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path`."""
        return self.client.ask("GET", path, params=query).json()

    def content(self, path: str, **query: Any) -> bytes:
        """The content at `path`."""
        return self.client.ask("GET", path, params=query).content

    def post(self, path: str, value: Any = None) -> Any:
        return self.client.ask("POST", path, json=value).json()

    def put(self, path: str, value: Any) -> Any:
        return self.client.ask("PUT", path, json=value).json()

    def delete(self, path: str) -> None:
        self.client.ask("DELETE", path)

    def send(self, path: str, files: Sequence[Upload], fields: Mapping[str, str]) -> Any:
        """Files as a form."""
        parts = [("files", upload) for upload in files]
        return self.client.ask("POST", path, data=dict(fields), files=parts).json()

    def add(self, files: Sequence[Upload], wishes: Mapping[str, str]) -> dict[str, Any]:
        """Queue a job about files."""
        found: dict[str, Any] = self.send("/v1/jobs", files, wishes)
        return found

    def job(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/jobs/{number}")
        return found

    def models(self) -> list[dict[str, Any]]:
        """Every model but `auto`: its `id`, and what the server says about it, installed or not."""
        found = self.client.models(every=True)
        return [{"id": one["id"], **one["chatvlmllm"]} for one in found if one["chatvlmllm"] is not None]

    def reading(self, job: str, file: int, page: int) -> "Reading | None":
        """A page that was read, or None while it was not."""
        try:
            return self.client.page(job, file, page)
        except PageOutOfRange:
            return None
