"""Tesseract's language data is found, fetched with a checksum, or named with the command to run."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatvlmllm.config import Settings
from chatvlmllm.errors import DownloadFailed, MissingLanguage, OfflineForbidden
from chatvlmllm.page import tessdata


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served over HTTP on this machine."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pinned(mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> bytes:
    content = b"language data" * 100_000
    (mirror[0] / "rus.traineddata").write_bytes(content)
    monkeypatch.setitem(tessdata._SHA256, "rus", hashlib.sha256(content).hexdigest())
    return content


def test_data_is_fetched_whole(mirror: tuple[Path, str], pinned: bytes, tmp_path: Path) -> None:
    """A download reports its progress and ends as the very file that was pinned."""
    settings = Settings(data=tmp_path / "data")
    progress = [total for _, total in tessdata.fetch(["rus"], settings, mirror[1])]
    assert progress == sorted(progress)
    assert (tessdata.own_folder(settings) / "rus.traineddata").read_bytes() == pinned
    assert tessdata.installed(settings).count("rus") == 1


def test_t48_a_wrong_file_is_not_kept(mirror: tuple[Path, str], pinned: bytes, tmp_path: Path) -> None:
    """A file whose checksum is wrong never appears under its name."""
    (mirror[0] / "rus.traineddata").write_bytes(pinned[:-1])
    settings = Settings(data=tmp_path / "data")
    with pytest.raises(DownloadFailed, match="checksum"):
        list(tessdata.fetch(["rus"], settings, mirror[1]))
    assert list(tessdata.own_folder(settings).iterdir()) == []


def test_a_missing_server_is_an_error_in_plain_words(tmp_path: Path) -> None:
    """No connection ends in DownloadFailed, and nothing incomplete is kept."""
    with pytest.raises(DownloadFailed, match="could not be downloaded"):
        list(tessdata.fetch(["rus"], Settings(data=tmp_path), "http://127.0.0.1:9"))


def test_offline_forbids_the_network(tmp_path: Path) -> None:
    """`offline` makes a download an error before anything is asked."""
    with pytest.raises(OfflineForbidden):
        list(tessdata.fetch(["rus"], Settings(data=tmp_path, offline=True), "http://127.0.0.1:9"))


def test_missing_data_names_the_command(tmp_path: Path) -> None:
    """What is missing is named, with the command that installs it."""
    with pytest.raises(MissingLanguage) as caught:
        tessdata.find(["rus", "tlh"], Settings(tessdata=tmp_path))
    assert "tlh" in caught.value.hint()
