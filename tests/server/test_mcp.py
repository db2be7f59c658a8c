"""The tools that agents have, through the protocol's own client over standard input and output."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from chatvlmllm.server.presence import running
from tests.conftest import encoded, picture
from tests.pdfs import text_pdf


@dataclass
class Session:
    """What an agent was told, by what it asked for."""

    tools: set[str] = field(default_factory=set)
    read: Any = None
    again: Any = None
    models: Any = None
    fields: Any = None
    errors: dict[str, str] = field(default_factory=dict)
    left: bool = False


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One agent that starts `chatvlmllm mcp`, allowed one folder, and asks for everything there is."""
    folder = tmp_path_factory.mktemp("agent")
    allowed = folder / "allowed"
    allowed.mkdir()
    (allowed / "two.pdf").write_bytes(text_pdf("Total 2468", pages=2))
    (folder / "secret.png").write_bytes(encoded(picture(), "PNG"))
    environ = {**os.environ, "CHATVLMLLM_DATA": str(folder / "data")}
    command = ["-m", "chatvlmllm", "mcp", "--folder", str(allowed)]
    found = Session()

    async def run() -> None:
        async with Client(StdioServerParameters(command=sys.executable, args=command, env=environ)) as client:
            await ask(client, str(allowed / "two.pdf"), found)

    anyio.run(run)
    found.left = running(folder / "data") is None
    return found


async def ask(client: Client, path: str, found: Session) -> None:
    found.tools = {tool.name for tool in (await client.list_tools()).tools}
    found.read = await call(client, "recognize_document", path=path)
    found.again = await call(client, "read_page", locator=found.read["pages"][1]["locator"], blocks=True)
    found.models = (await call(client, "list_models"))["result"]
    found.fields = await call(client, "extract_fields", path=path)
    for code, tool, arguments in (
        ("file_missing", "recognize_document", {"path": path + ".none"}),
        ("unknown_model", "recognize_document", {"path": path, "model": "gpt-4o"}),
        ("file_unreadable", "recognize_document", {"path": str(Path(path).parent / ".." / "secret.png")}),
        ("invalid_request", "read_page", {"locator": "page 3"}),
        ("unknown_job", "read_page", {"locator": f"job:{'0' * 32}/file:0/page:1"}),
    ):
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        found.errors[code] = str(result.content)


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


def test_an_agent_reads_a_document_and_finds_its_pages_again(session: Session) -> None:
    """Text by page with verdict and locator; a page is read again by its locator, with blocks and boxes."""
    assert session.tools == {"recognize_document", "extract_fields", "read_page", "list_models"}
    read, again = session.read, session.again
    assert (read["name"], read["verdict"], len(read["pages"])) == ("two.pdf", "ok", 2)
    page = read["pages"][1]
    assert (page["page"], page["verdict"]) == (2, "ok")
    assert "2468" in page["text"]
    assert again["text"] == page["text"]
    x1, y1, x2, y2 = again["blocks"][0]["box"]
    assert 0 <= x1 < x2 <= again["size"][0]
    assert 0 <= y1 < y2 <= again["size"][1]


def test_an_agent_finds_models_and_fields(session: Session) -> None:
    """What can read here is listed; fields come with their document type."""
    assert {"auto", "embedded"} <= {model["key"] for model in session.models}
    assert "fields" in session.fields or "forms" in session.fields


def test_errors_reach_the_agent_as_sentences(session: Session) -> None:
    """A missing file, a wrong model, a forbidden folder, a locator that is none: what happened, and its code."""
    for code, said in session.errors.items():
        assert f"[{code}]" in said, said


def test_the_server_for_an_agent_ends_with_it(session: Session) -> None:
    """What was started for the agent is gone when the agent is."""
    assert session.left


def test_without_the_library_the_command_says_how_to_get_it(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`chatvlmllm mcp` without the extra names the command that installs it."""
    from chatvlmllm.cli import mcp

    monkeypatch.setattr(mcp, "find_spec", lambda _: None)
    outcome = cli("mcp")
    assert outcome.code == 3
    assert "chatvlmllm[mcp,server]" in outcome.err
