"""Dropped files before they are read: their pages in small, which of them are wanted, and who would read them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from chatvlmllm.batch.plan import parse_pages, select
from chatvlmllm.errors import ChatVLMLLMError, InputError, OriginalGone
from chatvlmllm.ui import parts, safe, widgets
from chatvlmllm.ui.words import language, say

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

#: Thumbnails at a time, and how wide they are asked for.
_WINDOW, _WIDTH = 12, 160


@dataclass(slots=True)
class Look:
    """A dropped file as the server saw it; `problem` says why it cannot be opened, `first` begins the window."""

    preview: str = ""
    pages: int = 0
    problem: str = ""
    picked: set[int] = field(default_factory=set)
    first: int = 1


def chosen(files: Sequence["UploadedFile"]) -> tuple[list["UploadedFile"], str]:
    """Draw the pages of one of the files; those that have a wanted page, and their pages as the server takes them."""
    if not files:
        return [], ""
    looks = _looks()
    file = files[0]
    if len(files) > 1:
        file = st.selectbox(say("recognize.file"), files, format_func=lambda one: one.name)
    look = looks.get(file.file_id) or looks.setdefault(file.file_id, _looked(file))
    if look.problem:
        st.error(safe.label(look.problem))
    else:
        _draw(file, look)
    known = [(one, looks.get(one.file_id, Look())) for one in files]
    wanted = [(one, look) for one, look in known if look.picked or not look.pages]
    if not wanted:
        st.caption(say("choosing.nothing"))
    each = [written(look.picked, look.pages) for _, look in wanted]
    return [one for one, _ in wanted], ";".join(each) if any(each) else ""


def _looks() -> dict[str, Look]:
    found: dict[str, Look] = st.session_state.setdefault("looks", {})
    return found


def forget() -> None:
    """The files were handed over: the server need not keep its copies."""
    for look in _looks().values():
        with suppress(ChatVLMLLMError):
            if look.preview:
                widgets.remote().delete(f"/v1/previews/{look.preview}")
    st.session_state.pop("looks", None)


def _looked(file: "UploadedFile") -> Look:
    file.seek(0)
    try:
        with st.spinner(say("choosing.opening")):
            found = widgets.remote().send("/v1/previews", [(file.name, file, file.type)], {})
    except ChatVLMLLMError as refused:
        return Look(problem=" ".join(widgets.sentences(refused)))
    finally:
        file.seek(0)
    return Look(found["id"], found["pages"], picked=set(range(1, found["pages"] + 1)))


def _draw(file: "UploadedFile", look: Look) -> None:
    try:
        leaves = _leaves(look.preview, look.first, language())
    except OriginalGone:
        # The server forgot the file, or is another one by now: it gets the file once more.
        _looks().pop(file.file_id)
        st.rerun()
    several = look.pages > 1
    shown = [_leaf(one, picked=one["page"] in look.picked if several else None) for one in leaves]
    parts.strip(shown, 0, f"choose-{file.file_id}", lambda page: _toggle(file, look, page) if several else None)
    if several:
        _steer(file, look)


@st.cache_data(max_entries=64, show_spinner=False)
def _leaves(preview: str, first: int, _language: str) -> list[dict[str, Any]]:
    query = {"first": first, "count": _WINDOW, "width": _WIDTH}
    found: list[dict[str, Any]] = widgets.remote().get(f"/v1/previews/{preview}/pages", **query)["data"]
    return found


def _leaf(one: Mapping[str, Any], *, picked: bool | None) -> dict[str, Any]:
    title = one["problem"] or say("choosing.page", page=one["page"])
    leaf = {"page": one["page"], "title": title, "sign": "", "image": one["image"]}
    return leaf if picked is None else {**leaf, "picked": picked, "sign": "✓" if picked else "–"}


def _steer(file: "UploadedFile", look: Look) -> None:
    """Which part of a long file is seen, and which pages are wanted, by hand."""
    field = f"pages-{file.file_id}"
    st.session_state.setdefault(field, "")
    st.text_input(
        say("choosing.pages"), key=field, placeholder=say("choosing.every"), help=say("recognize.pages_help"),
        on_change=_typed, args=(file, look),
    )  # fmt: skip
    with st.container(horizontal=True):
        st.button(say("choosing.all"), on_click=_pick, args=(file, look, set(range(1, look.pages + 1))))
        st.button(say("choosing.none"), on_click=_pick, args=(file, look, set()))
        if look.pages > _WINDOW:
            st.button(say("choosing.back"), on_click=_move, args=(look, -_WINDOW))
            st.button(say("choosing.on"), on_click=_move, args=(look, _WINDOW))
    last = min(look.pages, look.first + _WINDOW - 1)
    numbers = {"first": look.first, "last": last, "total": look.pages, "count": len(look.picked)}
    st.caption(say("choosing.window", **numbers))


def _toggle(file: "UploadedFile", look: Look, page: int) -> None:
    _pick(file, look, look.picked ^ {page})


def _pick(file: "UploadedFile", look: Look, pages: set[int]) -> None:
    look.picked = pages
    st.session_state[f"pages-{file.file_id}"] = written(pages, look.pages)


def _typed(file: "UploadedFile", look: Look) -> None:
    text = st.session_state[f"pages-{file.file_id}"]
    try:
        look.picked = set(select(parse_pages(text) if text.strip() else (), file.name, look.pages))
    except InputError as error:
        st.session_state["toast"] = safe.label(error.message(language()))
        _pick(file, look, look.picked)


def _move(look: Look, step: int) -> None:
    look.first = min(max(1, look.first + step), 1 + (look.pages - 1) // _WINDOW * _WINDOW)


def written(pages: Iterable[int], total: int) -> str:
    """Page numbers as `1-3,7`; empty for all of `total`."""
    wanted = sorted(pages)
    if len(wanted) == total:
        return ""
    runs: list[list[int]] = []
    for page in wanted:
        if runs and runs[-1][1] == page - 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def reason(files: Sequence["UploadedFile"], wishes: Mapping[str, str]) -> None:
    """Whom «Авто» would ask, and why: about the first wanted page of the first file that was looked at."""
    if wishes["model"] != "auto":
        return
    seen = [look for one in files if (look := _looks().get(one.file_id)) is not None and look.preview and look.picked]
    about = {"preview": seen[0].preview, "page": min(seen[0].picked)} if seen else {}
    asked = {name: wishes[name] for name in ("model", "task", "lang", "kind", "prefer", "fallback")}
    with widgets.told():
        found = widgets.remote().get("/v1/route", **asked, **about)["candidates"]
        first, *others = found or [None]
        if first is None:
            return
        line = say("choosing.auto", model=first["title"], why=first["why"])
        if first["draft"]:
            line += " " + say("choosing.draft", model=first["draft"])
        if others:
            line += " " + say("choosing.then", models=", ".join(one["title"] for one in others))
        st.html(f'<p class="line route">{safe.escape(line)}</p>')
