"""A real Ray cluster of two nodes on this machine reads what one machine reads, also when a node is lost."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatvlmllm.config import Server
from tests.batch.conftest import Batch, events, files, papers
from tests.conftest import Outcome, picture
from tests.engines.rig import server

pytestmark = pytest.mark.real


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A head that reads nothing and one node with a processor; more may join."""
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield nodes
    finally:
        import ray

        ray.shutdown()
        nodes.shutdown()


def test_two_nodes_write_what_one_machine_writes(
    batch: Batch, cli: Callable[..., Outcome], cluster: object, tmp_path: Path
) -> None:
    """The same files come out, and both nodes took part."""
    cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
    source = papers(tmp_path / "in", 8, pages=2)
    address = cluster.address  # type: ignore[attr-defined]
    formats = ("-f", "txt", "-f", "alto", "-f", "pdf")
    calm = cli("batch", source, "-o", tmp_path / "calm", *formats)
    assert calm.code == 0, calm.err
    done = batch(source, *formats, "--engine", "ray", "--address", address)
    assert done.code == 0, done.err
    mine, theirs = files(tmp_path / "out"), files(tmp_path / "calm")
    # A PDF says when it was made.
    pdfs = {name for name in mine if name.endswith(".pdf")}
    assert {k: v for k, v in mine.items() if k not in pdfs} == {k: v for k, v in theirs.items() if k not in pdfs}
    assert pdfs == {name for name in theirs if name.endswith(".pdf")}


def test_a_node_killed_in_the_middle_loses_nothing(batch: Batch, cluster: object, tmp_path: Path) -> None:
    """While pages are read on two nodes, one is killed; every page is read all the same, and stored once."""
    node = cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
    source = papers(tmp_path / "in", 10, pages=10)
    journal = tmp_path / "out" / ".batch" / "journal.jsonl"

    def kill() -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until and not (journal.exists() and journal.read_bytes().count(b'"kept"') > 20):
            time.sleep(0.02)
        cluster.remove_node(node, allow_graceful=False)  # type: ignore[attr-defined]

    killer = threading.Thread(target=kill)
    killer.start()
    done = batch(source, "--engine", "ray", "--address", cluster.address)  # type: ignore[attr-defined]
    killer.join()
    assert done.code == 0, done.err
    kept = [record["at"] for record in events(tmp_path / "out", "kept")]
    assert len(kept) == len(set(kept)) == 100
    assert len(list((tmp_path / "out").glob("*.txt"))) == 10


def test_a_batch_interrupted_on_ray_goes_on_without_it(batch: Batch, tmp_path: Path) -> None:
    """Ctrl-C ends a run on a cluster of this machine; what was read there is not read again here."""
    source, out = papers(tmp_path / "in", 20, pages=5), tmp_path / "out"
    command = [sys.executable, "-m", "chatvlmllm", "batch", source, "-o", out, "--engine", "ray", "--address", "local"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal = out / ".batch" / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b'"kept"') > 5):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert batch(source).code == 0
    kept = [record["at"] for record in events(out, "kept")]
    assert len(kept) == len(set(kept)) == 100


def test_all_nodes_draft_before_any_of_them_reads(
    batch: Batch, cluster: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stages are two passes over the whole batch on a cluster too."""
    cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
    diary, keys = tmp_path / "diary", ("qwen_vl_2b", "qwen3_vl_2b")
    (tmp_path / "in").mkdir()
    for number in range(6):
        picture(f"page {number}").save(tmp_path / "in" / f"page{number}.png")
    with ExitStack() as running:
        urls = [running.enter_context(server(f"diary={diary}", f"text=by {key}", name=key)) for key in keys]
        servers = [Server(url=url, models={key: key}).model_dump() for key, url in zip(keys, urls, strict=True)]
        monkeypatch.setenv("CHATVLMLLM_SERVERS", json.dumps(servers))
        wishes = ("--draft", keys[0], "--model", keys[1], "--witness", "off", "-f", "json", "--engine", "ray")
        done = batch(tmp_path / "in", *wishes, "--address", cluster.address)  # type: ignore[attr-defined]
    assert done.code == 0, done.err
    told = [json.loads(line) for line in diary.read_text().splitlines()]
    assert [one["model"] for one in told if one["event"] == "asked"] == [keys[0]] * 6 + [keys[1]] * 6
    run = json.loads((tmp_path / "out" / "page0.png.json").read_text())
    assert [one["stage"] for one in run["readings"][0]["attempts"]] == ["draft", "final"]
