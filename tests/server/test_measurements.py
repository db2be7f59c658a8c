"""What the laboratory measured, over HTTP: real studies of real readers, told by a server with the same data folder."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conftest import encoded, picture
from tests.server.conftest import serving, settings


@pytest.fixture
def measure(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Read pages with these words, with these models, in the data folder of the server."""
    monkeypatch.setenv("CHATVLMLLM_DATA", str(tmp_path / "data"))

    def run(name: str, models: str, *texts: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        for number, text in enumerate(texts):
            (folder / f"{number}.png").write_bytes(encoded(picture(text), "PNG", dpi=(200, 200)))
            (folder / f"{number}.gt.txt").write_text(text)
        done = cli("bench", "run", "-m", models, "-d", folder, "-o", tmp_path / f"{name}-study", "-l", "eng")
        assert done.code == 0, done.err

    return run


def test_the_last_study_of_every_model_on_every_set_of_pages_is_told(tmp_path: Path, measure: Callable) -> None:
    """Nothing before the first study; then error rate, seconds, pages, day and machine, the newest first."""
    with serving(settings(tmp_path)) as url, httpx.Client(base_url=url, trust_env=False) as http:
        assert http.get("/v1/measurements").json() == {"object": "list", "data": []}
        measure("first", "tesseract,tesseract-cli", "Hello world", "Total 17.50")
        measure("second", "tesseract", "Invoice 2025")
        found = http.get("/v1/measurements").json()["data"]
    assert {(one["subject"], one["pages"]) for one in found} == {
        ("tesseract", 2), ("tesseract-cli", 2), ("tesseract", 1),
    }  # fmt: skip
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    for one in found:
        assert one["cer"] == 0
        assert one["seconds"] > 0
        assert one["failures"] == 0
        assert " × " in one["machine"]
    both = {one["data"] for one in found if one["pages"] == 2}
    assert len(both) == 1
    assert both.isdisjoint(one["data"] for one in found if one["pages"] == 1)


def test_a_history_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A broken file is an error with its code, not an empty list."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bench-history.jsonl").write_text('{"at": 1}\n')
    with serving(settings(tmp_path)) as url:
        refused = httpx.get(f"{url}/v1/measurements", trust_env=False)
    assert refused.status_code >= 400
    assert refused.json()["error"]["code"] == "unreadable_result"
