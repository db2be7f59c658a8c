"""«Распознавание»: files in, pages with boxes and text out."""

import streamlit as st

from chatvlmllm.document.sniff import EXTENSIONS
from chatvlmllm.ui import asking, choosing, following, results, widgets
from chatvlmllm.ui.words import plural, say


def page() -> None:
    """A place to drop files; below it the job that was started last."""
    st.title(say("pages.recognize"))
    number = st.query_params.get("job") or st.session_state.get("job")
    if number:
        _result(number)
    else:
        _upload()


def _upload() -> None:
    st.caption(say("recognize.lead"))
    files = st.file_uploader(
        say("upload.label"),
        type=[extension.lstrip(".") for extension in EXTENSIONS],
        accept_multiple_files=True,
        key=f"upload-{st.session_state.get('uploads', 0)}",
    )
    text = say("recognize.chosen", files=plural("plural.files", len(files))) if files else say("recognize.nothing")
    st.caption(text)
    wanted, pages = list(files), ""
    with widgets.told():
        wanted, pages = choosing.chosen(files)
    wishes = asking.wishes("recognize", pages=False)
    choosing.reason(files, wishes)
    if st.button(say("recognize.go"), type="primary", disabled=not wanted):
        with widgets.told():
            job = widgets.remote().add([(one.name, one, one.type) for one in wanted], {**wishes, "pages": pages})
            choosing.forget()
            _open(job["id"])


def _open(number: str) -> None:
    # A new place for files comes with the next document; results of this one never stand under other files.
    st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
    st.session_state["job"] = st.query_params["job"] = number
    st.rerun()


def _result(number: str) -> None:
    st.session_state["job"] = st.query_params["job"] = number
    if st.button(say("recognize.again"), icon=":material/add:"):
        _close()
    with widgets.told():
        job = widgets.remote().job(number)
        if job["state"] in following.OPEN:
            following.follow(number)
        else:
            following.ended(job)
        if job["pages"]["done"] or job["state"] not in following.OPEN:
            results.show(job)


def _close() -> None:
    st.session_state.pop("job", None)
    st.query_params.pop("job", None)
    st.rerun()
