"""A job that is followed while it goes on: how far it is, what is being read just now, and a way to stop it."""

from typing import Any

import streamlit as st

from chatvlmllm.ui import safe, widgets
from chatvlmllm.ui.words import say

#: Seconds between two looks at a job that goes on; text that comes should seem to flow.
_LOOK = 0.5

OPEN = ("queued", "running")


def follow(number: str) -> None:
    """Progress of a job, redrawn by itself; when it has ended, or has more pages than before, the page is redrawn."""

    @st.fragment(run_every=_LOOK)
    def look() -> None:
        with widgets.told():
            job = widgets.remote().job(number)
            bar(job)
            if job["state"] in OPEN:
                aloud(job)
            if job["state"] not in OPEN or _news(job):
                st.rerun()

    look()


def _news(job: dict[str, Any]) -> bool:
    """Whether the first page has come since the last look: from then on there is something to see."""
    seen = st.session_state.setdefault(f"seen-{job['id']}", 0)
    st.session_state[f"seen-{job['id']}"] = job["pages"]["done"]
    return bool(seen == 0 and job["pages"]["done"])


def aloud(job: dict[str, Any]) -> None:
    """The pages under way with their text so far, each kept at its end as a page of a typewriter is."""
    cards = [_card(job, one) for one in widgets.remote().get(f"/v1/jobs/{job['id']}/said")["data"]]
    if cards:
        st.html(f'<div class="aloud">{"".join(cards)}</div>')
    elif not job["pages"]["done"]:
        st.caption(say("recognize.opening"))


def _card(job: dict[str, Any], one: dict[str, Any]) -> str:
    several = len(job["files"]) > 1
    names = {file["position"]: file["name"] for file in job["files"]}
    head = say("recognize.reads", page=one["page"], model=one["model"])
    head = f"{names[one['file']]} · {head}" if several else head
    text = safe.escape(one["text"]) or f"<em>{say('recognize.silent')}</em>"
    return f'<section><h4>{safe.escape(head)}</h4><div class="said"><div class="plain">{text}</div></div></section>'


def bar(job: dict[str, Any]) -> None:
    """How far a job is, in words and as a bar, with a button that stops it."""
    pages = job["pages"]
    text = say("recognize.progress", done=pages["done"], total=pages["total"])
    if job["state"] == "queued":
        text = say("recognize.queued")
    elif pages["seconds_left"] is not None:
        text += " · " + say("recognize.left", seconds=max(1, round(pages["seconds_left"])))
    shown, button = st.columns([5, 1], vertical_alignment="center")
    shown.progress(pages["done"] / max(1, pages["total"]), text=text)
    if job["state"] in OPEN and button.button(say("recognize.cancel"), key=f"cancel-{job['id']}", width="stretch"):
        with widgets.told():
            widgets.remote().client.cancel(job["id"])
            st.rerun()


def ended(job: dict[str, Any]) -> None:
    """What there is to say about a job that did not simply finish."""
    if job["state"] == "cancelled":
        st.warning(say("recognize.cancelled"))
    if job["error"] is not None:
        st.error("  \n".join(map(safe.label, widgets.failed(job["error"]))))
