"""«История»: everything that was read and is still kept."""

from datetime import datetime
from typing import Any

import streamlit as st

from chatvlmllm.ui import following, results, safe, widgets
from chatvlmllm.ui.words import plural, say

_SOME = 20
_TONES = {"finished": "good", "failed": "poor", "cancelled": "fair"}


def page() -> None:
    """A search and the jobs it finds; one of them open."""
    st.title(say("pages.history"))
    opened = st.query_params.get("open")
    with widgets.told():
        if opened:
            _open(opened)
        else:
            _list()


def _open(number: str) -> None:
    if st.button(say("history.back"), icon=":material/arrow_back:"):
        st.query_params.pop("open")
        st.rerun()
    job = widgets.remote().job(number)
    if job["state"] in following.OPEN:
        following.follow(number)
    following.ended(job)
    results.show(job)


def _list() -> None:
    st.caption(say("history.lead"))
    name = st.text_input(say("history.search"), icon=":material/search:")
    limit = st.session_state.setdefault("history-limit", _SOME)
    found = widgets.remote().get("/v1/history", name=name, limit=limit)
    if not found["data"]:
        st.info(say("history.nothing" if name else "history.empty"))
    for job in found["data"]:
        _entry(job)
    if found["has_more"] and st.button(say("history.more")):
        st.session_state["history-limit"] = min(200, limit + _SOME)
        st.rerun()


def _entry(job: dict[str, Any]) -> None:
    with st.container(border=True):
        what, state, go, gone = st.columns([5, 2, 1.4, 1.4], vertical_alignment="center")
        names = ", ".join(job["names"]) + (" …" if job["files"] > len(job["names"]) else "")
        when = datetime.fromtimestamp(job["created"]).strftime("%d.%m.%Y %H:%M")  # noqa: DTZ006 the reader's own clock
        counted = f"{plural('plural.files', job['files'])}, {plural('plural.pages', job['pages'])}"
        what.html(f"<strong>{safe.escape(names)}</strong><br>{when} · {counted} · {safe.escape(job['model'])}")
        state.html(widgets.badge(say(f"jobs.{job['state']}"), _TONES.get(job["state"], "busy")))
        if go.button(say("history.open"), key=f"open-{job['id']}", width="stretch"):
            st.query_params["open"] = job["id"]
            st.rerun()
        with gone.popover(say("history.delete"), width="stretch"):
            if st.button(say("history.sure"), key=f"delete-{job['id']}", type="primary"):
                widgets.remote().client.delete(job["id"])
                st.session_state["toast"] = say("history.deleted")
                st.rerun()
