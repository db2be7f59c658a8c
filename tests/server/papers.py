"""What the tests of jobs send and how they follow it."""

import json
from collections.abc import Iterator

import httpx

from tests.pdfs import text_pdf


def paper(*lines: str, pages: int = 1) -> dict[str, tuple[str, bytes]]:
    """A form's file part: a PDF that is read in milliseconds, from its text layer."""
    return {"files": ("paper.pdf", text_pdf(*(lines or ("Invoice 17",)), pages=pages))}


def numbered(pages: int, name: str = "page") -> bytes:
    """A PDF whose pages say their number."""
    import io

    import pikepdf

    whole = pikepdf.new()
    for number in range(1, pages + 1):
        with pikepdf.open(io.BytesIO(text_pdf(f"{name} {number}"))) as one:
            whole.pages.extend(one.pages)
    stream = io.BytesIO()
    whole.save(stream)
    return stream.getvalue()


def heard(lines: Iterator[str]) -> Iterator[tuple[int, str, dict]]:
    """Server-sent events as (id, event, data)."""
    found: dict[str, str] = {}
    for line in lines:
        if not line:
            if "id" in found:
                yield int(found["id"]), found["event"], json.loads(found["data"])
            found = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            found[name] = value


def followed(http: httpx.Client, job: str, after: int = 0) -> list[tuple[int, str, dict]]:
    """Every event of a job until it has ended."""
    with http.stream("GET", f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(after)}) as response:
        assert response.status_code == 200
        return list(heard(response.iter_lines()))


def queued(http: httpx.Client, files: object, **wishes: object) -> str:
    """The id of a new job."""
    response = http.post("/v1/jobs", files=files, data=wishes)  # type: ignore[arg-type]
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def ended(http: httpx.Client, job: str) -> dict:
    """The job once it has ended."""
    followed(http, job)
    return http.get(f"/v1/jobs/{job}").json()
