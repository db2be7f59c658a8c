"""«Модели»: what there is, what runs, what it says."""

from typing import Any

import streamlit as st

from chatvlmllm.models import catalogue
from chatvlmllm.ui import safe, widgets
from chatvlmllm.ui.words import language, say

_LOOK = 3.0
_TONES = {"ready": "good", "busy": "busy", "sleeping": "none", "absent": "none", "failed": "poor"}
_RUNNING = ("ready", "busy", "sleeping", "starting", "stopping")


def page() -> None:
    """Every model of the server; looked at again by itself."""
    st.title(say("pages.models"))
    st.caption(say("models.lead"))
    wanted = st.segmented_control(
        say("pages.models"), ["all", "ready_only"], default="all", format_func=lambda one: say(f"models.{one}"),
        label_visibility="collapsed",
    )  # fmt: skip

    @st.fragment(run_every=_LOOK)
    def look() -> None:
        with widgets.told():
            _memory()
            for model in sorted(widgets.remote().models(), key=lambda one: not one["installed"]):
                if model["installed"] or wanted != "ready_only":
                    _card(model)

    look()


def _memory() -> None:
    gpus = widgets.remote().client.system()["gpus"]
    for gpu in gpus:
        used, total = f"{gpu['used'] / 1e9:.1f}", f"{gpu['total'] / 1e9:.1f}"
        st.progress(gpu["used"] / max(1, gpu["total"]), text=say("models.memory", used=used, total=total))
    if not gpus:
        st.caption(say("models.no_gpu"))


def _card(model: dict[str, Any]) -> None:
    with st.container(border=True):
        first, second = st.columns([4, 1])
        with first:
            st.html(f"<strong>{safe.escape(model['title'])}</strong> <code>{safe.escape(model['id'])}</code>")
            st.html(_badges(model))
            st.html(f'<p class="line">{safe.escape(model["summary"][language()])}</p>')
        with second, widgets.told():
            _buttons(model)
        _progress(model)
        _more(model)


def _badges(model: dict[str, Any]) -> str:
    state = say(f"states.{model['state']}")
    if model["engine"] == "openai":
        where = widgets.badge(say("models.remote"), "good")
    elif model["installed"]:
        where = widgets.badge(say("models.installed"), "good")
    else:
        where = widgets.badge(say("models.absent_files"), "none")
    return where + _fits(model) + widgets.badge(state, _TONES.get(model["state"], "busy"))


def _fits(model: dict[str, Any]) -> str:
    if model["fits"] is None:
        return widgets.badge(say("models.unknown_fit"), "none")
    if model["fits"]:
        return widgets.badge(say("models.fits"), "good")
    card = catalogue().get(model["id"])
    needed = f"{card.weights.vram / 1e9:.0f}" if card is not None and card.weights is not None else "?"
    return widgets.badge(say("models.too_large", needed=needed), "fair")


def _buttons(model: dict[str, Any]) -> None:
    """What can be done with a model now: brought in, ended, or fetched."""
    if not model["installed"]:
        _fetch(model)
        return
    running = model["state"] in _RUNNING
    name = "unload" if running else "load"
    if st.button(say(f"models.{name}"), key=f"{name}-{model['id']}", width="stretch"):
        widgets.remote().post(f"/v1/models/{model['id']}/{name}")
        st.rerun(scope="fragment")


def _fetch(model: dict[str, Any]) -> None:
    """A button that begins a download, or ends the one that is going on."""
    path, going = f"/v1/models/{model['id']}/pull", _going(model)
    if going:
        stops = model["pull"]["stage"] != "running"
        if st.button(say("recognize.cancel"), key=f"cancel-pull-{model['id']}", width="stretch", disabled=stops):
            widgets.remote().delete(path)
            st.rerun(scope="fragment")
    elif st.button(say("models.pull", size=_size(model["download"])), key=f"pull-{model['id']}", width="stretch"):
        widgets.remote().post(path)
        st.rerun(scope="fragment")


def _going(model: dict[str, Any]) -> bool:
    return model["pull"] is not None and model["pull"]["stage"] in ("running", "stopping", "installing")


def _size(number: int) -> str:
    """Bytes for people."""
    return say("models.gb", size=f"{number / 1e9:.1f}") if number >= 1e9 else say("models.mb", size=round(number / 1e6))


def _progress(model: dict[str, Any]) -> None:
    """How far a download is, or how it ended."""
    pull = model["pull"]
    if _going(model):
        values = {"done": _size(pull["done"]), "total": _size(pull["total"] or model["download"])}
        share = min(1.0, pull["done"] / pull["total"]) if pull["total"] else 0.0
        st.progress(share, text=say(f"models.pull_{pull['stage']}", **values))
    elif pull is not None and pull["stage"] == "cancelled" and not model["installed"]:
        st.caption(say("models.pull_cancelled"))
    elif pull is not None and pull["error"] is not None:
        st.error("  \n".join(map(safe.label, widgets.failed(pull["error"]))))


def _more(model: dict[str, Any]) -> None:
    facts = [
        say("models.tasks", tasks=", ".join(say(f"tasks.{task}") for task in model["tasks"])),
        say("models.languages", languages=", ".join(model["languages"])),
        say("models.licence", licence=model["licence"]),
    ]
    card = catalogue().get(model["id"])
    if card is not None and card.cannot:
        facts.insert(0, say("models.cannot", cannot=card.cannot[language()]))
    if model["measured"] is not None:
        facts.append(say("models.measured", measured=_size(model["measured"])))
    if model["reason"]:
        facts.append(widgets.worded(model["reason"]))
    with st.expander(say("models.more")):
        st.html("".join(f'<p class="line">{safe.escape(fact)}</p>' for fact in facts))
    if model["state"] != "absent":
        with st.expander(say("models.log")):
            lines = widgets.remote().client.logs(model["id"])
            st.code("\n".join(lines) or say("models.no_log"), language=None, wrap_lines=True, height=240)
