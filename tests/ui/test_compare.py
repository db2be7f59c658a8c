"""«Сравнение»: beside the texts, what the laboratory measured of the compared models, and of which it knows nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chatvlmllm.ui.views.compare import figures
from tests.conftest import encoded, picture
from tests.ui import rig


@pytest.mark.real
def test_measured_figures_stand_beside_the_models(page: Page, bench: rig.Workbench, tmp_path: Path) -> None:
    """A model that was measured shows its error rate, pages and day; the other one says that it was not measured."""
    (tmp_path / "page.png").write_bytes(encoded(picture("Total 17.50"), "PNG", dpi=(200, 200)))
    (tmp_path / "page.gt.txt").write_text("Total 17.50")
    command = ("bench", "run", "-m", "embedded", "-d", tmp_path, "-o", tmp_path / "study", "-l", "eng")
    subprocess.run([sys.executable, "-m", "chatvlmllm", *command], env=bench.environ, check=True)
    page.goto("/compare?lang=ru")
    rig.settled(page)
    table = page.locator("[data-testid=stDataFrame] [role=gridcell]")
    expect(table.filter(has_text="нет измерений")).to_have_count(1)
    expect(table.filter(has_text="0,0000")).to_have_count(1)
    expect(table.filter(has_text=bench.get("/v1/measurements")["data"][0]["machine"])).to_have_count(1)


def test_models_are_shown_on_the_same_pages_where_there_are_some() -> None:
    """The newest study is passed over for the one that both models have; without such a one each shows its newest."""
    entries = [
        {"subject": model, "data": data, "at": at}
        for model, data, at in (("a", "own", "3"), ("a", "both", "2"), ("b", "both", "1"), ("c", "else", "0"))
    ]
    assert {model: one["data"] for model, one in figures(entries, ["a", "b"]).items()} == {"a": "both", "b": "both"}
    assert {model: one["data"] for model, one in figures(entries, ["a", "c"]).items()} == {"a": "own", "c": "else"}
    assert list(figures(entries, ["a", "new"])) == ["a"]
    assert figures([], ["a", "b"]) == {}
