"""The components of the workbench. A page's picture with boxes and its text with doubts know each other: a block
chosen in one is chosen in the other at once, before the server of the pages has heard of it.
"""

import base64
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import streamlit as st

from chatvlmllm.reading import Reading
from chatvlmllm.ui import shown
from chatvlmllm.ui.words import language, say


def _asset(name: str) -> str:
    return resources.files("chatvlmllm.ui").joinpath("static", name).read_text(encoding="utf-8")


@cache
def _component(name: str) -> Any:
    return st.components.v2.component(
        f"chatvlmllm_{name}", html=f'<div class="{name}"></div>', css=_asset(f"{name}.css"), js=_asset(f"{name}.js")
    )


def picture(reading: Reading, image: bytes, media_type: str, key: str) -> int | None:
    """The page with a box per block; the index of the chosen block, if there is one."""
    data = {
        "page": key,
        "image": f"data:{media_type};base64,{base64.b64encode(image).decode()}",
        "width": reading.size.width,
        "height": reading.size.height,
        "alt": say("picture.alt", page=reading.page),
        "boxes": shown.boxes(reading, say),
        "kinds": shown.kinds(reading, say),
        "chosen": chosen(key),
        "words": {name: say(f"picture.{name}") for name in ("filter", "zoom", "smaller", "larger", "fit")},
    }
    _component("picture")(data=data, key=f"picture-{key}", on_chosen_change=lambda: _choose(f"picture-{key}", key))
    return chosen(key)


def text(reading: Reading, key: str) -> None:
    """The page's text; the chosen block is scrolled into view."""
    data = {
        "page": key,
        "blocks": shown.blocks(reading, say, language()),
        "chosen": chosen(key),
        "label": say("reading.label", page=reading.page),
        "empty": say("reading.empty"),
    }
    _component("reading")(data=data, key=f"reading-{key}", on_chosen_change=lambda: _choose(f"reading-{key}", key))


def chosen(key: str) -> int | None:
    """The block that was chosen last on this page."""
    found: int | None = st.session_state.get(f"chosen-{key}")
    return found


def _choose(component: str, key: str) -> None:
    state = st.session_state.get(component)
    st.session_state[f"chosen-{key}"] = state.chosen if state is not None else None


def strip(leaves: list[dict[str, Any]], page: int, key: str, choose: Callable[[int], None]) -> None:
    """Thumbnails of pages; `choose` gets the number of one that is pressed, before the page is drawn again."""

    def pressed() -> None:
        chosen = st.session_state[key].page
        if chosen is not None:
            choose(int(chosen))

    data = {"leaves": leaves, "page": page, "label": say("strip.label")}
    _component("strip")(data=data, key=key, on_page_change=pressed)


def theme(pages: list[str]) -> None:
    """A switch between light, dark and the system's appearance, kept in this browser for all `pages`."""
    names = {name: say(f"theme.{name.lower()}") for name in ("System", "Light", "Dark")}
    _component("theme")(data={"themes": names, "pages": pages, "label": say("theme.label")}, key="theme")


def data_uri(image: bytes | None, media_type: str = "image/jpeg") -> str:
    """A picture that stands in the page itself; empty for none."""
    return f"data:{media_type};base64,{base64.b64encode(image).decode()}" if image else ""
