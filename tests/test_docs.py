"""The documents say what the program does."""

import re
from pathlib import Path

import pytest

from tests.docs import PAGES, ROOT


@pytest.mark.parametrize("page", PAGES)
def test_a_made_page_is_current(page: str) -> None:
    """`make docs` would change nothing."""
    assert (ROOT / page).read_text(encoding="utf-8") == PAGES[page]()


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a document names a file that exists."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readmes_have_the_same_commands() -> None:
    """Both languages show the same shell commands."""

    def commands(name: str) -> list[str]:
        return re.findall(
            r"^(make \w+|chatvlmllm \w+|\.venv\S+ \w+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE
        )

    assert commands("README.md") == commands("README.ru.md")


def test_pictures_of_the_documents_are_small() -> None:
    """A picture in docs/ is at most 150 KB, so that reading about the program is quick."""
    sizes = {picture.name: picture.stat().st_size for picture in (ROOT / "docs" / "images").iterdir()}
    assert {name: size for name, size in sizes.items() if size > 150_000} == {}
