"""Settings come from typed places, and a mistake is named with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm import config
from chatvlmllm.errors import ConfigInvalid
from tests.conftest import Outcome


def _write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_t50_an_empty_file_is_a_valid_one(tmp_path: Path) -> None:
    """Every setting and every section has a default."""
    assert config.load(_write(tmp_path, "")) == config.Settings()


def test_t50_a_lost_section_costs_nothing(tmp_path: Path) -> None:
    """A file that names one key keeps the defaults of all others."""
    settings = config.load(_write(tmp_path, "limits:\n  pages: 7\n"))
    assert settings.limits.pages == 7
    assert settings.limits.megapixels == config.Limits().megapixels


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable overrides one key and leaves its neighbours as the file has them."""
    monkeypatch.setenv("CHATVLMLLM_LIMITS__PAGES", "9")
    path = _write(tmp_path, "limits:\n  pages: 7\n  megapixels: 5\n")
    settings = config.load(path)
    assert (settings.limits.pages, settings.limits.megapixels) == (9, 5)
    assert config.origin("limits.pages", path) == "CHATVLMLLM_LIMITS__PAGES"
    assert config.origin("limits.megapixels", path) == f"{path}:3"
    assert config.origin("limits.file_mb", path) == "default"


@pytest.mark.parametrize(
    ("text", "line", "near"),
    [
        ("model: auto\nlimits:\n  page: 3\n", 3, "limits.pages"),
        ("modle: auto\n", 1, "model"),
        ("\n\nworkers: -1\n", 3, "—"),
        ("limits:\n  pages: many\n", 2, "—"),
        ("languages: 'rus eng'\n", 1, "—"),
        ("a: [\n", 2, "—"),
        ("- a list\n", 1, "—"),
    ],
)
def test_t50_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, near: str) -> None:
    """An unknown key or a wrong type names file, line and the nearest valid key."""
    with pytest.raises(ConfigInvalid) as caught:
        config.load(_write(tmp_path, text))
    assert caught.value.details["line"] == line
    assert caught.value.details["near"] == near
    assert str(caught.value.details["file"]).endswith("config.yaml")


def test_the_example_is_the_defaults() -> None:
    """Loading config.example.yaml changes nothing."""
    page = Path(__file__).parents[2] / "config.example.yaml"
    assert config.load(page) == config.Settings()


def test_show_tells_where_a_value_comes_from(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`config show` prints every key with its value and its origin."""
    path = _write(tmp_path, "workers: 3\n")
    monkeypatch.setenv("CHATVLMLLM_CONFIG", str(path))
    shown = cli("config", "show").text
    assert f"workers = 3  ({path}:1)" in shown
    assert "model = auto  (default)" in shown


def test_check_accepts_a_good_file(cli: Callable, tmp_path: Path) -> None:
    """`config check` ends well for a valid file."""
    assert cli("config", "check", _write(tmp_path, "workers: 3\n")).code == 0


def test_a_password_is_not_shown(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    """`config show` prints where the store is without the password in its address."""
    monkeypatch.setenv("CHATVLMLLM_STORE__URL", "postgresql://me:hidden@127.0.0.1/db")
    shown = cli("config", "show").text
    assert "postgresql://me:***@127.0.0.1/db" in shown
    assert "hidden" not in shown
