"""How a document is to be read: model, document type, task and the rest, as the server's wishes."""

import streamlit as st

from chatvlmllm.exchange import Task
from chatvlmllm.ui import fields, widgets
from chatvlmllm.ui.words import say

_LANGUAGES = ("rus", "eng", "deu", "fra", "chi_sim", "ukr", "bel", "kaz")


def readers(models: list[dict[str, object]], task: str) -> list[str]:
    """The models that can do a task here, without downloading anything."""
    return [str(one["id"]) for one in models if task in one["tasks"] and one["installed"]]  # type: ignore[operator]


def wishes(key: str, *, pages: bool = True) -> dict[str, str]:
    """Draw the choices, with a field for `pages` if wanted, and return what was chosen as the fields of a request."""
    models = widgets.models()
    titles = {str(one["id"]): str(one["title"]) for one in models}
    first, second, third = st.columns(3)
    tasks = [task.value for task in Task if task is not Task.CHAT]
    task = third.selectbox(say("recognize.task"), tasks, format_func=lambda one: say(f"tasks.{one}"), key=f"{key}-task")
    model = first.selectbox(
        say("recognize.model"),
        ["auto", *readers(models, task)],
        format_func=lambda one: titles.get(one, say("recognize.auto")),
        help=say("recognize.auto_help"),
        key=f"{key}-model",
    )
    papers = fields.kinds()
    paper = second.selectbox(
        say("recognize.paper"),
        ["", *papers],
        format_func=lambda one: papers.get(one, say("recognize.detect")),
        key=f"{key}-paper",
    )
    return {"model": model, "task": task, "kind": paper, **_more(key, pages=pages)}


def _more(key: str, *, pages: bool) -> dict[str, str]:
    with st.expander(say("recognize.more")):
        first, second, third = st.columns(3)
        languages = first.multiselect(
            say("recognize.languages"), _LANGUAGES, default=["rus", "eng"], key=f"{key}-languages"
        )
        numbers = ""
        if pages:
            numbers = second.text_input(
                say("recognize.pages"), help=say("recognize.pages_help"), key=f"{key}-pages", placeholder="1-3,7"
            )
        prefer = third.segmented_control(
            say("recognize.prefer"),
            ["quality", "speed"],
            default="quality",
            format_func=lambda one: say(f"recognize.{one}"),
            key=f"{key}-prefer",
        )
        fallback = st.toggle(say("recognize.fallback"), value=True, key=f"{key}-fallback")
    return {
        "lang": "+".join(languages or ["rus", "eng"]),
        "pages": numbers,
        "prefer": prefer or "quality",
        "fallback": str(fallback).lower(),
    }
