"""«Сравнение»: one document through several models, their texts side by side, and where they differ."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import streamlit as st

from chatvlmllm.bench.metrics import cer, ned, wer
from chatvlmllm.document.sniff import EXTENSIONS
from chatvlmllm.exchange import Task
from chatvlmllm.models import catalogue
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.ui import asking, following, results, safe, shown, widgets
from chatvlmllm.ui.words import language, say

_WORDS = re.compile(r"\s+|[^\s]+")
#: Longer texts are compared by lines: words would take minutes.
_MOST = 4000


def page() -> None:
    """A file and models to choose, or what they read."""
    st.title(say("pages.compare"))
    numbers = [one for one in st.query_params.get("jobs", "").split(",") if one]
    with widgets.told():
        if numbers:
            _compare(numbers)
        else:
            _upload()


def _upload() -> None:
    st.caption(say("compare.lead"))
    file = st.file_uploader(say("upload.label"), type=[one.lstrip(".") for one in EXTENSIONS], key="compare-file")
    known = widgets.models()
    titles = {one["id"]: one["title"] for one in known}
    able = [one for one in asking.readers(known, Task.TEXT) if _sees(one)]
    if len(able) < 2:
        st.info(say("compare.one_reader"))
        return
    models = st.multiselect(
        say("compare.models"), able, default=able[:2], format_func=lambda one: titles[one], placeholder=""
    )
    if len(models) < 2:
        st.caption(say("compare.two"))
    _measured(models)
    if st.button(say("compare.go"), type="primary", disabled=file is None or len(models) < 2) and file is not None:
        wishes = {"task": "text", "fallback": "false", "witness": "off"}
        jobs = [
            widgets.remote().add([(file.name, file.getvalue(), file.type)], {**wishes, "model": model})["id"]
            for model in models
        ]
        st.query_params["jobs"] = ",".join(jobs)
        st.rerun()


def _sees(model: str) -> bool:
    """Whether it reads pictures, so that it can be compared with others about any document."""
    card = catalogue().get(model)
    return card is None or card.recipes[Task.TEXT].needs_image


def _compare(numbers: list[str]) -> None:
    if st.button(say("recognize.again"), icon=":material/add:"):
        st.query_params.pop("jobs")
        st.rerun()
    jobs = [widgets.remote().job(number) for number in numbers]
    going = [job for job in jobs if job["state"] in following.OPEN]
    if going:
        following.follow(going[0]["id"])
        return
    wanted: list[int] = jobs[0]["files"][0]["wanted"]
    number = wanted[0] if len(wanted) == 1 else st.selectbox(say("recognize.page"), wanted)
    found = {job["model"]: results.read(job["id"], 0, number) for job in jobs}
    read = {model: reading for model, reading in found.items() if reading is not None}
    truth = st.text_area(say("compare.truth"), help=say("compare.truth_help"), height=80)
    base = st.selectbox(say("compare.base"), list(read))
    _table(read, base, truth)
    _measured([job["model"] for job in jobs])
    _texts(read, base)


def text_of(reading: Reading) -> str:
    """What a reading says, tables as rows."""
    return "\n\n".join(shown.readable(block) for block in reading.blocks)


def _table(read: dict[str, Reading], base: str, truth: str) -> None:
    rows = []
    for model, reading in read.items():
        text = text_of(reading)
        far = ned(text_of(read[base]), text).value
        row: dict[str, Any] = {
            say("compare.column_model"): model,
            say("compare.column_verdict"): widgets.verdict(Verdict(reading.verdict)),
            say("compare.column_seconds"): round(sum(one.seconds for one in reading.attempts), 1),
            say("compare.column_words"): len(text.split()),
            say("compare.column_agreement"): "—" if far is None or model == base else f"{100 * (1 - far):.1f}",
        }
        if truth.strip():
            row[say("compare.cer")] = cer(truth, text).value
            row[say("compare.wer")] = wer(truth, text).value
        rows.append(row)
    st.dataframe(rows, hide_index=True, width="stretch")


def _measured(models: Sequence[str]) -> None:
    """What the laboratory found out about these models, and on which of them it has not looked."""
    if not models:
        return
    with widgets.told():
        found = figures(widgets.remote().get("/v1/measurements")["data"], models)
        if not found:
            st.caption(say("compare.none_measured"))
            return
        st.markdown(f"**{say('compare.measured')}**")
        st.dataframe([_figures(model, found.get(model)) for model in models], hide_index=True, width="stretch")
        if len({entry["data"] for entry in found.values()}) > 1:
            st.caption(say("compare.other_pages"))


def figures(entries: Sequence[Mapping[str, Any]], models: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Of every measured model its last entry, on the same pages if there are some that all of them have read.

    `entries` are those of the server, the newest first.
    """
    known = {model: {one["data"]: one for one in reversed(entries) if one["subject"] == model} for model in models}
    measured = {model: found for model, found in known.items() if found}
    shared = set.intersection(*map(set, measured.values())) if measured else set()
    newest = {model: next(one for one in entries if one["subject"] == model) for model in measured}
    common = next((one["data"] for one in entries if one["data"] in shared), None)
    return newest if common is None else {model: found[common] for model, found in measured.items()}


def _figures(model: str, entry: Mapping[str, Any] | None) -> dict[str, str]:
    """A row of the table of measurements."""
    rate, seconds, pages, when, machine = say("compare.unmeasured"), "—", "—", "—", "—"
    if entry is not None:
        rate, seconds, pages = _figure(entry["cer"], 4), _figure(entry["seconds"], 2), str(entry["pages"])
        when = datetime.fromisoformat(entry["at"]).astimezone().strftime("%d.%m.%Y")
        machine = entry["machine"] or "—"
    return {
        say("compare.column_model"): model,
        say("compare.cer"): rate,
        say("compare.column_per_page"): seconds,
        say("compare.column_pages"): pages,
        say("compare.column_when"): when,
        say("compare.column_machine"): machine,
    }


def _figure(value: float | None, digits: int) -> str:
    text = "—" if value is None else f"{value:.{digits}f}"
    return text.replace(".", ",") if language() == "ru" else text


def _texts(read: dict[str, Reading], base: str) -> None:
    columns = st.columns(len(read))
    first = text_of(read[base])
    for column, (model, reading) in zip(columns, read.items(), strict=True):
        with column:
            st.markdown(f"**{safe.label(model)}**")
            if reading.failure is not None:
                st.error(safe.label(" ".join(widgets.failed(asdict(reading.failure)))))
            if model == base:
                st.html(f'<div class="diff">{safe.escape(first)}</div>')
                continue
            st.caption(safe.label(say("compare.differs", model=base)))
            text = text_of(reading)
            st.html(f'<div class="diff">{difference(first, text)}</div>' if text != first else say("compare.same"))


def difference(first: str, second: str) -> str:
    """The second text as inert HTML: what it has more than the first in `ins`, what it lacks in `del`."""
    old, new = _WORDS.findall(first), _WORDS.findall(second)
    if max(len(old), len(new)) > _MOST:
        old, new = first.splitlines(keepends=True), second.splitlines(keepends=True)
    pieces = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        was, now = safe.escape("".join(old[a:b])), safe.escape("".join(new[c:d]))
        if kind == "equal":
            pieces.append(now)
        else:
            pieces.append((f"<del>{was}</del>" if was else "") + (f"<ins>{now}</ins>" if now else ""))
    return "".join(pieces)
