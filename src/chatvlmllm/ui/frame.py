"""What surrounds every page: navigation, language and appearance, and the server that all of them ask."""

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import streamlit as st

from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.ui import launch, parts, safe
from chatvlmllm.ui.views import about, batch, chat, compare, history, models, recognize
from chatvlmllm.ui.words import LANGUAGES, catalogue, language, say

if TYPE_CHECKING:
    from PIL.Image import Image
    from streamlit.navigation.page import Page

_ICONS = {
    "recognize": ":material/document_scanner:",
    "chat": ":material/forum:",
    "compare": ":material/compare:",
    "batch": ":material/stacks:",
    "models": ":material/deployed_code:",
    "history": ":material/history:",
    "about": ":material/info:",
}
_WORK = {"recognize": recognize, "chat": chat, "compare": compare, "batch": batch, "history": history}
_MACHINE = {"models": models, "about": about}


def run() -> None:
    """Draw the page that was chosen."""
    _remember()
    st.set_page_config(page_title=say("title"), page_icon=_icon(), layout="wide")
    css = resources.files("chatvlmllm.ui").joinpath("static", "page.css").read_text(encoding="utf-8")
    st.html(f"<style>{css}{_uploader()}</style>")
    pages = {name: _page(name, view.page) for name, view in (_WORK | _MACHINE).items()}
    st.session_state["pages"] = pages
    page = st.navigation(
        {
            say("pages.work"): [pages[name] for name in _WORK],
            say("pages.machine"): [pages[name] for name in _MACHINE],
        }
    )
    _sidebar()
    if "toast" in st.session_state:
        st.toast(st.session_state.pop("toast"))
    try:
        launch.ensure()
    except ChatVLMLLMError as error:
        st.error(safe.label(error.message(language())) + "  \n" + safe.label(error.hint(language())))
        return
    page.run()


def _page(name: str, draw: Callable[[], None]) -> "Page":
    return st.Page(draw, title=say(f"pages.{name}"), icon=_ICONS[name], url_path=name, default=name == "recognize")


def _remember() -> None:
    """The language survives a reload: it stands in the address."""
    if "language" not in st.session_state:
        asked = st.query_params.get("lang", "ru")
        st.session_state["language"] = asked if asked in LANGUAGES else "ru"
    if st.session_state["language"] != "ru":
        st.query_params["lang"] = st.session_state["language"]
    else:
        st.query_params.pop("lang", None)


def _sidebar() -> None:
    with st.sidebar:
        st.html(f"<strong>{say('title')}</strong><br>{say('subtitle')}")
        st.selectbox(
            say("language.label"), LANGUAGES, format_func=lambda one: catalogue(one)["language.name"], key="language"
        )
        st.caption(say("theme.label"))
        parts.theme(["", *_WORK, *_MACHINE])


def _uploader() -> str:
    """The library's uploader speaks English only; its words are replaced where they stand."""
    zone, inside = '[data-testid="stFileUploaderDropzone"]', '[data-testid="stFileUploaderDropzoneInstructions"]'
    limit = say("upload.limit", limit=launch.most_mb())
    return (
        f'{zone} button p{{font-size:0}}{zone} button p::before{{content:"{say("upload.browse")}";font-size:.95rem}}'
        f'{inside} > *{{display:none}}{inside}::before{{content:"{say("upload.drop")}";display:block;font-weight:600}}'
        f'{inside}{{flex-direction:column;align-items:flex-start}}{inside}::after{{content:"{limit}";font-size:.9rem}}'
    )


@cache
def _icon() -> "Image":
    """A sheet with a box on it: an icon by name or sign would be fetched from the internet."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((10, 3, 54, 61), 6, fill="white", outline="#1d5fbf", width=4)
    for top in (14, 22):
        draw.line((19, top, 45, top), fill="#5f6368", width=3)
    draw.rectangle((18, 31, 46, 50), outline="#1b7a3d", width=4)
    return image
