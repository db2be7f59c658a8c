"""Fields of a paper with their checks: seen, put right, downloaded."""

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from chatvlmllm.ui import corrections, safe, widgets
from chatvlmllm.ui.words import say

_FORMATS = ("xlsx", "csv", "json", "txt")
_MARKS = {"ok": "ok", "failed": "failed", "not_applicable": "unknown"}


def kinds() -> dict[str, str]:
    """The document types that the server knows: title by key."""
    found: list[dict[str, str]] = []
    with widgets.told():
        found = widgets.remote().get("/v1/forms")["data"]
    return {one["key"]: one["title"] for one in found}


def show(job: dict[str, Any], file: dict[str, Any], key: str) -> None:
    """The fields of the whole file, as a table whose values can be changed."""
    titles = kinds()
    wanted = st.selectbox(
        say("recognize.paper"),
        ["auto", *titles],
        format_func=lambda one: titles.get(one, say("recognize.detect")),
        key=f"form-{job['id']}-{file['position']}",
        index=_index(job, titles),
    )
    with widgets.told():
        found = widgets.remote().get(_path(job, file), type=wanted)
        _table(job, file, found, key)
        _downloads(job, file, wanted)


def _index(job: dict[str, Any], titles: dict[str, str]) -> int:
    chosen = job["options"].get("kind", "")
    return 1 + list(titles).index(chosen) if chosen in titles else 0


def _path(job: dict[str, Any], file: dict[str, Any]) -> str:
    return f"/v1/jobs/{job['id']}/files/{file['position']}/fields"


def _table(job: dict[str, Any], file: dict[str, Any], found: dict[str, Any], key: str) -> None:
    if found["form"] == "other":
        st.caption(say("fields.kind_chosen", title=say("fields.other")))
    else:
        percent = round(100 * found["score"])
        st.caption(safe.label(say("fields.kind", title=found["title"], percent=percent)))
    if not found["fields"]:
        st.info(say("fields.none"))
        return
    names = {name: say(f"fields.{name}") for name in ("field", "value", "check", "raw", "place")}
    rows = [_row(one, names) for one in found["fields"]]
    fixed = [names[name] for name in ("field", "check", "raw", "place")]
    known = corrections.load(job["id"], file["position"])
    edited = st.data_editor(
        rows,
        key=f"fields-{key}-{found['form']}-{hash(frozenset(known.fields.items()))}",
        hide_index=True,
        disabled=fixed,
        height=min(620, 40 + 35 * len(rows)),
        column_config={name: st.column_config.TextColumn(name) for name in names.values()},
    )
    if st.button(say("result.keep"), key=f"fields-keep-{key}", type="primary"):
        changed = {
            one["key"]: after[names["value"]] or ""
            for one, after in zip(found["fields"], edited, strict=True)
            if (after[names["value"]] or "") != (one["value"] or "")
        }
        if changed:
            corrections.keep(job["id"], file["position"], replace(known, fields={**known.fields, **changed}))
        else:
            st.toast(say("result.nothing_changed"))


def _row(one: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    place = say("fields.page", page=one["page"]) if one["page"] else ""
    return {
        names["field"]: one["title"],
        names["value"]: one["value"] or "",
        names["check"]: say(f"fields.{_MARKS[one['outcome']]}", why=one["why"]),
        names["raw"]: one["raw"],
        names["place"]: place,
    }


def _written(job: dict[str, Any], file: dict[str, Any], wanted: str, format: str) -> bytes:
    return widgets.remote().content(_path(job, file), type=wanted, format=format)


def _downloads(job: dict[str, Any], file: dict[str, Any], wanted: str) -> None:
    for name, column in zip(_FORMATS, st.columns(len(_FORMATS)), strict=True):
        column.download_button(
            say("fields.download", format=name.upper()),
            partial(_written, job, file, wanted, name),
            file_name=f"{file['name']}.fields.{name}",
            key=f"fields-{job['id']}-{file['position']}-{name}",
            on_click="ignore",
            width="stretch",
        )
