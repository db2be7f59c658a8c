"""Page results: one per key, whole or absent, whoever writes."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from chatvlmllm.config import Settings
from chatvlmllm.config import Store as StoreSettings
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import StoreTooNew, StoreUnusable
from chatvlmllm.exchange import Reply, Stop, Task
from chatvlmllm.geometry import Box, Size
from chatvlmllm.pipeline import recognize
from chatvlmllm.reading import Block, Kind, Reading, Verdict
from chatvlmllm.run import Options
from chatvlmllm.store.database import Database
from chatvlmllm.store.keys import Key, Way, way
from chatvlmllm.store.pages import Pages
from chatvlmllm.store.tables import METADATA, PAGES
from tests.pdfs import text_pdf

ONE = Way(Options(), {"chatvlmllm": "1"})


def _reading(text: str = "text", page: int = 1, stop: Stop = Stop.END, verdict: Verdict = Verdict.OK) -> Reading:
    return Reading(
        page=page,
        size=Size(100, 200),
        verdict=verdict,
        asked="auto",
        answered="some",
        blocks=(Block(Kind.TEXT, text, Box(1, 2, 3.5, 4)),),
        reply=Reply(text=text, stop=stop, model="some", engine="embedded", device="cpu", seconds={"generate": 0.25}),
    )


def _rows(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(PAGES)) or 0


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
def test_a_reading_comes_back_as_it_was(database: Database, text: str) -> None:
    """Whatever was read, NUL included, is what `get` returns; the first writer of a key wins."""
    pages, key = Pages(database), Key("d" * 64, abs(hash(text)) % 2**31, ONE)
    first = pages.put(key, _reading(text))
    assert pages.get(key) == first
    assert pages.put(key, _reading("later")) == first


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.sampled_from(["a", "b"])), max_size=30))
def test_the_store_is_a_dictionary(steps: list[tuple[int, int, str]]) -> None:
    """Any sequence of writes leaves for every key what the first write under it said."""
    with Database("sqlite://") as database:
        pages, model = Pages(database), {}
        for document, page, version in steps:
            key = Key(f"{document:064}", page, Way(Options(), {"v": version}))
            said = f"{document} {page} {version} {len(model)}"
            pages.put(key, _reading(said))
            model.setdefault((document, page, version), said)
        for (document, page, version), said in model.items():
            found = pages.get(Key(f"{document:064}", page, Way(Options(), {"v": version})))
            assert found is not None
            assert found.text == said
        for document in range(4):
            for version in "ab":
                known = pages.known(f"{document:064}", Way(Options(), {"v": version}))
                assert known == {p for d, p, v in model if (d, v) == (document, version)}


def test_what_owes_itself_to_the_moment_is_not_kept(database: Database) -> None:
    """A failed page, a stand-in's answer and a generation that was broken off are read again the next time."""
    pages = Pages(database)
    passing = [
        _reading(verdict=Verdict.FAILED),
        _reading(verdict=Verdict.FELL_BACK),
        _reading(stop=Stop.TIMEOUT, verdict=Verdict.TRUNCATED),
        _reading(stop=Stop.CANCELLED, verdict=Verdict.TRUNCATED),
        replace(_reading(), further=(replace(_reading().reply, stop=Stop.TIMEOUT),)),  # type: ignore[type-var]
    ]
    for number, reading in enumerate(passing, 1):
        key = Key("d" * 64, number, ONE)
        assert pages.put(key, reading) == reading
        assert pages.get(key) is None
    assert _rows(database) == 0


def test_many_threads_write_one_key(database: Database) -> None:
    """Of many writers at once one wins, and all are told what it wrote."""
    pages, key = Pages(database), Key("d" * 64, 1, ONE)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: pages.put(key, _reading(str(number))).text, range(40)))
    assert len(set(told)) == 1
    assert _rows(database) == 1


_WRITER = """
import sys
from chatvlmllm.store.database import Database
from chatvlmllm.store.pages import Pages
from chatvlmllm.store.keys import Key
from tests.store.test_pages import ONE, _reading
with Database(sys.argv[1]) as database:
    pages = Pages(database)
    for number in range(1, 31):
        pages.put(Key("d" * 64, number, ONE), _reading(sys.argv[2], number))
"""


def test_two_processes_write_the_same_keys(url: str) -> None:
    """Two programs that open an empty store together and write the same pages leave each page once, readable."""
    if url == "sqlite://":
        pytest.skip("memory belongs to one process")
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, url, name], cwd=root, stderr=subprocess.PIPE)
        for name in ("first", "second")
    ]
    for writer in writers:
        assert writer.communicate()[1] == b""
        assert writer.returncode == 0
    with Database(url) as database:
        assert _rows(database) == 30
        assert all(Pages(database).get(Key("d" * 64, number, ONE)) for number in range(1, 31))


def test_the_key_names_everything_that_matters(tmp_path: Path) -> None:
    """Another task, option, language, resolution or routing table is another way; the same settings are the same."""
    plain = Settings(data=tmp_path / "one")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "routing.toml").write_text('[embedded]\nchain = ["tesseract"]\n')
    finer = Settings(data=tmp_path / "one", limits=plain.limits.model_copy(update={"pdf_dpi": 200}))
    ruled = Settings(data=tmp_path / "other")
    asked = [Options(), Options(task=Task.LAYOUT), Options(languages=("eng",)), Options(settings={"preset": "fast"})]

    def digest(options: Options, chosen: Settings) -> str:
        with Host(chosen) as host:
            return way(options, host).digest

    ways = [digest(options, plain) for options in asked] + [digest(Options(), finer), digest(Options(), ruled)]
    assert len(set(ways)) == len(ways)
    assert digest(Options(), plain) == ways[0]


def test_a_real_reading_survives(tmp_path: Path) -> None:
    """What the pipeline makes of a PDF page is found again, word by word."""
    reading = next(iter(recognize(text_pdf("Invoice 17", "Total 100"), settings=Settings(data=tmp_path))))
    with Database.of(Settings(data=tmp_path)) as database:
        key = Key("d" * 64, 1, ONE)
        assert Pages(database).put(key, reading) == reading
        assert Pages(database).get(key) == reading


def test_the_migrated_database_equals_the_tables(database: Database) -> None:
    """The steps lead to exactly what `tables.py` declares, and a second opening changes nothing."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_deleted_means_gone(tmp_path: Path) -> None:
    """After deletion the bytes of a result are in no file of the store."""
    reading = _reading("a secret that nobody shall find")
    from chatvlmllm.store.pages import pack

    with Database(f"sqlite:///{tmp_path / 'store.sqlite3'}") as database:
        pages = Pages(database)
        pages.put(Key("d" * 64, 1, ONE), reading)
        assert pages.delete("d" * 64) == 1
        left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert pack(reading)[:40] not in left


def test_nothing_is_written_when_nothing_may_be_kept(tmp_path: Path) -> None:
    """`keep: nothing` leaves no file."""
    with Database.of(Settings(data=tmp_path, store=StoreSettings(keep="nothing"))) as database:
        Pages(database).put(Key("d" * 64, 1, ONE), _reading())
    assert list(tmp_path.iterdir()) == []


def test_the_store_is_private(tmp_path: Path) -> None:
    """Other users of the machine cannot read it."""
    with Database.of(Settings(data=tmp_path)):
        assert {file.stat().st_mode & 0o077 for file in tmp_path.glob("store*")} == {0}


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A program never touches a database whose form it does not know."""
    import sqlite3

    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    Database(url).close()
    with sqlite3.connect(tmp_path / "store.sqlite3") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew):
        Database(url)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all", "postgresql://127.0.0.1:1/none", "nonsense", "mysql://x"])
def test_an_unusable_store_says_so(url: str) -> None:
    """A database that is not there is our own error, without a password in it."""
    with pytest.raises(StoreUnusable):
        Database(url)
    with pytest.raises(StoreUnusable) as caught:
        Database("postgresql://someone:hidden@127.0.0.1:1/none")
    assert "hidden" not in str(caught.value)


def test_a_damaged_file_is_our_error() -> None:
    """A file that is no database is told apart from an empty one."""
    with tempfile.NamedTemporaryFile(suffix=".sqlite3") as file:
        file.write(b"not a database" * 1000)
        file.flush()
        with pytest.raises(StoreUnusable):
            Database(f"sqlite:///{file.name}")
