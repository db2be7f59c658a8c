"""«Пакет»: many files as one job that outlives this page and the server."""

from collections import Counter
from typing import Any

import streamlit as st

from chatvlmllm.document.sniff import EXTENSIONS
from chatvlmllm.ui import asking, following, results, widgets
from chatvlmllm.ui.words import plural, say

_LOOK = 1.5
_BAD = ("failed", "refused")


def page() -> None:
    """Files to choose, or the batch that was started last."""
    st.title(say("pages.batch"))
    number = st.query_params.get("batch") or st.session_state.get("batch")
    with widgets.told():
        if number:
            _batch(number)
        else:
            _upload()


def _upload() -> None:
    st.caption(say("batch.lead"))
    files = st.file_uploader(
        say("upload.label"),
        type=[extension.lstrip(".") for extension in EXTENSIONS],
        accept_multiple_files=True,
        key=f"batch-upload-{st.session_state.get('batches', 0)}",
    )
    wishes = asking.wishes("batch")
    st.caption(say("recognize.chosen", files=plural("plural.files", len(files))) if files else say("recognize.nothing"))
    if st.button(say("batch.go"), type="primary", disabled=not files):
        job = widgets.remote().add([(one.name, one, one.type) for one in files], wishes)
        _open(job["id"])


def _open(number: str | None) -> None:
    st.session_state["batches"] = st.session_state.get("batches", 0) + 1
    if number is None:
        st.session_state.pop("batch", None)
        st.query_params.pop("batch", None)
    else:
        st.session_state["batch"] = st.query_params["batch"] = number
    st.rerun()


def _batch(number: str) -> None:
    st.session_state["batch"] = st.query_params["batch"] = number
    st.caption(say("batch.survives"))
    if st.button(say("batch.new"), icon=":material/add:"):
        _open(None)
    job = widgets.remote().job(number)
    if job["state"] in following.OPEN:
        _live(number)
        return
    following.ended(job)
    _table(job)
    _results(job)
    if st.toggle(say("batch.open"), key=f"look-{number}"):
        results.show(job)


def _live(number: str) -> None:
    """The table while the job goes on."""

    @st.fragment(run_every=_LOOK)
    def look() -> None:
        with widgets.told():
            job = widgets.remote().job(number)
            following.bar(job)
            _table(job)
            if job["state"] not in following.OPEN:
                st.rerun()

    look()


def _table(job: dict[str, Any]) -> None:
    """One row per file."""
    files = widgets.remote().get(f"/v1/jobs/{job['id']}/progress")["data"]
    rows = [_row(file, job["state"]) for file in files]
    st.dataframe(rows, hide_index=True, width="stretch", height=min(740, 40 + 35 * len(rows)))


def _row(file: dict[str, Any], state: str) -> dict[str, Any]:
    verdicts = Counter(file["verdicts"])
    worded = ", ".join(f"{widgets.verdict(name)}: {count}" for name, count in verdicts.items())
    ended = file["done"] == file["pages"] or state not in following.OPEN
    return {
        say("batch.file"): file["name"],
        say("batch.pages"): file["pages"],
        say("batch.done"): file["done"],
        say("batch.state"): say("jobs.finished" if ended else "jobs.running" if file["done"] else "jobs.queued"),
        say("batch.problem"): widgets.failed(file["error"])[0] if file["error"] else worded,
    }


def _results(job: dict[str, Any]) -> None:
    """Everything at once, the overview, and the failed ones again."""
    bad = sum(job["verdicts"].get(name, 0) for name in _BAD)
    first, second, third = st.columns(3)
    first.download_button(
        say("batch.zip"),
        lambda: widgets.remote().content(f"/v1/jobs/{job['id']}/everything"),
        file_name=f"batch-{job['id'][:8]}.zip",
        key=f"zip-{job['id']}",
        type="primary",
        width="stretch",
        on_click="ignore",
    )
    second.download_button(
        say("batch.table"),
        lambda: widgets.remote().content(f"/v1/jobs/{job['id']}/overview"),
        file_name=f"batch-{job['id'][:8]}.xlsx",
        key=f"overview-{job['id']}",
        width="stretch",
        on_click="ignore",
    )
    if bad and third.button(say("batch.retry", count=bad), key=f"retry-{job['id']}", width="stretch"):
        again = widgets.remote().post(f"/v1/jobs/{job['id']}/again")
        _open(again["id"])
